/**
 * The writes of one transaction in the order in which they came, one for each key, found by the hash of their key. Most
 * transactions never ask for the writes of a range: they are put into order once, for the commit.
 *
 * The first few are found by looking at all hashes, which needs no table; then a table with open addressing is kept.
 *
 * Always true: no key occurs twice. HOT: bench/micro/transaction: every write of a transaction comes by.
 */
import { equalBytes, hashBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { sortWrites } from "./sort-writes.ts";
import type { KeyWrite } from "./sorted-writes.ts";

/** Up to here looking at all hashes is quicker than making a table. */
const LINEAR_WRITES_MAX = 16;
const FIRST_SLOTS = 64;
const NO_TABLE = new Int32Array(0);

export class LooseWrites {
  readonly #writes: KeyWrite[] = [];
  readonly #hashes: number[] = [];
  /** Position in #writes plus one; 0: free. Length is a power of two, at most half full. */
  #table: Int32Array = NO_TABLE;

  get isEmpty(): boolean {
    return this.#writes.length === 0;
  }

  find(key: Bytes): KeyWrite | undefined {
    if (this.#writes.length === 0) return undefined;
    const position = this.#positionOf(key, hashBytes(key));
    return position < 0 ? undefined : this.#writes[position];
  }

  /** Gives back the write of the same key that this one replaces. */
  set(write: KeyWrite): KeyWrite | undefined {
    const hash = hashBytes(write.key);
    const position = this.#positionOf(write.key, hash);
    if (position >= 0) {
      const present = this.#writes[position];
      this.#writes[position] = write;
      return present;
    }
    this.#writes.push(write);
    this.#hashes.push(hash);
    if (this.#writes.length > LINEAR_WRITES_MAX) this.#enter(this.#writes.length - 1);
    return undefined;
  }

  /** All writes in key order, in an array of the caller's own. */
  inOrder(): KeyWrite[] {
    const writes = this.#writes.slice();
    sortWrites(writes);
    return writes;
  }

  /** The place of the key's write; -1 if there is none. */
  #positionOf(key: Bytes, hash: number): number {
    const hashes = this.#hashes;
    const table = this.#table;
    if (table.length === 0) {
      for (let i = 0; i < hashes.length; i++) {
        if (hashes[i] === hash && equalBytes(this.#writes[i]!.key, key)) return i;
      }
      return -1;
    }
    const mask = table.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const position = table[slot]! - 1;
      if (position === -1) return -1;
      if (hashes[position] === hash && equalBytes(this.#writes[position]!.key, key)) {
        return position;
      }
    }
  }

  #enter(position: number): void {
    if (this.#writes.length * 2 <= this.#table.length) return this.#place(position);
    this.#table = new Int32Array(Math.max(FIRST_SLOTS, this.#table.length * 4));
    for (let i = 0; i <= position; i++) this.#place(i);
  }

  #place(position: number): void {
    const mask = this.#table.length - 1;
    let slot = this.#hashes[position]! & mask;
    while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
    this.#table[slot] = position + 1;
  }
}
