/**
 * The figures of the specification and the bounds of the engine, each measured and printed beside what was promised:
 * `npm run build && npx tsx bench/micro/specification.ts [directory] [--large]`. It runs the built package, since only there is
 * the background thread. Nothing is asserted: a shared machine would make liars of us.
 *
 * What is counted: MB are 10^6 bytes of keys and values as handed in, not what reaches the disk. A write figure includes
 * the log and every flush that happened meanwhile; where it says "with compaction", also the wait until all of it is
 * done. Keys are 16 bytes. Values are half random and half zeros, so that they compress about as documents do.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bytes } from "../../src/base/index.ts";
import type { Durability, WriteOp } from "../../src/engine/contract/index.ts";
import type * as Engine from "../../src/engine/index.ts";
import type { LsmEngine, LsmOptions } from "../../src/engine/lsm/index.ts";

const built = new URL("../../dist/engine/index.js", import.meta.url).href;
const { openLsmEngine } = (await import(built)) as typeof Engine;

const KEY_BYTES = 16;
const MB = 1_000_000;
const isLarge = process.argv.includes("--large");
const root = mkdtempSync(
  join(process.argv.slice(2).find((word) => !word.startsWith("--")) ?? tmpdir(), "kotobadb-spec-"),
);

function keyOf(n: number): Bytes {
  const key = new Uint8Array(KEY_BYTES);
  new DataView(key.buffer).setUint32(8, n);
  return key;
}
/** The numbers below `count`, a power of two, each once, in an order without pattern. */
function scrambled(n: number, count: number): number {
  return (Math.imul(n, 0x9e3779b1) + 0x7f4a7c15) & (count - 1);
}

let noise = 0x2545f491;
/** Half of it cannot be compressed. */
function valueOf(bytes: number): Bytes {
  const value = new Uint8Array(bytes);
  for (let i = 0; i < bytes / 2; i++) {
    noise ^= noise << 13;
    noise ^= noise >>> 17;
    noise ^= noise << 5;
    value[i] = noise & 0xff;
  }
  return value;
}

let folders = 0;
async function inFolder<T>(
  options: Partial<LsmOptions>,
  work: (engine: LsmEngine, path: string) => Promise<T>,
): Promise<T> {
  const path = join(root, String(++folders));
  const engine = await openLsmEngine({ path, ...options });
  try {
    return await work(engine, path);
  } finally {
    await engine.close();
    rmSync(path, { recursive: true, force: true });
  }
}

function line(what: string, promised: string, found: string): void {
  console.log(`${what.padEnd(62)} ${promised.padStart(16)}  ${found}`);
}

interface Load {
  readonly rows: number;
  readonly valueBytes: number;
  readonly batch: number;
  readonly order: (n: number) => number;
}

/** Writes the rows in batches; gives seconds. */
async function write(engine: LsmEngine, load: Load): Promise<number> {
  const values = Array.from({ length: 64 }, () => valueOf(load.valueBytes));
  const start = performance.now();
  for (let from = 0; from < load.rows; from += load.batch) {
    const ops: WriteOp[] = [];
    for (let i = from; i < Math.min(load.rows, from + load.batch); i++) {
      ops.push({ op: "put", key: keyOf(load.order(i)), value: values[i & 63]! });
    }
    await engine.write({ ops, requires: [] });
  }
  return (performance.now() - start) / 1_000;
}

