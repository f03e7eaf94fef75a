/**
 * The world outside of the engine: files, clock, randomness, turns of the event loop. The engine reaches it through
 * these interfaces only, so that a simulator can own it and a seed repeats a run.
 *
 * Always true, of every host:
 * (1) What `sync` or `syncNow` covered before it succeeded survives a power cut; nothing else of a file's bytes need to.
 * (2) A name (created, renamed, linked, removed) survives a power cut after `syncDirectory` of its directory, not before.
 * (3) Every failure is a KotobaError that names the file: DiskFull, else StorageError 'Io'.
 * (4) A sync that failed is never tried again: after it the handle only reads and closes. What the operating system
 *     dropped from its cache would be reported as written by a second try.
 */
import { KotobaError } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { DiskFull, StorageError } from "../../contract/index.ts";

/** read: exists, read only. create: fails if it exists, read and write. write: exists, read and write. */
export type OpenMode = "read" | "create" | "write";

/**
 * One open file. Reads and writes name their offset; there is no cursor. Only sync() and readAsync() may run beside other
 * calls.
 */
export interface FileHandle {
  readonly path: string;
  /** Fills target[start, end) from `offset`; returns how many bytes were read, fewer only at the end of the file. */
  read(target: Bytes, start: number, end: number, offset: number): number;
  /**
   * The same without blocking the thread. target[start, end) belongs to the read until it settles. A read that is under
   * way when the file is closed or removed finishes first.
   */
  readAsync(target: Bytes, start: number, end: number, offset: number): Promise<number>;
  /** Writes source[start, end) at `offset`, all of it (short writes are continued), or throws with some of it written. */
  write(source: Bytes, start: number, end: number, offset: number): void;
  size(): number;
  truncate(size: number): void;
  /** Makes durable what was written before the call (fdatasync), without blocking the thread. */
  sync(): Promise<void>;
  /** The same, blocking. */
  syncNow(): void;
  /** Idempotent. Waits for no sync and no read: what is under way finishes first, in the background. */
  close(): void;
}

/** The taken lock on a directory. */
export interface DirectoryLock {
  /** Idempotent. */
  release(): Promise<void>;
}

export interface FileSystem {
  open(path: string, mode: OpenMode): FileHandle;
  exists(path: string): boolean;
  /** Names in the directory, without the directory, sorted. */
  list(directory: string): readonly string[];
  size(path: string): number;
  /** Creates the directory and its missing parents; each new name is synced in its parent. Fine if it exists. */
  makeDirectory(path: string): void;
  remove(path: string): void;
  /** The same without blocking the thread: to free a large file takes a disk many milliseconds. */
  removeInBackground(path: string): Promise<void>;
  /** Replaces `to` if it exists. */
  rename(from: string, to: string): void;
  /** A second name for the same file. */
  link(from: string, to: string): void;
  /** False on Windows, which offers no such call: there names become durable with the next sync of a file behind them. */
  readonly syncsDirectories: boolean;
  /** Makes the directory's names durable; does nothing where `syncsDirectories` is false. */
  syncDirectory(path: string): void;
  /** The same, without blocking the thread. */
  syncDirectoryInBackground(path: string): Promise<void>;
  /**
   * Takes the existing directory for this process or throws DatabaseLocked naming the holder. `readOnly`: works in a
   * directory that cannot be written to, and writes nothing but a lock where a system has no other; it is held as alone
   * as every other.
   */
  lock(directory: string, options?: { readonly readOnly?: boolean }): Promise<DirectoryLock>;
}

export interface Clock {
  /** Milliseconds since 1970, as the wall says; may jump. */
  nowMillis(): number;
  /** Milliseconds since some moment; never goes back. */
  monotonicMillis(): number;
}

export interface Random {
  bytes(count: number): Bytes;
}

export interface Timers {
  /** Lets other work run, then goes on. */
  pause(): Promise<void>;
  sleep(millis: number): Promise<void>;
  /** Calls `task` once after so many milliseconds, as sleep() would end; the answer cancels it, whenever it is called. */
  after(millis: number, task: () => void): () => void;
  /** The same for what guards other work: a simulator waits for no deadline, it comes when time has passed it. */
  deadline(millis: number, task: () => void): () => void;
  /**
   * The same for work that nobody waits for: the process may end before it. A simulator waits for it as little as for a
   * deadline.
   */
  later(millis: number, task: () => void): () => void;
  /** Runs `work` after the current turn of the event loop, when all writers of this turn have queued theirs. */
  soon(work: () => void): void;
}

/** Another thread of this process, as its maker sees it. */
export interface BackgroundThread {
  /** Sends a copy of plain data; shared memory in it is shared, not copied. */
  post(message: unknown): void;
  /** Whether the process stays alive for it; at first it does not. */
  keepAlive(isKept: boolean): void;
  /** Ends it at once, wherever it is. `ended` has been called when this settles. */
  stop(): Promise<void>;
}

export interface ThreadListener {
  message(message: unknown): void;
  /** Called once: the thread has ended, by itself or not, and touches nothing any more. */
  ended(cause: unknown): void;
}

export interface Threads {
  /** Starts a thread that runs `source`, a script without imports of ours. `data` is what it begins with. */
  start(source: string, data: unknown, listener: ThreadListener): BackgroundThread;
}

export interface Host {
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  /**
   * Absent: all work is done on the one thread. A thread works on the files of the operating system, so a host whose files
   * are others leaves this out.
   */
  readonly threads?: Threads;
  /** Takes an error that nobody awaits, and says where it came from; a warning of the process. */
  warn(error: unknown, where: string): void;
}

/**
 * An error of the host as an error of the engine, with the file's name: DiskFull where a write found no room, be it of the
 * disk (ENOSPC), of a quota (EDQUOT) or of the size that a file may have (EFBIG); else a StorageError. A KotobaError passes
 * through unchanged.
 */
export function storageFailure(cause: unknown, file: string): KotobaError {
  if (cause instanceof KotobaError) return cause;
  const code = errorCode(cause);
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG")
    return new DiskFull(file, { cause });
  if (code === "ENOTDIR")
    return new StorageError("NotADirectory", { file, error: code }, { cause });
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return new StorageError("NoPermission", { file, error: code }, { cause });
  return new StorageError("Io", { file, error: code ?? String(cause) }, { cause });
}

/** The operating system's word for what went wrong ("ENOENT"), where it gave one. */
export function errorCode(cause: unknown): string | undefined {
  if (typeof cause !== "object" || cause === null || !("code" in cause)) return undefined;
  return typeof cause.code === "string" ? cause.code : undefined;
}
