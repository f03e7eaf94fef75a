/** All key-value workloads with one store, in the order in which they stand on each other. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { bytesOnDisk, coldImportMillis, collectGarbage, rest, spreadOf } from "../kit/index.ts";
import type { Scope } from "../kit/index.ts";
import { LARGE, SMALL, countsOf, dataOf, writeRows } from "./ground.ts";
import type { Counts, Ground } from "./ground.ts";
import { ingest } from "./ingest.ts";
import type { KeyValueStore } from "./key-value-store.ts";
import { allRowsEnd, getRows, readPoints, readReopened, readScans, scanAll } from "./reads.ts";
import { Rows, shuffled, uniform } from "./rows.ts";
import type { RowSizes } from "./rows.ts";
import { CACHE_BYTES } from "./stores/index.ts";
import type { KeyValueEntry } from "./stores/index.ts";
import { putDurably, putOneByOne, removeHalf } from "./writes.ts";
import { ycsb } from "./ycsb.ts";

/** What --workloads can name: the parts that can be run alone. */
const PARTS = {
  import: importPackage,
  fillseq: fillInOrder,
  main: fillAndUse,
  durable: writeDurably,
  ingest: ingestAtFullSpeed,
  large: largerThanTheCache,
} as const;

export async function runKeyValue(entry: KeyValueEntry, scope: Scope): Promise<void> {
  for (const [name, part] of Object.entries(PARTS)) {
    if (!scope.wants(name) || (entry.onlySize === true && name !== "main")) continue;
    const place = join(scope.directory, name);
    await part({ entry, scope, place, counts: countsOf(scope, entry.share) });
    rmSync(place, { recursive: true, force: true });
  }
}

interface Part {
  readonly entry: KeyValueEntry;
  readonly scope: Scope;
  readonly place: string;
  readonly counts: Counts;
}

/** A store with rows yet to come. */
async function openNew(
  { counts, entry, place, scope }: Part,
  sizes: RowSizes,
  options: {
    readonly durable?: boolean;
    readonly cacheBytes?: number;
    readonly count?: number;
  } = {},
): Promise<Ground> {
  const { cacheBytes = CACHE_BYTES, count = counts.rows, durable = false } = options;
  const store = await entry.open(place, durable, cacheBytes);
  return { store, rows: new Rows(sizes, count), recorder: scope.recorder, counts, cacheBytes };
}

const IMPORTS = 5;

async function importPackage({ entry, scope }: Part): Promise<void> {
  const millis = Array.from({ length: IMPORTS }, () => coldImportMillis(entry.specifier()));
  scope.recorder.value("import, cold", "ms", spreadOf(millis).median, "lower");
}

async function fillInOrder(part: Part): Promise<void> {
  const { recorder, rows, store } = await openNew(part, SMALL);
  const order = Uint32Array.from({ length: rows.count }, (_, n) => n);
  await recorder.rate("fillseq", rows.count, () => writeRows(store, order, rowOf(rows)));
  await store.close();
}

const rowOf = (rows: Rows) => (n: number) => ({ key: rows.key(n), value: rows.value(n) });

async function fillAndUse(part: Part): Promise<void> {
  const { counts, place, scope } = part;
  const { recorder } = scope;
  const { rows, store } = await openNew(part, SMALL);
  const order = shuffled(rows.count, 1);
  await recorder.rate("fillrandom", rows.count, () => writeRows(store, order, rowOf(rows)));
  const again = shuffled(rows.count, 2);
  await recorder.rate("overwrite", rows.count, () =>
    writeRows(store, again, (n) => ({ key: rows.key(n), value: rows.nextValue(n) })),
  );
  await rest();
  const start = performance.now();
  await store.close();
  recorder.value("close", "ms", performance.now() - start, "lower");
  recorder.value("size on disk", "bytes", bytesOnDisk(place), "lower");
  if (part.entry.onlySize === true) return;
  const opened = await reopen(part, rows);
  const ground: Ground = { store: opened, rows, recorder, counts, cacheBytes: CACHE_BYTES };
  await readReopened(ground);
  await rest();
  await readPoints(ground);
  await readScans(ground);
  await putOneByOne(ground);
  await rest();
  await ycsb(ground);
  await rest();
  await removeHalf(ground);
  await opened.close();
}

/** Until the first row was read. */
async function reopen({ entry, place, scope }: Part, rows: Rows): Promise<KeyValueStore> {
  collectGarbage();
  const start = performance.now();
  const store = await entry.open(place, false);
  const stamp = await store.stamp(rows.key(rows.count >> 1));
  scope.recorder.value("open and first get", "ms", performance.now() - start, "lower");
  if (stamp !== rows.stamp(rows.count >> 1)) throw new Error("a row was lost by closing");
  return store;
}

async function writeDurably(part: Part): Promise<void> {
  if (part.entry.durability.durable === undefined) return;
  const ground = await openNew(part, SMALL, { durable: true });
  await putDurably(ground);
  await ground.store.close();
}

async function ingestAtFullSpeed(part: Part): Promise<void> {
  const ground = await openNew(part, LARGE);
  await ingest(ground);
  await ground.store.close();
}

/** Less is refused by some. */
const CACHE_BYTES_LEAST = 64 * 1_024;

/** Rows of 24 + 400 bytes and a cache of a tenth of them. */
async function largerThanTheCache(part: Part): Promise<void> {
  const count = Math.ceil(part.counts.rows / 2);
  const tenth = Math.ceil((count * (LARGE.keyBytes + LARGE.valueBytes)) / 10);
  const cacheBytes = Math.max(CACHE_BYTES_LEAST, tenth);
  const ground = await openNew(part, LARGE, { cacheBytes, count });
  const { recorder, rows, store } = ground;
  await recorder.rate("fillrandom, 24 + 400 bytes", rows.count, () =>
    writeRows(store, shuffled(rows.count, 3), rowOf(rows)),
  );
  await rest();
  const order = uniform(rows.count, Math.ceil(part.counts.gets / 2), 37);
  await recorder.rate(
    "get, ten times the cache",
    order.length,
    () => getRows(ground, order),
    dataOf(ground),
  );
  const all = { start: rows.key(0), end: allRowsEnd(rows), limit: Infinity, reverse: false };
  await recorder.rate(
    "scan of all, ten times the cache",
    rows.count,
    () => scanAll(ground, all),
    dataOf(ground),
  );
  await store.close();
}
