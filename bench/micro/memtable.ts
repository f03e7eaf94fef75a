/**
 * What orders a memtable: `npx tsx bench/micro/memtable.ts [entries]`. Figures only; nothing is asserted. The choice that rests on
 * them is docs/decisions/0008-memtable.md.
 *
 *   tree         the memtable as it is: a B+tree with heads over the arena
 *   hash         points by a hash of the key, order by sorting when somebody scans or flushes
 *   hash + tree  points by a hash, order by the tree: each insert pays for both
 *
 * Rounds are interleaved, the median counts. Keys of 24 bytes in a random order, values of 100; "prefixed" keys share 16
 * bytes, as the rows of one index do.
 */
import type { Bytes } from "../../src/base/index.ts";
import { MAX_SEQUENCE } from "../../src/engine/lsm/cursor/index.ts";
import { EntryArena } from "../../src/engine/lsm/memtable/entry-arena.ts";
import { EntryTree } from "../../src/engine/lsm/memtable/entry-tree.ts";

const ENTRIES = Number(process.argv[2] ?? "110000");
const ROUNDS = 7;
const VALUE = new Uint8Array(100).fill(7);
const SCAN_ROWS = 20;

interface Candidate {
  insert(record: number): void;
  /** The newest record of the probe's key at or below its sequence; -1 if there is none. */
  find(probe: number): number;
  /** Makes the records readable in order from the first at or after `probe`; gives how many of `rows` were there. */
  scan(probe: number, rows: number): number;
}

class Tree implements Candidate {
  readonly #arena: EntryArena;
  readonly #tree: EntryTree;
  constructor(arena: EntryArena) {
    this.#arena = arena;
    this.#tree = new EntryTree(arena);
  }
  insert(record: number): void {
    this.#tree.insert(record);
  }
  find(probe: number): number {
    const position = this.#tree.lowerBound(probe);
    if (position < 0) return -1;
    const record = this.#tree.recordAt(position);
    return this.#arena.compareKeys(record, probe) === 0 ? record : -1;
  }
  scan(probe: number, rows: number): number {
    let at = this.#tree.lowerBound(probe);
    let count = 0;
    for (; at >= 0 && count < rows; count++) at = this.#tree.after(at);
    return count;
  }
}

/** Open addressing over record offsets; the versions of a key are a chain from the newest back. */
class Hash implements Candidate {
  readonly #arena: EntryArena;
  // Sized for all that comes, as the arena is.
  #slots = new Int32Array(2 ** Math.ceil(Math.log2(ENTRIES * 2)));
  #used = 0;
  /** By record / 4: the next older record of the same key. */
  #older = new Int32Array(ENTRIES * 40);
  readonly #records: number[] = [];
  #sorted: Int32Array = new Int32Array(0);

