/**
 * Blocks of open tables in a bounded piece of memory. One buffer of fixed slots, allocated once: a Buffer for each block
 * would cost more than reading the block again. A block larger than a slot has a buffer of its own; those share a quarter
 * of the bytes.
 *
 * Always true:
 * (1) A block that find() gives was read whole and checked, and stays as it is until the next claim() or forget(). One
 *     that is kept stays until the turn is over, whatever is claimed: a scan reads it where it lies.
 * (2) Slots are given up by CLOCK: the hand passes over a block once if it was found again since the last time.
 * (3) A slot that was kept in the present turn is not given up before letGo(), and at most half of all slots are kept.
 * (4) Each filling of a slot has a number that no other has, until fillsRound changes: what was seen in a slot is there
 *     as long as the slot has the number of then.
 * (5) #buckets is an open-addressed table of slots with at most half of its places taken, and no holes in its runs.
 */
import type { Bytes } from "../../../../base/index.ts";
import { BlockReads } from "./block-reads.ts";

export const SLOT_BYTES: number = 8 * 1_024;
const SLOTS_MIN = 8;
/** The part of the bytes for blocks larger than a slot. */
const LARGE_PART = 1 / 4;
const EMPTY = -1;
const FILLS_MAX: number = 2 ** 32 - 1;

/** What a block holds, so that hits and misses can be told apart: 0 rows, 1 a part of an index, 2 a piece of a filter. */
export type BlockKind = 0 | 1 | 2;
export const DATA_BLOCK = 0;
export const INDEX_BLOCK = 1;
export const FILTER_BLOCK = 2;

/** A block larger than a slot. */
export interface LargeBlock {
  readonly bytes: Bytes;
  readonly view: DataView;
}

/** Large blocks are counted apart, whatever they hold. `bytesUsed` counts whole slots. */
export type CacheStats = Readonly<
  Record<
    | "hits"
    | "misses"
    | `${"data" | "index" | "filter" | "large"}${"Hits" | "Misses"}`
    | "evictions"
    | "bytesUsed"
    | "bytesMax",
    number
  >
>;

export class BlockCache {
  /** All slots; slot i is slab[i * SLOT_BYTES, (i + 1) * SLOT_BYTES). */
  readonly slab: Bytes;
  readonly view: DataView;
  /** How blocks are read that are not here. */
  readonly reads: BlockReads;
  readonly #slots: number;
  readonly #owners: Int32Array;
  readonly #offsets: Float64Array;
  readonly #used: Uint8Array;
  /** Of what fills the slot; 0: nothing does. */
  readonly #fills: Uint32Array;
  readonly #fillsMax: number;
  #lastFill = 0;
  #fillsRound = 0;
  /** In which turn the slot was kept last. */
  readonly #keptIn: Float64Array;
  /** Begins with 1, for 0 is none. */
  #turn = 1;
  #kept = 0;
  readonly #buckets: Int32Array;
  readonly #mask: number;
  #hand = 0;
  #nextOwner = 1;

  readonly #largeBytesMax: number;
  #largeBytes = 0;
  /** By owner, then by offset. A Map keeps the order of insertion, which is the order of use here. */
  readonly #large = new Map<string, LargeBlock>();

  #slotsUsed = 0;
  /** By kind of block. */
  readonly #hits = new Float64Array(3);
  readonly #misses = new Float64Array(3);
  #largeHits = 0;
  #largeMisses = 0;
  #evictions = 0;

