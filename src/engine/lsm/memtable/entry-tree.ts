/**
 * A B+tree over the records of an arena, in typed arrays: the order of a memtable.
 *
 * A node keeps the length of the prefix that all its keys share, and for each key a head: the four bytes after that
 * prefix as one number. A search looks at heads, which lie side by side, and touches a record only where heads are equal.
 *
 * Always true:
 * (1) Records are never removed and never move in the order, so a reader finds its place again by its own record.
 * (2) A position names a leaf and a place in it; it holds until the next insert (`size` tells).
 * (3) The separator i of an inner node is the first record below its child i + 1.
 * (4) No node is empty, but the first leaf of an empty tree.
 */
import { assert } from "../../../base/index.ts";
import type { EntryArena } from "./entry-arena.ts";
import type { EntryOrder } from "./sorted-records.ts";

/** A node is split when it has so many records. Their heads are four cache lines, which a search crosses in two or three. */
const FANOUT = 64;
const FIRST_NODES = 16;

// Fields of a node, as places in its stride of #nodes.
const COUNT = 0;
const IS_LEAF = 1;
const NEXT = 2;
const PREV = 3;
const PREFIX = 4;
const RECORDS = 5;
const CHILDREN = RECORDS + FANOUT;
const STRIDE = CHILDREN + FANOUT + 1;

const NONE = -1;
/** Leaves that are counted one by one for an estimate; beyond them the shape of the tree tells. */
const LEAVES_COUNTED_MAX = 32;
const HEIGHT_MAX = 12;

export class EntryTree implements EntryOrder {
  readonly #arena: EntryArena;
  // Not shared memory: there the engine moves bytes one by one, and an insert would take a quarter longer.
  #nodes: Int32Array = new Int32Array(FIRST_NODES * STRIDE);
  #heads: Uint32Array = new Uint32Array(FIRST_NODES * FANOUT);
  #nodeCount = 0;
  #root: number;
  #lastLeaf: number;
  #size = 0;
  /** The inner nodes from the root to the leaf of the last descent, and the child taken in each. */
  readonly #path: Int32Array = new Int32Array(HEIGHT_MAX);
  readonly #pathChild: Int32Array = new Int32Array(HEIGHT_MAX);
  #depth = 0;
  /** Did the last #lowerInNode meet a record that is equal? */
  #isExact = false;

  constructor(arena: EntryArena) {
    this.#arena = arena;
    this.#root = this.#newNode(true);
    this.#lastLeaf = this.#root;
  }

  /** How many records the tree holds; changes with each insert. */
  get size(): number {
    return this.#size;
  }
  get bytes(): number {
    return this.#nodeCount * (STRIDE + FANOUT) * 4;
  }

