/**
 * How fast the parts of the LSM engine hold and find entries: memtable, table, merge, visible scan.
 *
 *   npx tsx bench/micro/lsm-storage.ts [entries]
 *
 * Keys of 24 bytes as collections make them, values of 100 bytes. Files lie on the machine's own disk, in its page cache.
 * Best of three rounds, nanoseconds of processor time for each operation (garbage collection on other threads included),
 * so that a busy machine disturbs less; the key is made before the clock starts.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prefixEnd } from "../../src/base/index.ts";
import { MAX_SEQUENCE, VisibleScan, mergeCursor } from "../../src/engine/lsm/cursor/index.ts";
import type { Cursor, PointResult } from "../../src/engine/lsm/cursor/index.ts";
import { nodeHost } from "../../src/engine/lsm/host/index.ts";
import { Memtable } from "../../src/engine/lsm/memtable/index.ts";
import {
  BlockCache,
  COMPRESSIONS,
  TableReader,
  TableWriter,
  hashKey,
  isAvailable,
} from "../../src/engine/lsm/sstable/index.ts";
import type { KeyHash } from "../../src/engine/lsm/sstable/index.ts";

const ENTRIES = Number(process.argv[2] ?? 250_000);
const ROUNDS = 3;
const SAMPLE = Math.min(ENTRIES, 100_000);
const STORE_ID = new Uint8Array(16);

let randomState = 12_345;
function random(below: number): number {
  randomState = (Math.imul(randomState, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((randomState / 2 ** 32) * below);
}

function keyOf(i: number): Uint8Array {
  return new TextEncoder().encode(`users/01H${String(i * 7).padStart(15, "0")}`);
}
function shuffled(list: readonly Uint8Array[]): Uint8Array[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = random(i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

const results = new Map<string, number>();
function measure(name: string, operations: number, work: () => void): void {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  const nanos = ((user + system) * 1e3) / operations;
  results.set(name, Math.min(results.get(name) ?? Infinity, nanos));
}

const rising = Array.from({ length: ENTRIES }, (_, i) => keyOf(i));
const mixed = shuffled(rising);
const asked = Array.from({ length: SAMPLE }, () => mixed[random(ENTRIES)]!);
const absent = Array.from({ length: SAMPLE }, () => {
  const key = Uint8Array.from(mixed[random(ENTRIES)]!);
  key[key.length - 1]! ^= 0x40;
  return key;
});
const value = new Uint8Array(100).map(() => random(256));
/** Bytes as documents have them: some names repeat, some numbers do not. */
const documents = Array.from({ length: 1_000 }, (_, i) =>
  new TextEncoder().encode(
    `{"name":"user ${random(1e6)}","city":"${["Lisbon", "Osaka", "Lima"][i % 3]}","age":${random(99)},"score":${random(1e9)}}`,
  ),
);
const out: PointResult = { sequence: 0, kind: 0, buffer: value, start: 0, end: 0 };
let sink = 0;

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`wrong answer: ${what}`);
}

const hash: KeyHash = new Uint32Array(2);
/** As the engine does it: one hash for all tables. */
function find(table: TableReader, key: Uint8Array): boolean {
  hashKey(key, 0, key.length, hash);
  return table.get(key, hash, MAX_SEQUENCE, out);
}

function walk(cursor: Cursor): number {
  let count = 0;
  for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
    sink += cursor.keyEnd + cursor.valueStart;
    count++;
  }
  return count;
}

function scanRows(cursor: Cursor, reverse: boolean): number {
  const scan = new VisibleScan({
    cursor,
    range: { start: new Uint8Array(0), end: undefined },
    sequence: MAX_SEQUENCE,
    rangeDeletes: [],
    options: { reverse, expect: "all" },
  });
  let rows = 0;
  for (let page = scan.next(); ; page = scan.next()) {
    rows += page.rows;
    if (page.done) return rows;
  }
}

function benchMemtable(): Memtable {
  const memtable = new Memtable();
  measure("memtable add, random keys", ENTRIES, () => {
    for (let i = 0; i < ENTRIES; i++) memtable.add(i + 1, 1, mixed[i]!, value);
  });
  const sequential = new Memtable();
  measure("memtable add, rising keys", ENTRIES, () => {
    for (let i = 0; i < ENTRIES; i++) sequential.add(i + 1, 1, rising[i]!, value);
  });
  measure("memtable get", SAMPLE, () => {
    for (const key of asked) check(memtable.get(key, MAX_SEQUENCE, out), "memtable get");
  });
  measure("memtable cursor, each entry", ENTRIES, () => {
    check(walk(memtable.cursor()) === ENTRIES, "memtable cursor");
  });
  measure("memtable visible scan, each row", ENTRIES, () => {
    check(scanRows(memtable.cursor(), false) === ENTRIES, "memtable scan");
  });
  return memtable;
}

