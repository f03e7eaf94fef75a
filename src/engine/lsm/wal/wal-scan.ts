/**
 * Walks over the records of a log, believing nothing: one call gives the next record, the end, or what is wrong at an
 * offset; another looks for records behind such a place. Used by replay and by the dump.
 */
import type { Bytes } from "../../../base/index.ts";
import { StorageError } from "../../contract/index.ts";
import { FILE_HEADER_BYTES, isSealedRecord, readU32 } from "../codec/index.ts";
import type { FileHandle } from "../host/index.ts";
import {
  CLOSE_BYTES,
  IDENTITY_AT,
  RECORD_HEAD_BYTES,
  TYPE_CLOSE,
  claimedLength,
  closedAtMillis,
  isPlausibleHead,
  readOps,
  readRecordHead,
} from "./wal-format.ts";
import type { RecordHead, WalOp } from "./wal-format.ts";

export interface WalRecord {
  readonly offset: number;
  /** The offset after it. */
  readonly end: number;
  readonly head: RecordHead;
}

/** Where bytes are no record, and why, in words: the end of the log, or damage, see wal-reader.ts. */
export interface BadRecord {
  readonly offset: number;
  readonly found: string;
}

/** A record that says what stood before it. */
export interface Witness {
  readonly offset: number;
  readonly head: RecordHead;
  /** It stands where it was written; else bytes before it were lost or added. */
  readonly isInPlace: boolean;
}

const WINDOW_BYTES: number = 1024 * 1024;

export class WalScan {
  readonly #file: FileHandle;
  readonly #identity: number;
  readonly size: number;
  /** A piece of the file, from #windowStart; grows to hold a record whole. */
  #window: Bytes = new Uint8Array(0);
  #windowStart = 0;
  #windowEnd = 0;

  /** `size`: how far to look; by default the whole file. */
  constructor(file: FileHandle, identity: number, size: number = file.size()) {
    this.#file = file;
    this.#identity = identity;
    this.size = size;
  }

