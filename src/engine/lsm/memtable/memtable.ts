/**
 * The newest entries, in memory and in order, until they are flushed to a table.
 *
 * Always true:
 * (1) Entries are only added. What a cursor or a lookup at some sequence saw, it sees again.
 * (2) Key and value bytes are copied when added; a lookup gives a place in the arena, which never changes.
 */
import { copyBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import type { PointKind } from "../codec/index.ts";
import type { KeyRange } from "../../contract/index.ts";
import { MAX_SEQUENCE, RangeDeleteIndex } from "../cursor/index.ts";
import type { Cursor, PointResult, RangeDelete } from "../cursor/index.ts";
import { EntryArena } from "./entry-arena.ts";
import { EntryTree } from "./entry-tree.ts";
import { isShared, newMemory } from "./memory.ts";
import type { Memory } from "./memory.ts";
import { MemtableCursor } from "./memtable-cursor.ts";
import type { MemtableImage } from "./memtable-image.ts";

/** What a range delete takes beside its keys: two objects, a place in the list, its fragments. */
const RANGE_DELETE_BYTES = 256;

export class Memtable {
  readonly #arena: EntryArena;
  readonly #tree: EntryTree;
  readonly #rangeDeletes: RangeDelete[] = [];
  readonly #rangeDeleteIndex = new RangeDeleteIndex();
  #rangeDeleteBytes = 0;

  /** `memory`: what its entries lie in, as long as they fit. */
  constructor(memory?: Memory) {
    this.#arena = new EntryArena(memory);
    this.#tree = new EntryTree(this.#arena);
  }

  /** To read it in another thread; undefined where memory cannot be shared. Nothing may be added afterwards. */
  image(): MemtableImage | undefined {
    const { memory, used } = this.#arena.image;
    const order = newMemory(this.#tree.size * 4);
    if (!isShared(memory) || !isShared(order)) return undefined;
    this.#tree.copyOrder(new Int32Array(order));
    return { arena: memory, used, order, rangeDeletes: this.#rangeDeletes };
  }

  /** Gives its memory back, when it is in a table and nobody reads it now: every later read of it fails. */
  release(): Memory {
    return this.#arena.release();
  }

  /** How many point entries it holds, deletes included. */
  get entries(): number {
    return this.#tree.size;
  }
  /** About how much memory the entries take, in bytes: the measure for flushing. */
  get bytes(): number {
    return this.#arena.used + this.#tree.bytes + this.#rangeDeleteBytes;
  }
  get isEmpty(): boolean {
    return this.#tree.size === 0 && this.#rangeDeletes.length === 0;
  }
  /** In the order in which they were added. */
  get rangeDeletes(): readonly RangeDelete[] {
    return this.#rangeDeletes;
  }
  /** Grows with addRangeDelete; readers at older sequences share it. */
  get rangeDeleteIndex(): RangeDeleteIndex {
    return this.#rangeDeleteIndex;
  }

  /** Adds one entry. A pair of key and sequence comes once: a commit names each key once. */
  add(sequence: number, kind: PointKind, key: Bytes, value: Bytes): void {
    this.#tree.insert(this.#arena.add(sequence, kind, key, value));
  }

  addRangeDelete(rangeDelete: RangeDelete): void {
    const { start, end, sequence } = rangeDelete;
    const kept = {
      start: copyBytes(start),
      end: end === undefined ? undefined : copyBytes(end),
      sequence,
    };
    this.#rangeDeletes.push(kept);
    this.#rangeDeleteIndex.add(kept);
    this.#rangeDeleteBytes += RANGE_DELETE_BYTES + start.length + (end?.length ?? 0);
  }

  /**
   * HOT: bench/micro/lsm-storage. Finds the newest entry of `key` whose sequence is at most `maxSequence`, a delete as
   * well as a put, and fills `out`; false if there is none. Range deletes are not applied.
   */
  get(key: Bytes, maxSequence: number, out: PointResult): boolean {
    const arena = this.#arena;
    const probe = arena.probe(key, maxSequence);
    const position = this.#tree.lowerBound(probe);
    if (position < 0) return false;
    const record = this.#tree.recordAt(position);
    if (arena.compareKeys(record, probe) !== 0) return false;
    out.sequence = arena.sequence(record);
    out.kind = arena.kind(record);
    out.buffer = arena.bytes;
    out.start = arena.valueStart(record);
    out.end = out.start + arena.valueLength(record);
    return true;
  }

  /** About how many entries have keys in the range, deletes and old versions included: exact up to some thousands. */
  estimateEntries({ start, end }: KeyRange): number {
    const tree = this.#tree;
    if (tree.size === 0) return 0;
    const arena = this.#arena;
    // A probe holds until the next one.
    const from = tree.lowerBound(arena.probe(start, MAX_SEQUENCE));
    const to = end === undefined ? -1 : tree.lowerBound(arena.probe(end, MAX_SEQUENCE));
    const counted = tree.countBetween(from, to);
    if (counted !== undefined) return counted;
    const before = tree.partBefore(arena.probe(start, MAX_SEQUENCE));
    const upTo = end === undefined ? 1 : tree.partBefore(arena.probe(end, MAX_SEQUENCE));
    return Math.max(0, Math.round((upTo - before) * tree.size));
  }

  /** A cursor over all entries. It stays right while entries are added. */
  cursor(): Cursor {
    return new MemtableCursor(this.#arena, this.#tree);
  }
}