  constructor(arena: EntryArena) {
    this.#arena = arena;
  }
  insert(record: number): void {
    this.#records.push(record);
    if (record >>> 2 >= this.#older.length) {
      const older = new Int32Array(Math.max(this.#older.length * 2, (record >>> 2) + 1));
      older.set(this.#older);
      this.#older = older;
    }
    const slot = this.#slotOf(record);
    const former = this.#slots[slot]!;
    this.#older[record >>> 2] = former;
    this.#slots[slot] = record;
    if (former === 0 && ++this.#used * 2 > this.#slots.length) this.#grow();
  }
  find(probe: number): number {
    let record = this.#slots[this.#slotOf(probe)]!;
    const sequence = this.#arena.sequence(probe);
    while (record !== 0 && this.#arena.sequence(record) > sequence) {
      record = this.#older[record >>> 2]!;
    }
    return record === 0 ? -1 : record;
  }
  /** Sorts what is not sorted yet: heads behind the common prefix as numbers, whole keys where they are equal. */
  scan(probe: number, rows: number): number {
    if (this.#sorted.length !== this.#records.length) this.#sort();
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#arena.compare(this.#sorted[middle]!, probe) < 0) low = middle + 1;
      else high = middle;
    }
    return Math.min(rows, this.#sorted.length - low);
  }

  #sort(): void {
    const records = this.#records;
    const arena = this.#arena;
    const first = records[0]!;
    let prefix = arena.keyLength(first);
    for (const record of records) prefix = Math.min(prefix, arena.commonPrefix(first, record));
    const count = records.length;
    // The head and the place of a record as one number: typed arrays of numbers are sorted natively.
    const shift = 2 ** Math.ceil(Math.log2(count + 1));
    const keys = new Float64Array(count);
    for (let i = 0; i < count; i++) keys[i] = arena.head(records[i]!, prefix) * shift + i;
    keys.sort();
    const sorted = new Int32Array(count);
    for (let i = 0; i < count; i++) sorted[i] = records[keys[i]! % shift]!;
    for (let start = 0; start < count;) {
      const head = Math.floor(keys[start]! / shift);
      let end = start + 1;
      while (end < count && Math.floor(keys[end]! / shift) === head) end++;
      if (end - start > 1) sorted.subarray(start, end).sort((a, b) => arena.compare(a, b));
      start = end;
    }
    this.#sorted = sorted;
  }
  #slotOf(record: number): number {
    const mask = this.#slots.length - 1;
    let slot = this.#hash(record) & mask;
    while (this.#slots[slot] !== 0 && this.#arena.compareKeys(this.#slots[slot]!, record) !== 0) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }
  #hash(record: number): number {
    const { view, bytes } = this.#arena;
    const end = this.#arena.keyStart(record) + this.#arena.keyLength(record);
    let at = this.#arena.keyStart(record);
    let hash = 0x811c9dc5;
    for (; at + 4 <= end; at += 4) {
      hash = Math.imul(hash ^ view.getUint32(at), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    for (; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
    return (hash ^ (hash >>> 13)) >>> 0;
  }
  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    for (const record of old) if (record !== 0) this.#slots[this.#slotOf(record)] = record;
  }
}

class HashAndTree implements Candidate {
  readonly #hash: Hash;
  readonly #tree: Tree;
  constructor(arena: EntryArena) {
    this.#hash = new Hash(arena);
    this.#tree = new Tree(arena);
  }
  insert(record: number): void {
    this.#hash.insert(record);
    this.#tree.insert(record);
  }
  find(probe: number): number {
    return this.#hash.find(probe);
  }
  scan(probe: number, rows: number): number {
    return this.#tree.scan(probe, rows);
  }
}

let seed = 1;
function random(below: number): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((seed / 2 ** 32) * below);
}
function keysOf(prefixed: boolean): Bytes[] {
  return Array.from({ length: ENTRIES }, (_, i) => {
    const key = new Uint8Array(24);
    const view = new DataView(key.buffer);
    if (!prefixed) for (let at = 0; at < 16; at += 4) view.setUint32(at, random(2 ** 32));
    view.setUint32(16, random(2 ** 32));
    view.setUint32(20, i);
    return key;
  });
}

const results = new Map<string, number[]>();
function measure(name: string, count: number, work: () => void): void {
  const start = performance.now();
  work();
  const nanos = ((performance.now() - start) * 1e6) / count;
  results.set(name, [...(results.get(name) ?? []), nanos]);
}

function bench(name: string, make: (arena: EntryArena) => Candidate, keys: readonly Bytes[]): void {
  const arena = new EntryArena(new SharedArrayBuffer(ENTRIES * 160));
  const candidate = make(arena);
  let found = 0;
  measure(`${name}: insert`, ENTRIES, () => {
    keys.forEach((key, i) => candidate.insert(arena.add(i + 1, 1, key, VALUE)));
  });
  measure(`${name}: get`, ENTRIES, () => {
    for (let i = 0; i < ENTRIES; i++) {
      if (candidate.find(arena.probe(keys[(i * 7_919) % ENTRIES]!, MAX_SEQUENCE)) > 0) found++;
    }
  });
  if (found !== ENTRIES) throw new Error(`${name} found ${found}`);
  measure(`${name}: order for the flush, each entry`, ENTRIES, () => {
    candidate.scan(arena.probe(new Uint8Array(0), MAX_SEQUENCE), ENTRIES);
  });
  // A query after each hundred inserts, as an application does that reads what it wrote.
  const arenaOfMixed = new EntryArena(new SharedArrayBuffer(ENTRIES * 160));
  const candidateOfMixed = make(arenaOfMixed);
  const some = Math.min(ENTRIES, 20_000);
  measure(`${name}: insert with a scan of ${SCAN_ROWS} rows after every 100`, some, () => {
    for (let i = 0; i < some; i++) {
      candidateOfMixed.insert(arenaOfMixed.add(i + 1, 1, keys[i]!, VALUE));
      if (i % 100 === 99)
        candidateOfMixed.scan(arenaOfMixed.probe(keys[i - 50]!, MAX_SEQUENCE), SCAN_ROWS);
    }
  });
}

for (let round = 0; round < ROUNDS; round++) {
  for (const prefixed of [false, true]) {
    const keys = keysOf(prefixed);
    const kind = prefixed ? "prefixed, " : "random, ";
    bench(`${kind}tree`, (arena) => new Tree(arena), keys);
    bench(`${kind}hash`, (arena) => new Hash(arena), keys);
    bench(`${kind}hash + tree`, (arena) => new HashAndTree(arena), keys);
  }
}
console.log(`${ENTRIES} entries of 24 + 100 bytes, median of ${ROUNDS} rounds`);
for (const [name, nanos] of results) {
  const median = nanos.toSorted((a, b) => a - b)[nanos.length >> 1]!;
  console.log(`${name.padEnd(68)} ${median.toFixed(0).padStart(7)} ns`);
}
