/**
 * Number cells, resolved at the commit: `npx tsx bench/micro/merge.ts [directory]`. The figures of docs/decisions/0005.
 *
 * A commit of one merge beside a commit of one put of the same cell: the difference is what reading the newest cell
 * costs. Then what the other design would cost, made of parts that are here: an operand is an entry like a put, and a
 * read folds the entries of its cell, newest to oldest, through a cursor. Best of ROUNDS, the ways taking turns.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bytes } from "../../src/base/index.ts";
import type { WriteOp } from "../../src/engine/contract/index.ts";
import { KIND_PUT } from "../../src/engine/lsm/codec/index.ts";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import type { LsmEngine } from "../../src/engine/lsm/index.ts";
import { Memtable } from "../../src/engine/lsm/memtable/index.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? "5");
const TIMES = 40_000;
const ONE = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1);
const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "kotobadb-bench-"));

function keyOf(n: number): Bytes {
  const key = new Uint8Array(16);
  new DataView(key.buffer).setUint32(12, n);
  return key;
}
const put = (key: Bytes): WriteOp => ({ op: "put", key, value: ONE });
const merge = (key: Bytes): WriteOp => ({ op: "merge", key, how: "addInt", operand: ONE });

async function filled(name: string, cells: number, cacheBytes: number): Promise<LsmEngine> {
  const engine = await openLsmEngine({
    path: join(folder, name),
    durability: "memory",
    blockCacheBytesMax: cacheBytes,
    // No flush comes into the measured part.
    flushBytesMax: 512 * 1_024 * 1_024,
  });
  for (let from = 0; from < cells; from += 1_000) {
    const ops = Array.from({ length: Math.min(1_000, cells - from) }, (_, i) =>
      put(keyOf(from + i)),
    );
    await engine.write({ ops, requires: [] });
  }
  return engine;
}

/** Nanoseconds for a commit of one op on cells without an order. */
async function commits(
  engine: LsmEngine,
  cells: number,
  op: (key: Bytes) => WriteOp,
  start: number,
): Promise<number> {
  const began = performance.now();
  for (let i = 0; i < TIMES; i++) {
    const n = cells === 1 ? 0 : (Math.imul(start + i, 0x9e3779b1) >>> 0) % cells;
    await engine.write({ ops: [op(keyOf(n))], requires: [] });
  }
  return ((performance.now() - began) * 1e6) / TIMES;
}

async function compare(
  name: string,
  cells: number,
  options: { readonly compacted: boolean; readonly cacheBytes: number },
): Promise<void> {
  const best = { put: Infinity, merge: Infinity };
  let misses = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of ["merge", "put"] as const) {
      const engine = await filled(`${name}-${way}-${round}`, cells, options.cacheBytes);
      if (options.compacted) await engine.compact();
      if (options.compacted && options.cacheBytes > 1e7) {
        const view = engine.snapshot();
        for (let n = 0; n < cells; n++) await view.get(keyOf(n));
        view.close();
      }
      const before = engine.stats()["cacheMisses"]!;
      best[way] = Math.min(
        best[way],
        await commits(engine, cells, way === "put" ? put : merge, round * TIMES),
      );
      if (way === "merge") misses = (engine.stats()["cacheMisses"]! - before) / TIMES;
      await engine.close();
      rmSync(join(folder, `${name}-${way}-${round}`), { recursive: true });
    }
  }
  const ratio = (best.merge / best.put).toFixed(2);
  console.log(
    `${name.padEnd(48)} put ${best.put.toFixed(0).padStart(6)}  merge ${best.merge.toFixed(0).padStart(6)} ns  ` +
      `${ratio} times, ${misses.toFixed(2)} blocks read for each`,
  );
}

/** What a read would pay that finds `operands` of its cell in the memtable, in nanoseconds. */
function fold(operands: number): void {
  const memtable = new Memtable();
  const cells = Math.max(1, Math.floor(200_000 / operands));
  let sequence = 0;
  for (let i = 0; i < operands; i++) {
    for (let n = 0; n < cells; n++) memtable.add(++sequence, KIND_PUT, keyOf(n), ONE);
  }
  const result = { sequence: 0, kind: 0, buffer: ONE, start: 0, end: 0 };
  let plain = Infinity;
  let folded = Infinity;
  let sum = 0;
  for (let round = 0; round < ROUNDS * 3; round++) {
    let began = performance.now();
    for (let n = 0; n < cells; n++) memtable.get(keyOf(n), sequence, result);
    plain = Math.min(plain, ((performance.now() - began) * 1e6) / cells);
    began = performance.now();
    for (let n = 0; n < cells; n++) {
      const cursor = memtable.cursor();
      cursor.seek(keyOf(n));
      for (let i = 0; i < operands && cursor.valid; i++) {
        sum += cursor.valueBuffer[cursor.valueStart + 7]!;
        cursor.next();
      }
      cursor.close();
    }
    folded = Math.min(folded, ((performance.now() - began) * 1e6) / cells);
  }
  if (sum === 0) throw new Error("nothing was read");
  const name = `read of a cell with ${operands} operands in memory`;
  console.log(
    `${name.padEnd(48)} get ${plain.toFixed(0).padStart(6)}  fold  ${folded.toFixed(0).padStart(6)} ns  ${(folded / plain).toFixed(1)} times`,
  );
}

const CACHE = 64 * 1_024 * 1_024;
try {
  await compare("one hot cell, in the memtable", 1, { compacted: false, cacheBytes: CACHE });
  await compare("20,000 cells, in the memtable", 20_000, { compacted: false, cacheBytes: CACHE });
  await compare("200,000 cells, in cached blocks", 200_000, { compacted: true, cacheBytes: CACHE });
  await compare("200,000 cells, blocks of the page cache", 200_000, {
    compacted: true,
    cacheBytes: 64 * 1_024,
  });
  for (const operands of [1, 10, 100, 1_000, 10_000]) fold(operands);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
