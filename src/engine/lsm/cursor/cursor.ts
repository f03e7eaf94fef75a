/**
 * One shape for everything that holds entries in order: memtable, table, level and the merge of them.
 *
 * Always true:
 * (1) Order: user key ascending, then sequence DESCENDING, so that the newest version of a key comes first.
 * (2) Only entries of kind put and delete; range deletes are kept apart (see range-deletes.ts).
 * (3) The fields hold while `valid`, and until the next move of this cursor. Moving or closing another cursor, adding to
 *     the memtable below, or evicting the block below changes none of them. One that reads a table in place is right
 *     until the cache's turn is over, and then again after resume().
 * (4) next() and prev() may be called only while `valid`. A cursor that ran out is moved again by a seek.
 * (5) Where the disk is slow, a move may throw BLOCK_MISSING. The cursor is then nowhere: seek or close it.
 */
import type { Bytes } from "../../../base/index.ts";

/** Sorts before every stored version of a key: stored sequences are smaller. */
export const MAX_SEQUENCE: number = 2 ** 45 - 1;

/** What a cursor shows that stands nowhere. */
export const NO_VIEW: DataView = new DataView(new ArrayBuffer(0));

export interface Cursor {
  seekToFirst(): void;
  seekToLast(): void;
  /** To the first entry whose user key is at or after `key`. */
  seek(key: Bytes): void;
  /** To the last entry whose user key is before `key`. */
  seekBefore(key: Bytes): void;
  next(): void;
  prev(): void;
  /**
   * Leaves behind the present entry, and as many of those after it as it cheaply can, whose key is before `end` (all
   * keys, if undefined) and whose sequence is below `sequence`: they are hidden by a range delete of that sequence. Never
   * passes an entry that is at or after `end`, or not below `sequence`. The present entry must be one to leave behind.
   */
  skipHidden(end: Bytes | undefined, sequence: number): void;
  /** Like skipHidden, towards smaller keys: leaves behind entries at or after `start`. */
  skipHiddenBack(start: Bytes, sequence: number): void;

  /**
   * Before the next move after another scan may have had its turn in the cache. It stands where it stood; the fields are
   * set anew, and may throw BLOCK_MISSING. Not needed before a seek.
   */
  resume(): void;

  readonly valid: boolean;
  /** The user key is keyBuffer[keyStart, keyEnd). */
  readonly keyBuffer: Bytes;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly sequence: number;
  readonly kind: number;
  /** The value is valueBuffer[valueStart, valueEnd); empty for a delete. */
  readonly valueBuffer: Bytes;
  readonly valueStart: number;
  readonly valueEnd: number;
  /** The same memory as valueBuffer, from its first byte: to copy four bytes at a time. */
  readonly valueView: DataView;

  /** Lets go of what the cursor holds. Idempotent; the cursor is not valid after. */
  close(): void;
}

/**
 * What a point lookup found: the value is buffer[start, end). Made once and filled by each lookup, so that a lookup
 * allocates nothing. The bytes hold until the next read through the same engine: decode them at once or copy them.
 */
export interface PointResult {
  sequence: number;
  kind: number;
  buffer: Bytes;
  start: number;
  end: number;
}
