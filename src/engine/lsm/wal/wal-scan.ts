/**
 * Walks over the records of a log, believing nothing: one call gives the next record, the end, or what is wrong at an
 * offset; another looks for records behind such a place. Used by replay and by the dump.
 */
import type { Bytes } from "../../../base/index.ts";
import { FILE_HEADER_BYTES, isSealedRecord } from "../codec/index.ts";
import type { FileHandle } from "../host/index.ts";
import {
  RECORD_HEAD_BYTES,
  TYPE_CLOSE,
  TYPE_COMMIT,
  claimedLength,
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

/** Where bytes are no record, and why, in words: a torn tail or damage, see wal-reader.ts. */
export interface BadRecord {
  readonly offset: number;
  readonly found: string;
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

  constructor(file: FileHandle, identity: number) {
    this.#file = file;
    this.#identity = identity;
    this.size = file.size();
  }

  /** The record at `offset`, which is before the end of the file. */
  recordAt(offset: number): WalRecord | BadRecord {
    const rest = this.size - offset;
    if (rest < RECORD_HEAD_BYTES) return { offset, found: `${rest} bytes, too few for a record` };
    this.#show(offset, RECORD_HEAD_BYTES);
    const length = claimedLength(this.#window, offset - this.#windowStart);
    if (length < RECORD_HEAD_BYTES || length > rest) {
      return { offset, found: `a record of ${length} bytes where ${rest} are left` };
    }
    const head = readRecordHead(this.#window, offset - this.#windowStart);
    if (!isPlausibleHead(head, offset, length)) {
      return { offset, found: `a record head that no log has (type ${head.type})` };
    }
    if (!this.#isSealed(offset, length)) return { offset, found: "a wrong checksum" };
    return { offset, end: offset + length, head };
  }

  /** The ops of the commit that recordAt gave last, as views that hold until the next call; or what is wrong. */
  opsOf(record: WalRecord): readonly WalOp[] | string {
    const at = record.offset - this.#windowStart;
    const end = record.end - this.#windowStart;
    return readOps(this.#window, at + RECORD_HEAD_BYTES, end, record.head.count);
  }

  /**
   * The first whole record behind `bad` that says bytes beyond `bad` were durable before it was written. Its offset is
   * searched byte by byte: what stands at `bad` cannot be trusted to tell where the next record begins.
   */
  witnessAgainst(bad: number): WalRecord | undefined {
    let offset = Math.max(bad + 1, FILE_HEADER_BYTES);
    while (offset + RECORD_HEAD_BYTES <= this.size) {
      this.#show(offset, RECORD_HEAD_BYTES);
      const at = offset - this.#windowStart;
      const length = claimedLength(this.#window, at);
      const type = this.#window[at + 8]!;
      // Most offsets fail here, cheaply; the rest of the head and the checksum decide.
      const possible =
        (type === TYPE_COMMIT || type === TYPE_CLOSE) && offset + length <= this.size;
      if (!possible) {
        offset++;
        continue;
      }
      const record = this.recordAt(offset);
      if ("found" in record) {
        offset++;
        continue;
      }
      if (record.head.syncedUpTo > bad) return record;
      offset = record.end;
    }
    return undefined;
  }

  /**
   * The close mark in the last bytes of the file, also where it stands at another offset than it was written for: then
   * bytes before it were lost or added.
   */
  closeMarkAtEnd(): RecordHead | undefined {
    const offset = this.size - RECORD_HEAD_BYTES;
    if (offset < FILE_HEADER_BYTES) return undefined;
    this.#show(offset, RECORD_HEAD_BYTES);
    const at = offset - this.#windowStart;
    const head = readRecordHead(this.#window, at);
    // The length too: a mark that was torn between two sectors may lack just that, and is no mark.
    const whole = claimedLength(this.#window, at) === RECORD_HEAD_BYTES;
    if (!whole || head.type !== TYPE_CLOSE) return undefined;
    const end = at + RECORD_HEAD_BYTES;
    const sealed = isSealedRecord(this.#window, at, end, this.#identity, head.syncedUpTo);
    return sealed ? head : undefined;
  }

  #isSealed(offset: number, length: number): boolean {
    this.#show(offset, length);
    const at = offset - this.#windowStart;
    return isSealedRecord(this.#window, at, at + length, this.#identity, offset);
  }

  /** Brings [offset, offset + bytes), which lies within the file, into the window. */
  #show(offset: number, bytes: number): void {
    if (offset >= this.#windowStart && offset + bytes <= this.#windowEnd) return;
    const wanted = Math.min(Math.max(bytes, WINDOW_BYTES), this.size - offset);
    if (this.#window.length < wanted) this.#window = new Uint8Array(wanted);
    const read = this.#file.read(this.#window, 0, wanted, offset);
    // A file that shrinks while it is read shows zeros, which are no record.
    if (read < wanted) this.#window.fill(0, read, wanted);
    this.#windowStart = offset;
    this.#windowEnd = offset + wanted;
  }
}