  /** The record at `offset`, which is at most the size of the file. */
  recordAt(offset: number): WalRecord | BadRecord {
    const rest = this.size - offset;
    if (rest === 0) return { offset, found: "the end" };
    if (rest < RECORD_HEAD_BYTES) return { offset, found: `${rest} bytes, too few for a record` };
    this.#show(offset, RECORD_HEAD_BYTES);
    const length = claimedLength(this.#window, offset - this.#windowStart);
    if (length < RECORD_HEAD_BYTES || length > rest) {
      return { offset, found: `a record of ${length} bytes where ${rest} are left` };
    }
    const head = readRecordHead(this.#window, offset - this.#windowStart);
    if (head.identity !== this.#identity) return { offset, found: "no record of this log" };
    if (!isPlausibleHead(head, offset, length)) {
      return { offset, found: `a record head that no log has (type ${head.type})` };
    }
    if (!this.#isSealed(offset, length, offset)) return { offset, found: "a wrong checksum" };
    return { offset, end: offset + length, head };
  }

  /** Reads again what it shows next. */
  forget(): void {
    this.#windowEnd = this.#windowStart;
  }

  /** The ops of the commit that recordAt gave last, as views that hold until the next call; or what is wrong. */
  opsOf(record: WalRecord): readonly WalOp[] | string {
    const at = record.offset - this.#windowStart;
    const end = record.end - this.#windowStart;
    return readOps(this.#window, at + RECORD_HEAD_BYTES, end, record.head.count);
  }

  /** When the close mark that recordAt gave last was made, in milliseconds since 1970. */
  closedAtMillisOf(record: WalRecord): number {
    return closedAtMillis(this.#window, record.offset - this.#windowStart);
  }

  /** Whether there is a whole record of this log anywhere. */
  holdsRecord(): boolean {
    return this.witnessAgainst(-1) !== undefined;
  }

  /**
   * The first whole record behind `bad` that says bytes beyond `bad` were durable before it was written: one in its
   * place whose syncedUpTo is greater, or a close mark anywhere. Looked for at every offset, as what stands at `bad`
   * cannot be trusted to tell where the next record begins; and by the identity, so that the old content of a recycled
   * file, which may be megabytes, costs next to nothing.
   */
  witnessAgainst(bad: number): Witness | undefined {
    let offset = this.#nextIdentity(Math.max(bad + 1, FILE_HEADER_BYTES));
    while (offset !== undefined) {
      const record = this.recordAt(offset);
      if (!("found" in record)) {
        const { head } = record;
        if (head.syncedUpTo > bad) return { offset, head, isInPlace: true };
        offset = this.#nextIdentity(record.end);
        continue;
      }
      const head = this.#strayCloseMark(offset);
      if (head !== undefined) return { offset, head, isInPlace: false };
      offset = this.#nextIdentity(offset + 1);
    }
    return undefined;
  }

  /** The first whole record behind `bad` that stands in its place. */
  recordAfter(bad: number): WalRecord | undefined {
    let offset = this.#nextIdentity(Math.max(bad + 1, FILE_HEADER_BYTES));
    while (offset !== undefined) {
      const record = this.recordAt(offset);
      if (!("found" in record)) return record;
      offset = this.#nextIdentity(offset + 1);
    }
    return undefined;
  }

  /** A close mark at `offset` that was written for another place. */
  #strayCloseMark(offset: number): RecordHead | undefined {
    if (offset + CLOSE_BYTES > this.size) return undefined;
    this.#show(offset, CLOSE_BYTES);
    const at = offset - this.#windowStart;
    // The length too: a mark that was torn between two sectors may lack just that, and is no mark.
    if (claimedLength(this.#window, at) !== CLOSE_BYTES) return undefined;
    const head = readRecordHead(this.#window, at);
    const isMark = head.type === TYPE_CLOSE && head.count === 0;
    return isMark && this.#isSealed(offset, CLOSE_BYTES, head.syncedUpTo) ? head : undefined;
  }

  /** The next offset from `from` on where a record may stand, as the identity is in its place. */
  #nextIdentity(from: number): number | undefined {
    const first = this.#identity & 0xff;
    let offset = from;
    while (offset + RECORD_HEAD_BYTES <= this.size) {
      this.#show(offset, RECORD_HEAD_BYTES);
      const end = this.#windowEnd - this.#windowStart;
      let at = offset - this.#windowStart + IDENTITY_AT;
      for (; at + 4 <= end; at++) {
        at = this.#window.indexOf(first, at);
        if (at < 0 || at + 4 > end) break;
        if (readU32(this.#window, at) !== this.#identity) continue;
        const found = this.#windowStart + at - IDENTITY_AT;
        return found + RECORD_HEAD_BYTES <= this.size ? found : undefined;
      }
      // The last bytes of the window are looked at again, together with the next ones.
      offset = Math.max(offset + 1, this.#windowEnd - IDENTITY_AT - 3);
    }
    return undefined;
  }

  #isSealed(offset: number, length: number, sealedFor: number): boolean {
    this.#show(offset, length);
    const at = offset - this.#windowStart;
    return isSealedRecord(this.#window, at, at + length, this.#identity, sealedFor);
  }

  /** Brings [offset, offset + bytes), which lies within the file, into the window. */
  #show(offset: number, bytes: number): void {
    if (offset >= this.#windowStart && offset + bytes <= this.#windowEnd) return;
    const wanted = Math.min(Math.max(bytes, WINDOW_BYTES), this.size - offset);
    if (this.#window.length < wanted) this.#window = new Uint8Array(wanted);
    const read = this.#file.read(this.#window, 0, wanted, offset);
    // Not the end of the log: the file is larger, so this was no answer.
    if (read < wanted)
      throw new StorageError("Io", { file: this.#file.path, error: "a short read" });
    this.#windowStart = offset;
    this.#windowEnd = offset + wanted;
  }
}
