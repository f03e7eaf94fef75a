/**
 * Writes one log. Commits are encoded into memory, written to the operating system in one call for many, and made
 * durable by a sync that many share.
 *
 * Always true:
 * (1) Header and name are durable before create() returns, so before any commit is acknowledged.
 * (2) A record's syncedUpTo is never more than what a finished sync covered.
 * (3) After a failed write or sync the writer writes nothing more: what the file holds beyond syncedUpTo is unknown.
 * (4) The close mark is made only after all before it is durable, so it vouches for every byte of the log.
 */
import { Closed, assert } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { StorageError } from "../../contract/index.ts";
import {
  FILE_HEADER_BYTES,
  STORE_ID_BYTES,
  encodeFileHeader,
  pathIn,
  readU32,
  sealRecord,
  walName,
} from "../codec/index.ts";
import type { FileHandle, Host } from "../host/index.ts";
import {
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

const PENDING_BYTES_FIRST = 64 * 1024;
/** A larger buffer, left by a large commit, is given back after it was written. */
const PENDING_BYTES_KEPT_MAX: number = 4 * 1024 * 1024;

export class WalWriter {
  readonly logNumber: number;
  readonly path: string;
  readonly #file: FileHandle;
  readonly #identity: number;
  #pending: Bytes = new Uint8Array(PENDING_BYTES_FIRST);
  #pendingBytes = 0;
  #fileBytes = FILE_HEADER_BYTES;
  #syncedUpTo = FILE_HEADER_BYTES;
  #lastSequence = 0;
  #failure: unknown;
  #closed = false;

  private constructor(file: FileHandle, logNumber: number, identity: number) {
    this.#file = file;
    this.path = file.path;
    this.logNumber = logNumber;
    this.#identity = identity;
  }

  /** Makes the log's file, which must not exist, and makes it durable together with its name. */
  static create(host: Host, directory: string, logNumber: number, storeId: Bytes): WalWriter {
    assert(storeId.length === STORE_ID_BYTES, "a store id has 16 bytes");
    const file = host.files.open(pathIn(directory, walName(logNumber)), "create");
    try {
      const header = encodeFileHeader(WAL_MAGIC, logNumber, storeId);
      file.write(header, 0, header.length, 0);
      file.syncNow();
      host.files.syncDirectory(directory);
      return new WalWriter(file, logNumber, readU32(header, 36));
    } catch (cause) {
      file.close();
      throw cause;
    }
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

  /**
   * Adds a commit to what is pending; no I/O. Sequences ascend; there is at least one op. The ops' bytes are copied.
   * HOT: bench/lsm-engine.
   */
  append(sequence: number, ops: readonly WalOp[]): void {
    this.#assertUsable();
    assert(sequence > this.#lastSequence && sequence <= SEQUENCE_MAX, "log sequences ascend");
    assert(ops.length > 0, "a logged commit has ops");
    let length = RECORD_HEAD_BYTES;
    for (let i = 0; i < ops.length; i++) length += opBytes(ops[i]!);
    assert(length <= RECORD_BYTES_MAX, "a commit fits into one log record");
    const at = this.#beginRecord(length, TYPE_COMMIT, sequence, ops.length);
    let end = at + RECORD_HEAD_BYTES;
    for (let i = 0; i < ops.length; i++) end = writeOp(this.#pending, end, ops[i]!);
    this.#endRecord(at, end);
    this.#lastSequence = sequence;
  }

  /** Gives all that is pending to the operating system, in one write. */
  writePending(): void {
    this.#assertUsable();
    if (this.#pendingBytes === 0) return;
    try {
      this.#file.write(this.#pending, 0, this.#pendingBytes, this.#fileBytes);
    } catch (cause) {
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
   * Ends the log: writes and syncs what is pending, then the close mark, then that. Idempotent. After a failure it only
   * gives the file back, without a mark.
   */
  close(): void {
    if (this.#closed) return;
    try {
      if (this.#failure === undefined) this.#writeCloseMark();
    } finally {
      this.abandon();
    }
  }

  /** Gives the file back without a close mark, as a crash would leave it. What is pending is dropped. Idempotent. */
  abandon(): void {
    this.#closed = true;
    this.#file.close();
  }

  #writeCloseMark(): void {
    this.writePending();
    this.syncNow();
    const at = this.#beginRecord(RECORD_HEAD_BYTES, TYPE_CLOSE, this.#lastSequence, 0);
    this.#endRecord(at, at + RECORD_HEAD_BYTES);
    this.writePending();
    this.syncNow();
  }

  #beginRecord(length: number, type: number, sequence: number, count: number): number {
    this.#reserve(length);
    const at = this.#pendingBytes;
    const head = { type, syncedUpTo: this.#syncedUpTo, sequence, count };
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