function benchTable(directory: string, round: number, memtable: Memtable): void {
  const host = nodeHost();
  const path = join(directory, `${String(round).padStart(6, "0")}.sst`);
  const writer = new TableWriter(host, path, round, STORE_ID);
  measure("table write from memtable, each entry, without sync", ENTRIES, () => {
    const from = memtable.cursor();
    for (from.seekToFirst(); from.valid; from.next()) {
      const { keyBuffer, keyStart, keyEnd, valueBuffer, valueStart, valueEnd } = from;
      writer.add(keyBuffer, keyStart, keyEnd, from.sequence, 1, valueBuffer, valueStart, valueEnd);
    }
  });
  const meta = writer.finish(0);
  const open = (cacheBytes: number): TableReader =>
    TableReader.open(host, path, meta, STORE_ID, new BlockCache(cacheBytes));

  const cached = open(meta.fileBytes * 2);
  for (const key of rising) find(cached, key);
  measure("table get, all blocks cached", SAMPLE, () => {
    for (const key of asked) check(find(cached, key), "table get");
  });
  measure("table get of an absent key", SAMPLE, () => {
    for (const key of absent) if (find(cached, key)) sink++;
  });
  const small = open(1 << 20);
  measure("table get, 1 MiB of cache, page cache below", SAMPLE, () => {
    for (const key of asked) check(find(small, key), "table get");
  });
  measure("table cursor, each entry, cached", ENTRIES, () => {
    check(walk(cached.cursor()) === ENTRIES, "table cursor");
  });
  measure("table cursor, each entry, past the cache", ENTRIES, () => {
    check(walk(small.cursor({ fillCache: false })) === ENTRIES, "table cursor");
  });
  const seeker = cached.cursor();
  measure("table cursor seek and 10 entries, cached", SAMPLE, () => {
    for (const key of asked) {
      seeker.seek(key);
      for (let i = 0; i < 10 && seeker.valid; i++) {
        sink += seeker.valueStart;
        seeker.next();
      }
    }
  });
  for (const reverse of [false, true]) {
    measure(`table visible scan${reverse ? " in reverse" : ""}, each row`, ENTRIES, () => {
      check(scanRows(cached.cursor(), reverse) === ENTRIES, "table scan");
    });
  }
  if (round === ROUNDS) console.log(`cache of 1 MiB: ${JSON.stringify(small.stats)}`);
  small.close();
  cached.close();
}

/** A table of documents under each way of compression: bytes, building, cold reads, a whole scan, verify. */
function benchCompression(directory: string, round: number): void {
  const host = nodeHost();
  for (const compression of COMPRESSIONS.filter((name) => isAvailable(name))) {
    const path = join(directory, `${compression}-${round}.sst`);
    const writer = new TableWriter(host, path, 1_000 + round, STORE_ID, { compression });
    measure(`table write, documents, compression ${compression}`, ENTRIES, () => {
      for (let i = 0; i < ENTRIES; i++) {
        const key = rising[i]!;
        const text = documents[i % documents.length]!;
        writer.add(key, 0, key.length, i + 1, 1, text, 0, text.length);
      }
    });
    const meta = writer.finish(0);
    const table = TableReader.open(host, path, meta, STORE_ID, new BlockCache(1 << 20));
    measure(`table get, documents, 1 MiB of cache, ${compression}`, SAMPLE, () => {
      for (const key of asked) check(find(table, key), "get");
    });
    measure(`table cursor, documents, past the cache, ${compression}`, ENTRIES, () => {
      check(walk(table.cursor({ fillCache: false })) === ENTRIES, "cursor");
    });
    measure(`table verify, ${compression}`, ENTRIES, () => {
      check(table.verify().length === 0, "verify");
    });
    if (round === ROUNDS) benchFilter(table, compression);
    table.close();
  }
}

/** What the filter lets through for nothing, of keys and of ranges with a prefix that no key has. */
function benchFilter(table: TableReader, compression: string): void {
  const { dataBytes, dataRawBytes } = table.properties;
  const before = table.stats;
  for (const key of absent) find(table, key);
  const mistaken = table.stats.filterMistaken - before.filterMistaken;
  let passed = 0;
  measure("table mayHoldRange of an absent prefix of 12 bytes", SAMPLE, () => {
    for (const key of absent) {
      const start = key.slice(0, 12);
      start[8] = 0x61 + (sink++ % 26);
      if (table.mayHoldRange(start, prefixEnd(start))) passed++;
    }
  });
  const percent = (part: number): string => `${((100 * part) / SAMPLE).toFixed(3)} %`;
  console.log(
    `${compression}: ratio ${(dataBytes / dataRawBytes).toFixed(3)}, false positives ` +
      `${percent(mistaken)} of keys, ${percent(passed)} of ranges`,
  );
}

/** Entries dealt out at random, so that the winner changes at almost each step: the worst case of a merge. */
function benchMerge(sources: number): void {
  const tables = Array.from({ length: sources }, () => new Memtable());
  for (let i = 0; i < ENTRIES; i++) tables[random(sources)]!.add(i + 1, 1, rising[i]!, value);
  measure(`merge of ${sources} memtables, each entry`, ENTRIES, () => {
    const merged = mergeCursor(tables.map((table) => table.cursor()));
    check(walk(merged) === ENTRIES, "merge");
  });
}

const directory = mkdtempSync(join(tmpdir(), "kotoba-bench-"));
try {
  for (let round = 1; round <= ROUNDS; round++) {
    benchTable(directory, round, benchMemtable());
    for (const sources of [2, 4, 12]) benchMerge(sources);
    benchCompression(directory, round);
  }
} finally {
  rmSync(directory, { recursive: true });
}
console.log(`${ENTRIES} entries of 24 + 100 bytes, best of ${ROUNDS} (${sink > 0 ? "read" : "?"})`);
for (const [name, nanos] of results) {
  const each = nanos < 100 ? nanos.toFixed(1) : nanos.toFixed(0);
  console.log(
    `${name.padEnd(54)} ${each.padStart(7)} ns ${(1e3 / nanos).toFixed(2).padStart(8)} M/s`,
  );
}
