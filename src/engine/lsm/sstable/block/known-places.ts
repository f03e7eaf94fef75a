/**
 * Where lookups found the newest version of a key among all tables, so that the next lookup of the key asks neither the
 * filter of each table nor an index. A memory of what was seen, never the truth: the key is compared in the block itself.
 *
 * An entry is four words, two entries a set, which the key's first hash chooses:
 *
 *   0   the upper half of the key's second hash, and the generation in the lower half
 *   1   the slot of the block cache times 1,024, and which entry of its block
 *   2   the number of the slot's filling
 *   3   how far its sequence lies below the newest one in all tables
 *
 * Always true:
 * (1) What is known was found among the tables that there are now: forget() begins a new generation whenever they change.
 * (2) What is known was the newest version in all tables, and a put. A reader that began before it looks elsewhere.
 * (3) A slot that was filled anew has another number, so what was in it before is not known any more.
 */
import { assert } from "../../../../base/index.ts";
import type { Bytes } from "../../../../base/index.ts";
import { KIND_PUT } from "../../codec/index.ts";
import type { PointResult } from "../../cursor/index.ts";
import { SLOT_BYTES } from "./block-cache.ts";
import type { BlockCache } from "./block-cache.ts";
import { BlockReader, ENTRY_FIXED_BYTES } from "./block-reader.ts";
import type { KeyHash } from "./filter.ts";

const WORDS = 4;
const SET_WORDS: number = 2 * WORDS;
const SETS_MIN = 8;
const ENTRIES_OF_SLOT = 1_024;
const SLOTS_MAX: number = 2 ** 32 / ENTRIES_OF_SLOT;
const GENERATIONS_MAX = 0xffff;
const BELOW_NEWEST_MAX = 2 ** 32;

assert(SLOT_BYTES / ENTRY_FIXED_BYTES < ENTRIES_OF_SLOT, "a slot has no more entries");

export class KnownPlaces {
  readonly #cache: BlockCache;
  readonly #words: Uint32Array;
  readonly #mask: number;
  readonly #block = new BlockReader();
  /** From 1: a word of 0 is no entry. */
  #generation = 1;
  #newest = 0;
  #fillsRound = 0;

  /** Takes at most `bytesMax`, but 256 bytes at least. */
  constructor(cache: BlockCache, bytesMax: number) {
    let sets = SETS_MIN;
    while (sets * 2 * SET_WORDS * 4 <= bytesMax) sets *= 2;
    this.#cache = cache;
    this.#words = new Uint32Array(sets * SET_WORDS);
    this.#mask = sets - 1;
  }

  /** The tables have changed; `newest` is the largest sequence in them. */
  forget(newest: number): void {
    this.#newest = newest;
    // Setting all words to 0 would stop the thread for milliseconds where the cache is large.
    if (this.#generation < GENERATIONS_MAX) {
      this.#generation++;
      return;
    }
    this.#words.fill(0);
    this.#generation = 1;
  }

  /**
   * HOT: bench/micro/lsm-engine. Fills `out` with the newest version of the key in all tables; false if it is not known, or
   * not to be seen at `sequence`. The bytes hold until the next read through the cache.
   */
  find(key: Bytes, hash: KeyHash, sequence: number, out: PointResult): boolean {
    const words = this.#words;
    const tag = ((hash[1]! & 0xffff_0000) | this.#generation) >>> 0;
    let at = (hash[0]! & this.#mask) * SET_WORDS;
    if (words[at] !== tag) {
      at += WORDS;
      if (words[at] !== tag) return false;
    }
    return this.#read(key, at, sequence, out);
  }

  #read(key: Bytes, at: number, sequence: number, out: PointResult): boolean {
    const words = this.#words;
    const cache = this.#cache;
    const place = words[at + 1]!;
    const start = (place >>> 10) * SLOT_BYTES;
    if (this.#fillsRound !== cache.fillsRound) {
      this.#beginRound();
      return false;
    }
    const found = this.#newest - words[at + 3]!;
    if (found > sequence || !cache.findFill(start, words[at + 2]!)) return false;
    const block = this.#block;
    const entry = place & (ENTRIES_OF_SLOT - 1);
    block.attach(cache.slab, cache.view, start);
    if (!block.isKeyAt(entry, key)) return false;
    out.sequence = found;
    out.kind = KIND_PUT;
    out.buffer = cache.slab;
    out.start = block.valueStart(entry);
    out.end = block.valueEnd(entry);
    return true;
  }

  /**
   * HOT: bench/micro/lsm-engine. The newest version in all tables of the key with this hash, which a lookup found as entry
   * `entry` of the block that begins at `start` in the cache (-1: in none of its slots).
   */
  learn(hash: KeyHash, start: number, entry: number, { kind, sequence }: PointResult): void {
    const slot = start / SLOT_BYTES;
    const below = this.#newest - sequence;
    if (start < 0 || slot >= SLOTS_MAX || kind !== KIND_PUT || below >= BELOW_NEWEST_MAX) return;
    if (this.#fillsRound !== this.#cache.fillsRound) this.#beginRound();
    const words = this.#words;
    const at = (hash[0]! & this.#mask) * SET_WORDS;
    const tag = ((hash[1]! & 0xffff_0000) | this.#generation) >>> 0;
    // The entry that was learned last goes to the second place, and what was there is forgotten.
    if (words[at] !== tag) for (let i = 0; i < WORDS; i++) words[at + WORDS + i] = words[at + i]!;
    words[at] = tag;
    words[at + 1] = slot * ENTRIES_OF_SLOT + entry;
    words[at + 2] = this.#cache.fillAt(start);
    words[at + 3] = below;
  }

  /** Numbers of fillings have begun anew, so that those of before say nothing any more. */
  #beginRound(): void {
    this.#fillsRound = this.#cache.fillsRound;
    this.forget(this.#newest);
  }
}