/** Waits until compaction owes nothing and has told of nothing for a second. */
async function settled(engine: LsmEngine): Promise<void> {
  let before = -1;
  let sameFor = 0;
  while (sameFor < 4) {
    const { bytesCompacted, compactionDebtBytes, compactions, flushes, immutables } =
      engine.stats();
    const now = bytesCompacted! + compactions! + flushes!;
    const isIdle = now === before && compactionDebtBytes === 0 && immutables === 0;
    sameFor = isIdle ? sameFor + 1 : 0;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function writes(
  what: string,
  promised: string,
  load: Load,
  durability: Durability,
): Promise<void> {
  await inFolder({ durability }, async (engine) => {
    const megabytes = (load.rows * (KEY_BYTES + load.valueBytes)) / MB;
    const seconds = await write(engine, load);
    const start = performance.now();
    await settled(engine);
    const all = seconds + (performance.now() - start) / 1_000;
    line(
      `${what}, ${durability}, ${load.valueBytes}-byte values`,
      promised,
      `${(megabytes / seconds).toFixed(0)} MB/s (${((load.rows / seconds) | 0).toLocaleString("en")} /s); ` +
        `with compaction ${(megabytes / all).toFixed(0)} MB/s`,
    );
  });
}

async function reads(): Promise<void> {
  const rows = 2 ** 18;
  await inFolder({ durability: "buffered" }, async (engine) => {
    await write(engine, {
      rows,
      valueBytes: 100,
      batch: 1_000,
      order: (n) => scrambled(n, rows),
    });
    await engine.compact();
    const view = engine.snapshot();
    const rate = async (count: number, work: () => Promise<void>): Promise<string> => {
      await work();
      const start = performance.now();
      await work();
      return Math.round((count / (performance.now() - start)) * 1_000).toLocaleString("en");
    };
    const gets = await rate(rows, async () => {
      for (let i = 0; i < rows; i++) await view.get(keyOf(scrambled(i, rows)));
    });
    line("gets of random present keys, awaited one by one", "50,000 /s", `${gets} /s`);
    const before = engine.stats();
    const missing = await rate(rows, async () => {
      for (let i = 0; i < rows; i++) {
        const key = new Uint8Array(KEY_BYTES + 1);
        key.set(keyOf(i));
        await view.get(key);
      }
    });
    line("gets of absent keys", "", `${missing} /s`);
    const after = engine.stats();
    if (after["filterRefused"] !== undefined && after["filterMistaken"] !== undefined) {
      const refused = after["filterRefused"] - before["filterRefused"]!;
      const mistaken = after["filterMistaken"] - before["filterMistaken"]!;
      const share = ((mistaken / (refused + mistaken)) * 100).toFixed(4);
      line("false positives of the filters", "<= 0.1 %", `${share} % of ${refused + mistaken}`);
    }
    const scans = await rate(rows, async () => {
      const scan = view.scan({ start: new Uint8Array(0), end: undefined });
      while (!(await scan.next()).done);
    });
    line("scanned keys", "10,000 /s", `${scans} /s`);
    view.close();
  });
}

/** Ten times as much data as a memtable holds, written in random order, then all of it written over twice. */
async function amplification(): Promise<void> {
  const rows = 2 ** 18;
  const valueBytes = 600;
  await inFolder({ durability: "buffered", flushBytesMax: 16 * 1_024 * 1_024 }, async (engine) => {
    const load = { rows, valueBytes, batch: 1_000, order: (n: number) => scrambled(n, rows) };
    for (let round = 0; round < 3; round++) {
      await write(engine, { ...load, order: (n) => scrambled(n + round * 77_777, rows) });
      await settled(engine);
    }
    await engine.flush();
    await settled(engine);
    const written = 3 * rows * (KEY_BYTES + valueBytes);
    const { bytesCompacted, bytesFlushed, totalBytes } = engine.stats();
    line(
      "write amplification at ten memtables of data, written three times",
      "<= 12",
      `${((bytesFlushed! + bytesCompacted!) / written).toFixed(2)} to tables, log not counted`,
    );
    await engine.compact();
    const live = engine.stats()["totalBytes"]!;
    line(
      "space amplification, as compaction leaves it by itself",
      "1.1 to 1.5",
      (totalBytes! / live).toFixed(3),
    );
    await write(engine, { ...load, order: (n) => scrambled(n + 5, rows) });
    await engine.compact();
    const again = engine.stats()["totalBytes"]!;
    line("space amplification after compact()", "<= 1.15", (again / live).toFixed(3));
  });
}

async function opening(): Promise<void> {
  for (const rows of [2 ** 14, 2 ** 17, 2 ** 20]) {
    const path = join(root, String(++folders));
    const first = await openLsmEngine({ path, durability: "buffered" });
    const order = (n: number): number => scrambled(n, rows);
    await write(first, { rows, valueBytes: 100, batch: 1_000, order });
    await first.flush();
    await settled(first);
    await first.close();
    const times: number[] = [];
    for (let round = 0; round < 7; round++) {
      const start = performance.now();
      const engine = await openLsmEngine({ path });
      const view = engine.snapshot();
      await view.get(keyOf(order(round)));
      times.push(performance.now() - start);
      view.close();
      await engine.close();
    }
    times.sort((a, b) => a - b);
    line(
      `open and first get, ${rows.toLocaleString("en")} keys`,
      rows >= 1_000_000 ? "<= 50 ms" : "",
      `${times[3]!.toFixed(1)} ms (${times[0]!.toFixed(1)} to ${times[6]!.toFixed(1)})`,
    );
    rmSync(path, { recursive: true, force: true });
  }
}

/** In a process of its own, since what other parts have left behind would hide what this one takes. */
function memoryApart(): void {
  const script = process.argv[1]!;
  const words = [...process.execArgv, script, ...process.argv.slice(2), "--memory"];
  const { status } = spawnSync(process.execPath, words, { stdio: "inherit" });
  if (status !== 0) throw new Error("the part about memory failed");
}

/** Resident memory while much more is loaded than memory may hold. */
async function memory(): Promise<void> {
  const valueBytes = 1_000;
  const rows = isLarge ? 2 ** 22 : 2 ** 20;
  const base = process.memoryUsage().rss;
  await inFolder({ durability: "buffered" }, async (engine) => {
    const peaks: string[] = [];
    let peak = 0;
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss);
    }, 20);
    const eighth = rows / 8;
    for (let part = 0; part < 8; part++) {
      peak = 0;
      await write(engine, {
        rows: eighth,
        valueBytes,
        batch: 500,
        order: (n) => scrambled(n + part * eighth, rows),
      });
      peaks.push(((peak - base) / MB).toFixed(0));
    }
    clearInterval(watch);
    const loaded = ((rows * (valueBytes + KEY_BYTES)) / 1e9).toFixed(1);
    line(
      `resident memory above the empty process while ${loaded} GB are loaded`,
      "bounded",
      `MB in each eighth: ${peaks.join(" ")}`,
    );
  });
}

