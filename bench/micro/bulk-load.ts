/**
 * Bulk load against write batches, on real files: `npx tsx bench/micro/bulk-load.ts [directory]`. Figures only.
 *
 * Batches are of 1,000 rows, buffered, and end with a flush and with all compactions done: until then they have not
 * paid for what a load has paid for when it returns. Every way ends with all data synced in tables. Rows are made before
 * the clock starts; MB are those of keys and values, 10^6 bytes. The ways take turns, and the best of ROUNDS counts.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bytes } from "../../src/base/index.ts";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import type { LsmEngine } from "../../src/engine/lsm/index.ts";

type Row = readonly [key: Bytes, value: Bytes];

const ROUNDS = Number(process.env["ROUNDS"] ?? "3");
const PIECE = 1_000;
const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "kotobadb-bench-"));
let made = 0;

function rowsOf(count: number, valueBytes: number, isSorted: boolean): Row[] {
  const rows: Row[] = [];
  for (let n = 0; n < count; n++) {
    const key = new Uint8Array(16);
    const view = new DataView(key.buffer);
    view.setUint32(4, isSorted ? n : Math.imul(n ^ 0x2545f491, 0x9e3779b1) >>> 0);
    view.setUint32(12, Math.imul(n, 0x9e3779b1));
    const value = new Uint8Array(valueBytes);
    for (let i = 0; i < valueBytes; i++) value[i] = (n * 31 + i * 37) & 0xff;
    rows.push([key, value]);
  }
  return rows;
}

function* inPieces(rows: readonly Row[]): Generator<readonly Row[]> {
  for (let at = 0; at < rows.length; at += PIECE) yield rows.slice(at, at + PIECE);
}

async function* handedIn(rows: readonly Row[]): AsyncGenerator<readonly Row[]> {
  for (const piece of inPieces(rows)) yield piece;
}

async function inBatches(engine: LsmEngine, rows: readonly Row[]): Promise<void> {
  for (const piece of inPieces(rows)) {
    const ops = piece.map(([key, value]) => ({ op: "put", key, value }) as const);
    await engine.write({ ops, requires: [] });
  }
  await engine.compact();
}

interface Figure {
  readonly millis: number;
  readonly text: string;
}

async function timed(isLoad: boolean, rows: readonly Row[], loadBytesMax: number): Promise<Figure> {
  const path = join(folder, String(made++));
  const engine = await openLsmEngine({ path, durability: "buffered", loadBytesMax });
  const start = performance.now();
  await (isLoad ? engine.load!(handedIn(rows)) : inBatches(engine, rows));
  const millis = performance.now() - start;
  const { bytesCompacted, bytesFlushed, loadRuns, logBytesTotal, sstableCount } = engine.stats();
  const written = (bytesCompacted! + bytesFlushed! + logBytesTotal!) / 1e6;
  const text = isLoad
    ? `${loadRuns} runs, ${sstableCount} tables`
    : `${sstableCount} tables, ${written.toFixed(0)} MB written to log and tables`;
  await engine.close();
  rmSync(path, { recursive: true });
  return { millis, text };
}

async function compare(
  name: string,
  count: number,
  valueBytes: number,
  isSorted: boolean,
  loadBytesMax = 32 * 1_024 * 1_024,
): Promise<void> {
  const rows = rowsOf(count, valueBytes, isSorted);
  const best: (Figure | undefined)[] = [undefined, undefined];
  for (let round = 0; round < ROUNDS; round++) {
    for (const [way, isLoad] of [true, false].entries()) {
      const figure = await timed(isLoad, rows, loadBytesMax);
      if (figure.millis < (best[way]?.millis ?? Infinity)) best[way] = figure;
    }
  }
  const megabytes = (count * (16 + valueBytes)) / 1e6;
  const [load, batches] = best;
  for (const [way, figure] of [
    ["load", load!],
    ["batches", batches!],
  ] as const) {
    const rate = Math.round((count / figure.millis) * 1_000).toLocaleString("en");
    const speed = ((megabytes / figure.millis) * 1_000).toFixed(0);
    console.log(
      `${name.padEnd(34)} ${way.padEnd(8)} ${rate.padStart(10)} rows/s ${speed.padStart(5)} MB/s  ${figure.text}`,
    );
  }
  console.log(
    `${"".padEnd(34)} load is ${(batches!.millis / load!.millis).toFixed(1)} times as fast`,
  );
}

try {
  await compare("100-byte values, sorted", 500_000, 100, true);
  await compare("100-byte values, random", 500_000, 100, false);
  await compare("1 KiB values, sorted", 100_000, 1_024, true);
  await compare("1 KiB values, random", 100_000, 1_024, false);
  await compare("100-byte values, random, 4 MiB", 500_000, 100, false, 4 * 1_024 * 1_024);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
