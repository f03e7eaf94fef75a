/**
 * Writes one log. Commits are encoded into memory, written to the operating system in one call for many, and made
 * durable by a sync that many share.
 *
 * Always true:
 * (1) Header and name are durable before create() returns, so before any commit is acknowledged; and the header is
 *     durable before the file gets its name, so a file with the name of a log has the header of that log.
 * (2) A record's syncedUpTo is never more than what a finished sync covered.
 * (3) The file has room for all that was appended, and for the close mark: append() makes room in steps, with zeros,
 *     before it takes the commit. So a full disk is seen before anything happened, and a sync need not wait for the
 *     file system to note a new size.
 * (4) After a failed write or sync the writer writes nothing more: what the file holds beyond syncedUpTo is unknown.
 *     One failure is none: a write that found the disk full (a file system that copies on write needs room to overwrite).
 *     What is pending stays pending, and the same bytes are written to the same place when it is tried again. So does
 *     the close mark.
 * (5) The close mark is made only after all before it is durable, so it vouches for every byte of the log.
 */
import { Closed, assert } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { DiskFull, StorageError } from "../../contract/index.ts";
import {
  FILE_HEADER_BYTES,
  STORE_ID_BYTES,
  encodeFileHeader,
  pathIn,
  readU32,
  sealRecord,
  spareName,
  walName,
  writeU48,
} from "../codec/index.ts";
import type { FileHandle, Host } from "../host/index.ts";
import {
  CLOSE_BYTES,
  RECORD_BYTES_MAX,
  RECORD_HEAD_BYTES,
  SEQUENCE_MAX,
  TYPE_CLOSE,
  TYPE_COMMIT,
  WAL_MAGIC,
  opBytes,
  writeOp,
  writeRecordHead,
} from "./wal-format.ts";
import type { WalOp } from "./wal-format.ts";

const PENDING_BYTES_FIRST = 8 * 1024;
/** A larger buffer, left by a large commit, is given back after it was written. */
const PENDING_BYTES_KEPT_MAX: number = 4 * 1024 * 1024;
/** So much room is made at once. Zeros of this size take a fifth of a millisecond to write. */
export const STEP_BYTES: number = 1024 * 1024;

export interface WalPlace {
  readonly host: Host;
  readonly directory: string;
  readonly storeId: Bytes;
  /** How much room is made at once, in bytes. */
  readonly stepBytes: number;
}

export class WalWriter {
  readonly logNumber: number;
  readonly path: string;
  readonly #file: FileHandle;
  readonly #host: Host;
  readonly #identity: number;
  readonly #stepBytes: number;
  #pending: Bytes = new Uint8Array(PENDING_BYTES_FIRST);
  #pendingBytes = 0;
  #fileBytes = FILE_HEADER_BYTES;
  #roomBytes: number;
  #syncedUpTo = FILE_HEADER_BYTES;
  #lastSequence = 0;
  #failure: unknown;
  #isMarked = false;
  #closed = false;

  private constructor(place: WalPlace, logNumber: number) {
    this.#host = place.host;
    this.#stepBytes = place.stepBytes;
    this.#identity = readU32(encodeFileHeader(WAL_MAGIC, logNumber, place.storeId), 36);
    this.logNumber = logNumber;
    this.path = pathIn(place.directory, walName(logNumber));
    this.#file = place.host.files.open(this.path, "write");
    this.#roomBytes = this.#file.size();
  }

  /**
   * Makes the log's file and makes it durable together with its name, blocking. `spare` is the path of a file that
   * becomes the log; without it a new one is made.
   */
  static create(place: WalPlace, logNumber: number, spare?: string): WalWriter {
    const { directory, host } = place;
    // The name of the spare is durable first, so that no power cut can leave one file under two names.
    if (spare !== undefined) named(directory, () => host.files.syncDirectory(directory));
    const draft = writeHeader(place, logNumber, spare);
    try {
      draft.syncNow();
    } finally {
      draft.close();
    }
    host.files.rename(draft.path, pathIn(directory, walName(logNumber)));
    named(directory, () => host.files.syncDirectory(directory));
    const wal = WalWriter.#ofNamed(place, logNumber);
    if (!host.files.syncsDirectories) named(wal.path, () => wal.#file.syncNow());
    return wal;
  }

  /** The same without blocking the thread. After DiskFull no log was made, and another one may be tried. */
  static async createInBackground(
    place: WalPlace,
    logNumber: number,
    spare?: string,
  ): Promise<WalWriter> {
    const { directory, host } = place;
    const syncNames = (): Promise<void> => host.files.syncDirectoryInBackground(directory);
    if (spare !== undefined) await syncNames().catch(namesUnknown(directory));
    const draft = writeHeader(place, logNumber, spare);
    try {
      await draft.sync();
    } finally {
      draft.close();
    }
    host.files.rename(draft.path, pathIn(directory, walName(logNumber)));
    await syncNames().catch(namesUnknown(directory));
    const wal = WalWriter.#ofNamed(place, logNumber);
    // The name first: where it is lost, a close mark of the log before must be, too.
    if (!host.files.syncsDirectories) await wal.#file.sync().catch(namesUnknown(wal.path));
    return wal;
  }

  /** There is a log by now, so a full disk would be the wrong thing to say. */
  static #ofNamed(place: WalPlace, logNumber: number): WalWriter {
    const path = pathIn(place.directory, walName(logNumber));
    return named(path, () => new WalWriter(place, logNumber));
  }

