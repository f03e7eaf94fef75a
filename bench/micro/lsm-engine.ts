/**
 * The local engine on real files: `npx tsx bench/micro/lsm-engine.ts [directory]`. Figures only; nothing is asserted.
 *
 * Durable figures are those of the disk below as much as ours; run it where the database will live. Values are 100 bytes
 * and do not compress; keys are 16 bytes, random or ascending.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bytes } from "../../src/base/index.ts";
import type { WriteOp } from "../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import type { LsmEngine, LsmOptions } from "../../src/engine/lsm/index.ts";

const ROWS = 200_000;
const BATCH = 1_000;
const VALUE = new Uint8Array(100).map((_, i) => (i * 37 + 11) & 0xff);

function keyOf(n: number): Bytes {
  const key = new Uint8Array(16);
  const view = new DataView(key.buffer);
  view.setUint32(4, n);
  view.setUint32(12, Math.imul(n, 0x9e3779b1));
  return key;
}
/** The same numbers in an order without pattern. */
function scrambled(n: number): number {
  return Math.imul(n ^ 0x2545f491, 0x9e3779b1) >>> 0;
}

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "kotobadb-bench-"));

async function withEngine(
  name: string,
  options: Partial<LsmOptions>,
  work: (engine: LsmEngine) => Promise<void>,
): Promise<void> {
  const engine = await openLsmEngine({ path: join(folder, name), ...options });
  try {
    await work(engine);
  } finally {
    await engine.close();
  }
}

/** Wall time, and the processor time of the whole process beside it: the second holds on a shared machine too. */
async function measured(name: string, count: number, work: () => Promise<void>): Promise<void> {
  const start = performance.now();
  const cpuStart = process.cpuUsage();
  await work();
  const millis = performance.now() - start;
  const { system, user } = process.cpuUsage(cpuStart);
  const rate = Math.round((count / millis) * 1_000).toLocaleString("en");
  const each = ((millis * 1_000) / count).toFixed(2);
  const cpu = ((system + user) / count).toFixed(2);
  console.log(`${name.padEnd(52)} ${rate.padStart(10)} /s  ${each} µs each, ${cpu} µs of CPU`);
}

const put = (n: number): WriteOp => ({ op: "put", key: keyOf(n), value: VALUE });

async function durablePuts(writers: number, count: number): Promise<void> {
  await withEngine(`durable-${writers}`, {}, async (engine) => {
    let next = 0;
    const writer = async (): Promise<void> => {
      while (next < count) await engine.write({ ops: [put(scrambled(next++))], requires: [] });
    };
    await measured(`durable puts, ${writers} writers`, count, async () => {
      await Promise.all(Array.from({ length: writers }, writer));
    });
    const { commits, syncs } = engine.stats();
    console.log(`${"".padEnd(52)} ${(commits! / syncs!).toFixed(1)} commits for each sync`);
  });
}

async function batches(
  name: string,
  options: Partial<LsmOptions>,
  order: (n: number) => number,
): Promise<void> {
  await withEngine(`batches-${name}`, options, async (engine) => {
    await measured(`puts in batches of ${BATCH}, ${name}`, ROWS, async () => {
      for (let from = 0; from < ROWS; from += BATCH) {
        const ops = Array.from({ length: BATCH }, (_, i) => put(order(from + i)));
        await engine.write({ ops, requires: [] });
      }
    });
    await measured(`  flush and compact all, ${name}`, ROWS, () => engine.compact());
  });
}

async function transactions(count: number): Promise<void> {
  await withEngine("transactions", { durability: "memory" }, async (engine) => {
    await measured("transactions of one get and one put, in memory", count, async () => {
      for (let i = 0; i < count; i++) {
        const key = keyOf(scrambled(i));
        const transaction = await engine.begin();
        await transaction.get(key);
        await transaction.commit({
          readKeys: [key],
          readRanges: [],
          ops: [{ op: "put", key, value: VALUE }],
          requires: [],
        });
      }
    });
  });
}

async function reads(name: string, compacted: boolean): Promise<void> {
  await withEngine(`reads-${name}`, { durability: "memory" }, async (engine) => {
    for (let from = 0; from < ROWS; from += BATCH) {
      const ops = Array.from({ length: BATCH }, (_, i) => put(scrambled(from + i)));
      await engine.write({ ops, requires: [] });
    }
    if (compacted) await engine.compact();
    const view = engine.snapshot();
    let found = 0;
    const gets = (order: (n: number) => number) => async (): Promise<void> => {
      for (let i = 0; i < ROWS; i++) {
        const length = view.read(keyOf(order(i)), (_, start, end) => end - start);
        if (length !== undefined) found++;
      }
    };
    await gets(scrambled)();
    await measured(`gets of present keys, ${name}`, ROWS, gets(scrambled));
    await measured(
      `gets of absent keys, ${name}`,
      ROWS,
      gets((n) => scrambled(n) ^ 0x5555),
    );
    const keys = Array.from({ length: ROWS }, (_, i) => keyOf(scrambled(i)));
    await measured(`getMany of 100 keys, each key, ${name}`, ROWS, async () => {
      for (let from = 0; from < ROWS; from += 100) {
        found += (await view.getMany(keys.slice(from, from + 100))).length;
      }
    });
    for (const reverse of [false, true]) {
      let rows = 0;
      await measured(`scan of all rows${reverse ? " in reverse" : ""}, ${name}`, ROWS, async () => {
        const scan = view.scan({ start: new Uint8Array(0), end: undefined }, { reverse });
        for (;;) {
          const page = await scan.next();
          rows += page.rows;
          if (page.done) break;
        }
      });
      if (rows !== ROWS) throw new Error(`${rows} rows`);
    }
    if (found < ROWS) throw new Error(`${found} found`);
    view.close();
    console.log(
      engine
        .describe()
        .split("\n")
        .filter((line) => line.startsWith("level"))
        .join("; "),
    );
  });
}

/** Rows taken from the front, which is looked at before and after each flush. */
async function queue(deleted: number): Promise<void> {
  await withEngine("queue", { durability: "memory" }, async (engine) => {
    for (let from = 0; from < ROWS; from += BATCH) {
      const ops = Array.from({ length: BATCH }, (_, i) => put(from + i));
      await engine.write({ ops, requires: [] });
    }
    for (let from = 0; from < deleted; from += BATCH) {
      const ops = Array.from({ length: BATCH }, (_, i): WriteOp => {
        return { op: "del", key: keyOf(from + i) };
      });
      await engine.write({ ops, requires: [] });
    }
    const look = (times: number) => async (): Promise<void> => {
      for (let i = 0; i < times; i++) {
        const view = engine.snapshot();
        const scan = view.scan({ start: new Uint8Array(0), end: undefined }, { limit: 1 });
        if ((await scan.next()).rows !== 1) throw new Error("the queue is empty");
        view.close();
      }
    };
    for (const where of ["in the memtable", "in a table"]) {
      if (where === "in a table") await engine.flush();
      await measured(`first look behind ${deleted} deletes ${where}`, 1, look(1));
      await measured(`later looks behind ${deleted} deletes ${where}`, 100, look(100));
    }
  });
}

try {
  await durablePuts(1, 1_000);
  await durablePuts(64, 20_000);
  await durablePuts(256, 60_000);
  await batches("durable, random", {}, scrambled);
  await batches("durable, ascending", {}, (n) => n);
  await batches("in memory, random", { durability: "memory" }, scrambled);
  await transactions(100_000);
  await queue(100_000);
  await reads("in memtables", false);
  await reads("compacted", true);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