  /**
   * @param bytesMax All the memory that blocks may take; at least eight slots of 8 KiB are kept.
   * @param fillsMax After so many fillings their numbers begin anew.
   */
  constructor(
    bytesMax: number,
    reads: BlockReads = new BlockReads(),
    fillsMax: number = FILLS_MAX,
  ) {
    this.reads = reads;
    this.#fillsMax = fillsMax;
    this.#largeBytesMax = Math.floor(bytesMax * LARGE_PART);
    this.#slots = Math.max(SLOTS_MIN, Math.floor((bytesMax - this.#largeBytesMax) / SLOT_BYTES));
    this.slab = new Uint8Array(this.#slots * SLOT_BYTES);
    this.view = new DataView(this.slab.buffer);
    this.#owners = new Int32Array(this.#slots);
    this.#offsets = new Float64Array(this.#slots);
    this.#used = new Uint8Array(this.#slots);
    this.#fills = new Uint32Array(this.#slots);
    this.#keptIn = new Float64Array(this.#slots);
    let buckets = 16;
    while (buckets < this.#slots * 2) buckets *= 2;
    this.#buckets = new Int32Array(buckets).fill(EMPTY);
    this.#mask = buckets - 1;
  }

  get stats(): CacheStats {
    const [dataHits = 0, indexHits = 0, filterHits = 0] = this.#hits;
    const [dataMisses = 0, indexMisses = 0, filterMisses = 0] = this.#misses;
    return {
      hits: dataHits + indexHits + filterHits + this.#largeHits,
      misses: dataMisses + indexMisses + filterMisses + this.#largeMisses,
      dataHits,
      dataMisses,
      indexHits,
      indexMisses,
      filterHits,
      filterMisses,
      largeHits: this.#largeHits,
      largeMisses: this.#largeMisses,
      evictions: this.#evictions,
      bytesUsed: this.#slotsUsed * SLOT_BYTES + this.#largeBytes,
      bytesMax: this.slab.length + this.#largeBytesMax,
    };
  }

  /** A number for an open table, under which its blocks are kept. */
  register(): number {
    return this.#nextOwner++;
  }

  /** HOT: bench/micro/lsm-storage. Where in the slab the block begins; -1 if it is not there. */
  find(owner: number, offset: number, kind: BlockKind = DATA_BLOCK): number {
    const buckets = this.#buckets;
    let at = this.#home(owner, offset);
    for (let slot = buckets[at]!; slot !== EMPTY; slot = buckets[at]!) {
      if (this.#offsets[slot] === offset && this.#owners[slot] === owner) {
        this.#hits[kind]!++;
        this.#used[slot] = 1;
        return slot * SLOT_BYTES;
      }
      at = (at + 1) & this.#mask;
    }
    this.#misses[kind]!++;
    return -1;
  }

  /** Is the block here, of either size? No use of it, and not counted. */
  holds(owner: number, offset: number): boolean {
    const buckets = this.#buckets;
    let at = this.#home(owner, offset);
    for (let slot = buckets[at]!; slot !== EMPTY; slot = buckets[at]!) {
      if (this.#offsets[slot] === offset && this.#owners[slot] === owner) return true;
      at = (at + 1) & this.#mask;
    }
    return this.#large.has(`${owner}/${offset}`);
  }

  /**
   * Makes room for a block that find() did not give and calls `fill` with the place in the slab. If fill throws, the
   * block is not kept.
   */
  claim(owner: number, offset: number, fill: (start: number) => void): number {
    const slot = this.#takeSlot();
    const start = slot * SLOT_BYTES;
    fill(start);
    this.#slotsUsed++;
    this.#owners[slot] = owner;
    this.#offsets[slot] = offset;
    this.#fills[slot] = this.#nextFill();
    // Not used yet: a scan through many blocks passes by the ones that are found again.
    this.#used[slot] = 0;
    let at = this.#home(owner, offset);
    while (this.#buckets[at] !== EMPTY) at = (at + 1) & this.#mask;
    this.#buckets[at] = slot;
    return start;
  }

  /** The number of what fills the slot that begins there. */
  fillAt(start: number): number {
    return this.#fills[start / SLOT_BYTES]!;
  }
  /** HOT: bench/micro/lsm-engine. Is the slot that begins there filled with what had this number? It counts as found then. */
  findFill(start: number, fill: number): boolean {
    const slot = start / SLOT_BYTES;
    if (this.#fills[slot] !== fill) return false;
    this.#hits[DATA_BLOCK]!++;
    this.#used[slot] = 1;
    return true;
  }
  /** When it changes, numbers of fillings begin anew. */
  get fillsRound(): number {
    return this.#fillsRound;
  }
  #nextFill(): number {
    if (this.#lastFill === this.#fillsMax) {
      this.#lastFill = 0;
      this.#fillsRound++;
    }
    return ++this.#lastFill;
  }

  /** Changes when what was kept may go. */
  get turn(): number {
    return this.#turn;
  }
  /** Work begins that reads blocks where they lie, a page of a scan: what was kept for the one before may go. */
  beginTurn(): void {
    this.#turn++;
    this.#kept = 0;
  }
  /** Keeps the block that find() or claim() gave in its place; false if that are too many, so it must be copied. */
  keep(start: number): boolean {
    const slot = start / SLOT_BYTES;
    if (this.#keptIn[slot] === this.#turn) return true;
    if (this.#kept >= this.#slots >>> 1) return false;
    this.#keptIn[slot] = this.#turn;
    this.#kept++;
    return true;
  }
  /** The block there is not read any more. */
  letGo(start: number): void {
    const slot = start / SLOT_BYTES;
    if (this.#keptIn[slot] !== this.#turn) return;
    this.#keptIn[slot] = 0;
    this.#kept--;
  }

  findLarge(owner: number, offset: number): LargeBlock | undefined {
    const name = `${owner}/${offset}`;
    const block = this.#large.get(name);
    if (block === undefined) {
      this.#largeMisses++;
      return undefined;
    }
    this.#largeHits++;
    this.#large.delete(name);
    this.#large.set(name, block);
    return block;
  }
  /** Keeps a large block, unless it is larger than all that may be kept. */
  keepLarge(owner: number, offset: number, block: LargeBlock): void {
    if (block.bytes.length > this.#largeBytesMax) return;
    for (const [name, old] of this.#large) {
      if (this.#largeBytes + block.bytes.length <= this.#largeBytesMax) break;
      this.#large.delete(name);
      this.#largeBytes -= old.bytes.length;
      this.#evictions++;
    }
    this.#large.set(`${owner}/${offset}`, block);
    this.#largeBytes += block.bytes.length;
  }

  /** Drops all blocks of a table that was closed. */
  forget(owner: number): void {
    for (let slot = 0; slot < this.#slots; slot++) {
      if (this.#owners[slot] !== owner) continue;
      this.letGo(slot * SLOT_BYTES);
      this.#drop(slot);
    }
    for (const [name, block] of this.#large) {
      if (!name.startsWith(`${owner}/`)) continue;
      this.#large.delete(name);
      this.#largeBytes -= block.bytes.length;
    }
  }

  #takeSlot(): number {
    for (;;) {
      const slot = this.#hand;
      this.#hand = slot + 1 === this.#slots ? 0 : slot + 1;
      if (this.#keptIn[slot] === this.#turn) continue;
      if (this.#used[slot] === 1) {
        this.#used[slot] = 0;
        continue;
      }
      if (this.#owners[slot] !== 0) {
        this.#drop(slot);
        this.#evictions++;
      }
      return slot;
    }
  }

  /** Takes the slot out of the buckets and closes the hole, so that no run is cut in two. */
  #drop(slot: number): void {
    const buckets = this.#buckets;
    let hole = this.#home(this.#owners[slot]!, this.#offsets[slot]!);
    while (buckets[hole] !== slot) hole = (hole + 1) & this.#mask;
    for (let at = (hole + 1) & this.#mask; buckets[at] !== EMPTY; at = (at + 1) & this.#mask) {
      const other = buckets[at]!;
      const home = this.#home(this.#owners[other]!, this.#offsets[other]!);
      // An entry may fill the hole unless its home lies after it.
      if (((at - home) & this.#mask) >= ((at - hole) & this.#mask)) {
        buckets[hole] = other;
        hole = at;
      }
    }
    buckets[hole] = EMPTY;
    this.#slotsUsed--;
    this.#owners[slot] = 0;
    this.#fills[slot] = 0;
    this.#used[slot] = 0;
  }

  #home(owner: number, offset: number): number {
    // The bits of an offset above 32 are lost here, which costs a longer run in a table of more than 4 GiB, no more.
    const hash = Math.imul((offset | 0) ^ Math.imul(owner, 0x85ebca6b), 0x9e3779b1);
    return (hash ^ (hash >>> 15)) & this.#mask;
  }
}
