/**
 * The host on Node: files through node:fs, and the clock, randomness and timers of the process. With node-lock.ts the
 * only file of the engine that touches the operating system.
 *
 * Always true:
 * (1) No result of a call is thrown away: a write that wrote less than asked is continued. On a full disk the first call
 *     may write a part without an error, and only the second one fails.
 * (2) A failed sync is never repeated: the handle refuses further writes and syncs.
 * (3) A file is closed only when no sync and no read of it is under way: its number could belong to another file by then.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  read,
  readSync,
  readdirSync,
  renameSync,
  statSync,
  unlink,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { StorageError } from "../../contract/index.ts";
import { Closed } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { errorCode, storageFailure } from "./host.ts";
import type { FileHandle, FileSystem, Host, OpenMode, Timers } from "./host.ts";
import { lockDirectory } from "./node-lock.ts";
import { nodeThreads } from "./node-threads.ts";

const openFlags: Readonly<Record<OpenMode, string>> = { read: "r", create: "wx+", write: "r+" };

class NodeFile implements FileHandle {
  readonly path: string;
  readonly #descriptor: number;
  /** Syncs and reads that run beside this thread. */
  #underWay = 0;
  #closed = false;
  /** Set by the first failed sync; everything after it would rest on bytes that may be gone. */
  #failure: Error | undefined;

  constructor(path: string, mode: OpenMode) {
    this.path = path;
    this.#descriptor = attempt(path, () => openSync(path, openFlags[mode]));
  }

  read(target: Bytes, start: number, end: number, offset: number): number {
    this.#assertOpen();
    let at = start;
    try {
      while (at < end) {
        const count = readSync(this.#descriptor, target, at, end - at, offset + (at - start));
        if (count === 0) break;
        at += count;
      }
    } catch (cause) {
      throw storageFailure(cause, this.path);
    }
    return at - start;
  }

  readAsync(target: Bytes, start: number, end: number, offset: number): Promise<number> {
    return new Promise((resolved, rejected) => {
      this.#assertOpen();
      this.#underWay++;
      const readOn = (at: number): void => {
        read(this.#descriptor, target, at, end - at, offset + (at - start), (cause, count) => {
          if (cause === null && count > 0 && at + count < end) {
            readOn(at + count);
            return;
          }
          this.#callEnded();
          if (cause === null) resolved(at + count - start);
          else rejected(storageFailure(cause, this.path));
        });
      };
      readOn(start);
    });
  }

  write(source: Bytes, start: number, end: number, offset: number): void {
    this.#assertWritable();
    let at = start;
    try {
      while (at < end) {
        const count = writeSync(this.#descriptor, source, at, end - at, offset + (at - start));
        // Asking again would never end; no file system that is in order does this.
        if (count === 0) throw new StorageError("Io", { file: this.path, error: "wrote nothing" });
        at += count;
      }
    } catch (cause) {
      throw storageFailure(cause, this.path);
    }
  }

  size(): number {
    this.#assertOpen();
    return attempt(this.path, () => fstatSync(this.#descriptor).size);
  }

  truncate(size: number): void {
    this.#assertWritable();
    attempt(this.path, () => ftruncateSync(this.#descriptor, size));
  }

  sync(): Promise<void> {
    return new Promise((resolved, rejected) => {
      this.#assertWritable();
      this.#underWay++;
      fdatasync(this.#descriptor, (cause) => {
        this.#callEnded();
        if (cause === null) resolved();
        else rejected(this.#fail(cause));
      });
    });
  }

  syncNow(): void {
    this.#assertWritable();
    try {
      fdatasyncSync(this.#descriptor);
    } catch (cause) {
      throw this.#fail(cause);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#underWay === 0) attempt(this.path, () => closeSync(this.#descriptor));
  }

  #callEnded(): void {
    this.#underWay--;
    if (this.#closed && this.#underWay === 0) closeSync(this.#descriptor);
  }

  #fail(cause: unknown): Error {
    this.#failure ??= storageFailure(cause, this.path);
    return this.#failure;
  }

  #assertOpen(): void {
    if (this.#closed) throw new Closed(this.path);
  }

  #assertWritable(): void {
    this.#assertOpen();
    if (this.#failure === undefined) return;
    throw new StorageError("ReadOnly", { file: this.path }, { cause: this.#failure });
  }
}

const nodeFiles: FileSystem = {
  open: (path, mode) => new NodeFile(path, mode),
  exists: (path) => attempt(path, () => statSync(path, { throwIfNoEntry: false }) !== undefined),
  list: (directory) => attempt(directory, () => readdirSync(directory).sort()),
  size: (path) => attempt(path, () => statSync(path).size),
  makeDirectory,
  remove: (path) => attempt(path, () => unlinkSync(path)),
  removeInBackground: (path) =>
    new Promise((resolved, rejected) => {
      unlink(path, (cause) => {
        if (cause === null) resolved();
        else rejected(storageFailure(cause, path));
      });
    }),
  rename: (from, to) => attempt(from, () => renameSync(from, to)),
  link: (from, to) => attempt(from, () => linkSync(from, to)),
  syncDirectory,
  get syncsDirectories() {
    return syncsDirectories();
  },
  syncDirectoryInBackground,
  lock: lockDirectory,
};

function makeDirectory(path: string): void {
  const whole = resolve(path);
  if (isDirectory(whole)) return;
  const parent = dirname(whole);
  if (parent !== whole) makeDirectory(parent);
  try {
    mkdirSync(whole);
  } catch (cause) {
    // Another process may have made it since we looked; it may not have synced the name yet, so we do.
    if (errorCode(cause) !== "EEXIST") throw storageFailure(cause, whole);
    if (!isDirectory(whole))
      throw new StorageError("NotADirectory", { file: whole, error: "EEXIST" }, { cause });
  }
  syncDirectory(parent);
}

function isDirectory(path: string): boolean {
  return attempt(path, () => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true);
}

function syncsDirectories(): boolean {
  return process.platform !== "win32";
}

function syncDirectory(path: string): void {
  if (!syncsDirectories()) return;
  attempt(path, () => {
    const descriptor = openSync(path, "r");
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  });
}

async function syncDirectoryInBackground(path: string): Promise<void> {
  if (!syncsDirectories()) return;
  const descriptor = attempt(path, () => openSync(path, "r"));
  try {
    await new Promise<void>((resolved, rejected) => {
      fsync(descriptor, (cause) => {
        if (cause === null) resolved();
        else rejected(storageFailure(cause, path));
      });
    });
  } finally {
    attempt(path, () => closeSync(descriptor));
  }
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw storageFailure(cause, path);
  }
}

function after(millis: number, task: () => void): () => void {
  const timer = setTimeout(task, millis);
  return () => clearTimeout(timer);
}

function later(millis: number, task: () => void): () => void {
  const timer = setTimeout(task, millis);
  timer.unref();
  return () => clearTimeout(timer);
}

/** Turns of Node's event loop; also the simulator's, since they take no time and keep their order. */
export const nodeTimers: Timers = {
  pause: () => new Promise((resolved) => setImmediate(resolved)),
  sleep: (millis) => new Promise((resolved) => setTimeout(resolved, millis)),
  after,
  deadline: after,
  later,
  // Not a microtask: writers that were woken by the same event would come just after it and miss the group.
  soon: (work) => void setImmediate(work),
};

/**
 * The host of a real process: files on the disk, locks that die with the process.
 *
 * @example
 * const host = nodeHost();
 * host.files.makeDirectory("data/atlas");
 * const lock = await host.files.lock("data/atlas");
 */
export function nodeHost(): Host {
  return {
    files: nodeFiles,
    clock: { nowMillis: () => Date.now(), monotonicMillis: () => performance.now() },
    random: { bytes: (count) => new Uint8Array(randomBytes(count)) },
    timers: nodeTimers,
    threads: nodeThreads,
    warn: (error, where) => {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      process.emitWarning(`${where}: ${text}`, "KotobaDB");
    },
  };
}