  /** HOT: bench/micro/lsm-storage. */
  insert(record: number): void {
    if (!this.#appendToLast(record)) {
      const leaf = this.#descend(record);
      const place = this.#lowerInNode(leaf, record);
      assert(!this.#isExact, "a commit names each key once");
      this.#insertInNode(leaf, place, record, NONE);
      if (this.#nodes[leaf * STRIDE + COUNT] === FANOUT) this.#split(leaf, place);
    }
    this.#size++;
  }

  /** The position of the first record at or after this one; -1 if there is none. */
  lowerBound(record: number): number {
    const leaf = this.#descend(record);
    const place = this.#lowerInNode(leaf, record);
    if (place < this.#nodes[leaf * STRIDE + COUNT]!) return leaf * FANOUT + place;
    const next = this.#nodes[leaf * STRIDE + NEXT]!;
    return next === NONE ? NONE : next * FANOUT;
  }
  /** How many records come before this one as a part of all, by the shape of the tree: about, for nodes differ in size. */
  partBefore(record: number): number {
    const nodes = this.#nodes;
    let node = this.#root;
    let part = 0;
    let width = 1;
    while (nodes[node * STRIDE + IS_LEAF] === 0) {
      let child = this.#lowerInNode(node, record);
      if (this.#isExact) child++;
      width /= nodes[node * STRIDE + COUNT]! + 1;
      part += child * width;
      node = nodes[node * STRIDE + CHILDREN + child]!;
    }
    return part + (this.#lowerInNode(node, record) / nodes[node * STRIDE + COUNT]!) * width;
  }
  /** How many records lie from one position to before another one, -1 being the end; undefined where they are too many. */
  countBetween(from: number, to: number): number | undefined {
    if (from === NONE) return 0;
    const nodes = this.#nodes;
    const last = to === NONE ? NONE : Math.floor(to / FANOUT);
    let leaf = Math.floor(from / FANOUT);
    let count = -(from % FANOUT);
    for (let i = 0; i < LEAVES_COUNTED_MAX; i++) {
      if (leaf === last) return leaf === NONE ? count : count + (to % FANOUT);
      count += nodes[leaf * STRIDE + COUNT]!;
      leaf = nodes[leaf * STRIDE + NEXT]!;
    }
    return undefined;
  }
  first(): number {
    if (this.#size === 0) return NONE;
    let node = this.#root;
    while (this.#nodes[node * STRIDE + IS_LEAF] === 0)
      node = this.#nodes[node * STRIDE + CHILDREN]!;
    return node * FANOUT;
  }
  last(): number {
    if (this.#size === 0) return NONE;
    return this.#lastLeaf * FANOUT + this.#nodes[this.#lastLeaf * STRIDE + COUNT]! - 1;
  }
  after(position: number): number {
    const leaf = Math.floor(position / FANOUT);
    const place = position % FANOUT;
    if (place + 1 < this.#nodes[leaf * STRIDE + COUNT]!) return position + 1;
    const next = this.#nodes[leaf * STRIDE + NEXT]!;
    return next === NONE ? NONE : next * FANOUT;
  }
  before(position: number): number {
    if (position % FANOUT > 0) return position - 1;
    const leaf = Math.floor(position / FANOUT);
    const prev = this.#nodes[leaf * STRIDE + PREV]!;
    return prev === NONE ? NONE : prev * FANOUT + this.#nodes[prev * STRIDE + COUNT]! - 1;
  }
  recordAt(position: number): number {
    return this.#nodes[Math.floor(position / FANOUT) * STRIDE + RECORDS + (position % FANOUT)]!;
  }

  /** Writes all records, in order, to `target`: a copy for each leaf, some tenths of a millisecond for a full memtable. */
  copyOrder(target: Int32Array): void {
    const nodes = this.#nodes;
    let at = 0;
    const first = this.first();
    for (let leaf = first < 0 ? NONE : Math.floor(first / FANOUT); leaf !== NONE;) {
      const base = leaf * STRIDE;
      const count = nodes[base + COUNT]!;
      target.set(nodes.subarray(base + RECORDS, base + RECORDS + count), at);
      at += count;
      leaf = nodes[base + NEXT]!;
    }
  }

  /** Rising keys (ULIDs, counters) need no search: true if the record went to the end of the last leaf. */
  #appendToLast(record: number): boolean {
    const leaf = this.#lastLeaf;
    const count = this.#nodes[leaf * STRIDE + COUNT]!;
    // The insert that fills the leaf needs the path for its split.
    if (count === 0 || count + 1 === FANOUT) return false;
    const last = this.#nodes[leaf * STRIDE + RECORDS + count - 1]!;
    if (this.#arena.compare(last, record) >= 0) return false;
    this.#insertInNode(leaf, count, record, NONE);
    return true;
  }

  /** The leaf where the record belongs; the way there is left in #path. */
  #descend(record: number): number {
    let node = this.#root;
    let depth = 0;
    while (this.#nodes[node * STRIDE + IS_LEAF] === 0) {
      let child = this.#lowerInNode(node, record);
      if (this.#isExact) child++;
      this.#path[depth] = node;
      this.#pathChild[depth++] = child;
      node = this.#nodes[node * STRIDE + CHILDREN + child]!;
    }
    this.#depth = depth;
    return node;
  }

  /** HOT: bench/micro/lsm-storage. The place of the first record of the node that is at or after this one. */
  #lowerInNode(node: number, record: number): number {
    const nodes = this.#nodes;
    const arena = this.#arena;
    const base = node * STRIDE;
    const count = nodes[base + COUNT]!;
    this.#isExact = false;
    if (count === 0) return 0;
    const prefix = nodes[base + PREFIX]!;
    if (prefix > 0) {
      const side = this.#comparePrefix(nodes[base + RECORDS]!, record, prefix);
      if (side !== 0) return side < 0 ? 0 : count;
    }
    const heads = this.#heads;
    const head = arena.head(record, prefix);
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = heads[node * FANOUT + middle]!;
      if (other < head) low = middle + 1;
      else if (other > head) high = middle;
      else {
        const order = arena.compare(nodes[base + RECORDS + middle]!, record);
        if (order === 0) {
          this.#isExact = true;
          return middle;
        }
        if (order < 0) low = middle + 1;
        else high = middle;
      }
    }
    return low;
  }

  /** Negative or positive as the key sorts before or after all keys that begin with `prefix` bytes of `sample`. */
  #comparePrefix(sample: number, record: number, prefix: number): number {
    const { bytes, view } = this.#arena;
    const length = this.#arena.keyLength(record);
    const shared = length < prefix ? length : prefix;
    const a = this.#arena.keyStart(record);
    const b = this.#arena.keyStart(sample);
    let i = 0;
    for (; i + 4 <= shared; i += 4) {
      const aWord = view.getUint32(a + i);
      const bWord = view.getUint32(b + i);
      if (aWord !== bWord) return aWord < bWord ? -1 : 1;
    }
    for (; i < shared; i++) {
      const difference = bytes[a + i]! - bytes[b + i]!;
      if (difference !== 0) return difference;
    }
    return length < prefix ? -1 : 0;
  }

  /** Puts a record at `place`, and the child that begins with it (inner nodes) after it. */
  #insertInNode(node: number, place: number, record: number, child: number): void {
    const nodes = this.#nodes;
    const base = node * STRIDE;
    const records = base + RECORDS;
    const count = nodes[base + COUNT]!;
    nodes.copyWithin(records + place + 1, records + place, records + count);
    nodes[records + place] = record;
    if (child !== NONE) {
      const children = base + CHILDREN;
      nodes.copyWithin(children + place + 2, children + place + 1, children + count + 1);
      nodes[children + place + 1] = child;
    }
    nodes[base + COUNT] = count + 1;
    const prefix = nodes[base + PREFIX]!;
    // Only a record at an end of the node can shorten what all keys share.
    const isAtEnd = place === 0 || place === count;
    const neighbour = nodes[records + (place === 0 ? 1 : 0)]!;
    if (count === 0 || (isAtEnd && this.#arena.commonPrefix(record, neighbour) < prefix)) {
      this.#setHeads(node);
      return;
    }
    const heads = node * FANOUT;
    this.#heads.copyWithin(heads + place + 1, heads + place, heads + count);
    this.#heads[heads + place] = this.#arena.head(record, prefix);
  }

  #setHeads(node: number): void {
    const base = node * STRIDE;
    const count = this.#nodes[base + COUNT]!;
    const first = this.#nodes[base + RECORDS]!;
    const last = this.#nodes[base + RECORDS + count - 1]!;
    // One key alone shares nothing: with its whole length as prefix, the next insert would set the heads again.
    const prefix = count < 2 ? 0 : this.#arena.commonPrefix(first, last);
    this.#nodes[base + PREFIX] = prefix;
    for (let i = 0; i < count; i++) {
      this.#heads[node * FANOUT + i] = this.#arena.head(this.#nodes[base + RECORDS + i]!, prefix);
    }
  }

  /** Splits a full leaf, then as many of its parents as that fills. */
  #split(leaf: number, place: number): void {
    const right = this.#splitNode(leaf, place, true);
    this.#linkLeaves(leaf, right);
    let separator = this.#nodes[right * STRIDE + RECORDS]!;
    let child = right;
    let level = this.#depth - 1;
    for (; level >= 0; level--) {
      const parent = this.#path[level]!;
      const at = this.#pathChild[level]!;
      this.#insertInNode(parent, at, separator, child);
      if (this.#nodes[parent * STRIDE + COUNT]! < FANOUT) return;
      child = this.#splitNode(parent, at, false);
      separator = this.#takeFirst(child);
    }
    const root = this.#newNode(false);
    this.#nodes[root * STRIDE + CHILDREN] = this.#root;
    this.#insertInNode(root, 0, separator, child);
    this.#root = root;
    assert(this.#depth + 1 < HEIGHT_MAX, "a memtable's tree stays low");
  }

  /** Moves the right part of a full node to a new one. Appends leave the left one nearly full: rising keys pack well. */
  #splitNode(node: number, place: number, isLeaf: boolean): number {
    const right = this.#newNode(isLeaf);
    const nodes = this.#nodes;
    const from = node * STRIDE;
    const to = right * STRIDE;
    const kept = place === FANOUT - 1 ? FANOUT - 2 : FANOUT >>> 1;
    nodes.copyWithin(to + RECORDS, from + RECORDS + kept, from + RECORDS + FANOUT);
    if (!isLeaf) {
      nodes.copyWithin(to + CHILDREN, from + CHILDREN + kept, from + CHILDREN + FANOUT + 1);
    }
    nodes[from + COUNT] = kept;
    nodes[to + COUNT] = FANOUT - kept;
    this.#setHeads(node);
    this.#setHeads(right);
    return right;
  }

  /**
   * The right half of a split inner node begins with a separator and the child to its left, which stays in the left
   * half: takes both out and gives the separator, which moves up.
   */
  #takeFirst(node: number): number {
    const nodes = this.#nodes;
    const base = node * STRIDE;
    const count = nodes[base + COUNT]!;
    const separator = nodes[base + RECORDS]!;
    nodes.copyWithin(base + RECORDS, base + RECORDS + 1, base + RECORDS + count);
    nodes.copyWithin(base + CHILDREN, base + CHILDREN + 1, base + CHILDREN + count + 1);
    nodes[base + COUNT] = count - 1;
    this.#setHeads(node);
    return separator;
  }

  #linkLeaves(left: number, right: number): void {
    const nodes = this.#nodes;
    const after = nodes[left * STRIDE + NEXT]!;
    nodes[right * STRIDE + PREV] = left;
    nodes[right * STRIDE + NEXT] = after;
    nodes[left * STRIDE + NEXT] = right;
    if (after === NONE) this.#lastLeaf = right;
    else nodes[after * STRIDE + PREV] = right;
  }

  #newNode(isLeaf: boolean): number {
    const node = this.#nodeCount++;
    if ((node + 1) * STRIDE > this.#nodes.length) {
      const nodes = new Int32Array(this.#nodes.length * 2);
      nodes.set(this.#nodes);
      this.#nodes = nodes;
      const heads = new Uint32Array(this.#heads.length * 2);
      heads.set(this.#heads);
      this.#heads = heads;
    }
    const base = node * STRIDE;
    this.#nodes[base + IS_LEAF] = isLeaf ? 1 : 0;
    this.#nodes[base + NEXT] = NONE;
    this.#nodes[base + PREV] = NONE;
    return node;
  }
}