  /** Bytes that were appended and not yet written. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }
  /** Bytes that were given to the operating system. */
  get fileBytes(): number {
    return this.#fileBytes;
  }
  /** Bytes that are durable. */
  get syncedUpTo(): number {
    return this.#syncedUpTo;
  }
  /** How large the file is, with the room that was made ahead. */
  get roomBytes(): number {
    return this.#roomBytes;
  }

  /**
   * Adds a commit to what is pending. Sequences ascend; there is at least one op. The ops' bytes are copied. Throws
   * DiskFull when there is no room, and nothing has happened then. Its only I/O is to make room.
   * HOT: bench/micro/lsm-engine.
   */
  append(sequence: number, ops: readonly WalOp[]): void {
    this.#assertUsable();
    assert(sequence > this.#lastSequence && sequence <= SEQUENCE_MAX, "log sequences ascend");
    assert(ops.length > 0, "a logged commit has ops");
    let length = RECORD_HEAD_BYTES;
    for (let i = 0; i < ops.length; i++) length += opBytes(ops[i]!);
    assert(length <= RECORD_BYTES_MAX, "a commit fits into one log record");
    const needed = this.#fileBytes + this.#pendingBytes + length + CLOSE_BYTES;
    if (needed > this.#roomBytes) this.#makeRoom(needed);
    const at = this.#beginRecord(length, TYPE_COMMIT, sequence, ops.length);
    let end = at + RECORD_HEAD_BYTES;
    for (let i = 0; i < ops.length; i++) end = writeOp(this.#pending, end, ops[i]!);
    this.#endRecord(at, end);
    this.#lastSequence = sequence;
  }

  /**
   * Gives all that is pending to the operating system, in one write. After DiskFull it may be tried again; after any
   * other failure the writer is at its end.
   */
  writePending(): void {
    this.#assertUsable();
    if (this.#pendingBytes === 0) return;
    try {
      this.#file.write(this.#pending, 0, this.#pendingBytes, this.#fileBytes);
    } catch (cause) {
      if (cause instanceof DiskFull) throw cause;
      throw this.#fail(cause);
    }
    this.#fileBytes += this.#pendingBytes;
    this.#pendingBytes = 0;
    if (this.#pending.length > PENDING_BYTES_KEPT_MAX) {
      this.#pending = new Uint8Array(PENDING_BYTES_FIRST);
    }
  }

  /** Makes durable what was written before the call. Appending and writing may go on meanwhile. */
  async sync(): Promise<void> {
    this.#assertUsable();
    const covered = this.#fileBytes;
    if (covered === this.#syncedUpTo) return;
    try {
      await this.#file.sync();
    } catch (cause) {
      throw this.#fail(cause);
    }
    this.#syncedUpTo = Math.max(this.#syncedUpTo, covered);
  }

  /** The same, blocking. */
  syncNow(): void {
    this.#assertUsable();
    if (this.#fileBytes === this.#syncedUpTo) return;
    try {
      this.#file.syncNow();
    } catch (cause) {
      throw this.#fail(cause);
    }
    this.#syncedUpTo = this.#fileBytes;
  }

  /**
   * Ends the last log: writes and syncs what is pending, then the close mark, then that, and gives back the room that was
   * made ahead. `synced` is called when all but the mark is durable; if it throws, there will be no mark. Idempotent. After
   * a failure it only gives the file back, without a mark.
   */
  close(synced?: () => void): void {
    if (this.#closed) return;
    try {
      if (this.#failure !== undefined) return;
      if (!this.#isMarked) {
        this.writePending();
        this.syncNow();
        synced?.();
        this.#appendCloseMark();
      }
      this.writePending();
      this.syncNow();
      this.#file.truncate(this.#fileBytes);
    } finally {
      this.abandon();
    }
  }

  /**
   * The same without blocking the thread; `synced` is called when all but the mark is durable. Nothing is appended
   * meanwhile. Gives the disk's refusal if there is no room for the mark: then it is to be called again.
   */
  async closeInBackground(synced: () => void): Promise<DiskFull | undefined> {
    if (this.#closed) return undefined;
    try {
      if (!this.#isMarked) {
        this.writePending();
        await this.sync();
        synced();
        this.#appendCloseMark();
      }
      const refusal = this.#writeMark();
      if (refusal !== undefined) return refusal;
      await this.sync();
    } catch (cause) {
      this.abandon();
      throw cause;
    }
    this.abandon();
    return undefined;
  }

  #writeMark(): DiskFull | undefined {
    try {
      this.writePending();
      return undefined;
    } catch (cause) {
      if (cause instanceof DiskFull) return cause;
      throw cause;
    }
  }

  /** Gives the file back without a close mark, as a crash would leave it. What is pending is dropped. Idempotent. */
  abandon(): void {
    this.#closed = true;
    this.#file.close();
  }

  #appendCloseMark(): void {
    const at = this.#beginRecord(CLOSE_BYTES, TYPE_CLOSE, this.#lastSequence, 0);
    writeU48(this.#pending, at + RECORD_HEAD_BYTES, this.#host.clock.nowMillis());
    this.#endRecord(at, at + CLOSE_BYTES);
    this.#isMarked = true;
  }

  #beginRecord(length: number, type: number, sequence: number, count: number): number {
    this.#reserve(length);
    const at = this.#pendingBytes;
    const identity = this.#identity;
    const head = { type, identity, syncedUpTo: this.#syncedUpTo, sequence, count };
    writeRecordHead(this.#pending, at, head);
    return at;
  }

  #endRecord(at: number, end: number): void {
    sealRecord(this.#pending, at, end, this.#identity, this.#fileBytes + at);
    this.#pendingBytes = end;
  }

  #reserve(bytes: number): void {
    const needed = this.#pendingBytes + bytes;
    if (needed <= this.#pending.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#pending.length * 2));
    grown.set(this.#pending.subarray(0, this.#pendingBytes));
    this.#pending = grown;
  }

  /** Zeros to the next step behind `needed`. Where the disk is full it can be tried again: zeros are no record. */
  #makeRoom(needed: number): void {
    const target = Math.ceil(needed / this.#stepBytes) * this.#stepBytes;
    try {
      this.#roomBytes = writeZeros(this.#file, this.#roomBytes, target);
    } catch (cause) {
      if (cause instanceof DiskFull) throw cause;
      throw this.#fail(cause);
    }
  }

  #fail(cause: unknown): unknown {
    this.#failure ??= cause;
    return cause;
  }

  #assertUsable(): void {
    if (this.#closed) throw new Closed(this.path);
    if (this.#failure === undefined) return;
    throw new StorageError("ReadOnly", { file: this.path }, { cause: this.#failure });
  }
}

function named<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    return namesUnknown(file)(cause);
  }
}

/**
 * Never DiskFull, after which the caller could think that there is no log: the name may be durable or not, and a log
 * without its close mark must not be followed by another one.
 */
function namesUnknown(file: string): (cause: unknown) => never {
  return (cause) => {
    if (!(cause instanceof DiskFull)) throw cause;
    throw new StorageError("Io", { file, error: "no room while a log got its name" }, { cause });
  };
}

let zeros: Bytes = new Uint8Array(0);

/** Writes zeros to file[start, end) and returns `end`. */
function writeZeros(file: FileHandle, start: number, end: number): number {
  if (zeros.length === 0) zeros = new Uint8Array(STEP_BYTES);
  for (let at = start; at < end; at += zeros.length) {
    file.write(zeros, 0, Math.min(zeros.length, end - at), at);
  }
  return end;
}

/** The file that will be the log, with the log's header, under the name of a spare. */
function writeHeader(place: WalPlace, logNumber: number, spare: string | undefined): FileHandle {
  const { directory, host, storeId } = place;
  assert(storeId.length === STORE_ID_BYTES, "a store id has 16 bytes");
  assert(
    !host.files.exists(pathIn(directory, walName(logNumber))),
    "no log has the number of a new one",
  );
  const path = spare ?? pathIn(directory, spareName(logNumber));
  const file = host.files.open(path, spare === undefined ? "create" : "write");
  try {
    const header = encodeFileHeader(WAL_MAGIC, logNumber, storeId);
    file.write(header, 0, header.length, 0);
    return file;
  } catch (cause) {
    file.close();
    throw cause;
  }
}
