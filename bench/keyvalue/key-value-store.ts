/** What the workloads ask of a store of ordered bytes, and what a reader of theirs does with a row. */

/** Keys are handed over for good; the key of stamp() and the bounds of scan() only for the call. */
export interface KeyValueStore {
  /** One commit. Answers when it is as safe as the store was opened for. */
  put(key: Buffer, value: Buffer): unknown;
  /** All rows in one commit. */
  write(rows: readonly Row[]): unknown;
  /** All keys in one commit. */
  remove(keys: readonly Buffer[]): unknown;
  /** The newest value's stamp, read where the store lets the value be looked at soonest; -1: there is none. */
  stamp(key: Buffer): number | Promise<number>;
  scan(range: ScanRange): Tally | Promise<Tally>;
  close(): unknown;
}

export interface Row {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Half open. */
export interface ScanRange {
  readonly start: Buffer;
  readonly end: Buffer;
  readonly limit: number;
  readonly reverse: boolean;
}

/** What a scan saw. Every key and every value was looked at. */
export interface Tally {
  readonly rows: number;
  /** Over all rows: the stamp of the value and the key's last byte but one. */
  readonly sum: number;
}

/** The first two bytes of a value, which say which one it is. */
export function stampAt(buffer: Uint8Array, start: number): number {
  return (buffer[start]! << 8) | buffer[start + 1]!;
}

/** What one row adds to a tally's sum, where key and value are buffers of their own. */
export function sumOf(key: Uint8Array, value: Uint8Array): number {
  return stampAt(value, 0) + key[key.length - 2]!;
}

/** What the rows of an answer add up to. */
export function tallyOf(rows: Iterable<readonly [key: Uint8Array, value: Uint8Array]>): Tally {
  let count = 0;
  let sum = 0;
  for (const [key, value] of rows) {
    count++;
    sum += sumOf(key, value);
  }
  return { rows: count, sum };
}