async function everything(): Promise<void> {
  line(`Node ${process.version}`, "promised", "found");
  const small = 2 ** 19;
  await writes(
    "random writes, batches of 1,000",
    "100 MB/s",
    { rows: small, valueBytes: 100, batch: 1_000, order: (n) => scrambled(n, small) },
    "buffered",
  );
  await writes(
    "random writes, batches of 100",
    "100 MB/s",
    { rows: 2 ** 17, valueBytes: 1_000, batch: 100, order: (n) => scrambled(n, 2 ** 17) },
    "buffered",
  );
  for (const [valueBytes, rows] of [
    [1_000, 2 ** 18],
    [4_000, 2 ** 16],
  ] as const) {
    await writes(
      "sequential writes, batches of 100",
      "500 MB/s",
      { rows, valueBytes, batch: 100, order: (n) => n },
      "buffered",
    );
  }
  await writes(
    "one burst of batches of 1,000",
    "800 MB/s",
    { rows: 4_000, valueBytes: 4_000, batch: 1_000, order: (n) => n },
    "buffered",
  );
  await reads();
  await amplification();
  await opening();
  memoryApart();
}

try {
  if (process.argv.includes("--memory")) await memory();
  else await everything();
} finally {
  rmSync(root, { recursive: true, force: true });
}
