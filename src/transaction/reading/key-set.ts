/**
 * Keys, each once, in the order of their first coming. HOT: bench/micro/transaction: every get of a transaction comes
 * by.
 *
 * The first few are found by looking at all hashes, which needs no table; then a table with open addressing is kept.
 * A Map would need a string of each key, which costs more than hashing its bytes.
 */
import { hashBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";

/** Up to here looking at all hashes is quicker than making a table. */
const LINEAR_KEYS_MAX = 16;
const NO_TABLE = new Int32Array(0);

export class KeySet {
  readonly #keys: Bytes[] = [];
  readonly #hashes: number[] = [];
  /** Position in #keys plus one; 0: free. Length is a power of two, at most half full. */
  #table: Int32Array = NO_TABLE;

  get keys(): readonly Bytes[] {
    return this.#keys;
  }

  /** Keeps a copy of the key (or the key itself if `owned`); false if it was there. */
  add(key: Bytes, owned: boolean): boolean {
    const hash = hashBytes(key);
    if (this.#has(key, hash)) return false;
    this.#keys.push(owned ? key : copyKey(key));
    this.#hashes.push(hash);
    if (this.#keys.length > LINEAR_KEYS_MAX) this.#enter(this.#keys.length - 1);
    return true;
  }

  #has(key: Bytes, hash: number): boolean {
    if (this.#table.length === 0) {
      for (let i = 0; i < this.#hashes.length; i++) {
        if (this.#hashes[i] === hash && sameKey(this.#keys[i]!, key)) return true;
      }
      return false;
    }
    const mask = this.#table.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const position = this.#table[slot]! - 1;
      if (position === -1) return false;
      if (this.#hashes[position] === hash && sameKey(this.#keys[position]!, key)) return true;
    }
  }

  #enter(position: number): void {
    if (this.#keys.length * 2 > this.#table.length) {
      this.#table = new Int32Array(Math.max(64, this.#table.length * 4));
      for (let i = 0; i <= position; i++) this.#place(i);
    } else {
      this.#place(position);
    }
  }

  #place(position: number): void {
    const mask = this.#table.length - 1;
    let slot = this.#hashes[position]! & mask;
    while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
    this.#table[slot] = position + 1;
  }
}

/** From the end: keys of one collection begin alike. */
function sameKey(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false;
  for (let i = a.length - 1; i >= 0; i--) if (a[i] !== b[i]) return false;
  return true;
}

/** A loop for short keys: a view for `set` costs more than the copy. */
export function copyKey(key: Bytes): Bytes {
  const copy = new Uint8Array(key.length);
  if (key.length > 64) copy.set(key);
  else for (let i = 0; i < key.length; i++) copy[i] = key[i]!;
  return copy;
}
