/**
 * What the compaction policies cost: `npx tsx bench/micro/compaction-policy.ts [--engine | part of a label]`. Figures only; nothing
 * is asserted. With a part of a label, as "random overwrites, 1000x", only those lines are simulated.
 *
 * The first part is a simulation: the engine's own choice of jobs, on tables that are only sets of keys, merged exactly. All
 * sizes are the defaults divided by 256 (memtable 64 KiB of 512 entries of 128 bytes), and jobs end before the next flush.
 * The second part, with --engine, is the real engine in a folder, with sizes divided by 16.
 *
 * write  bytes of tables written, flushes included, for each byte that the user wrote
 * runs   sorted runs that a lookup of an absent key has to ask, after each flush, on average
 * space  bytes of tables for each byte of what the user could read: on average over the second half, and at the end
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bytes } from "../../src/base/index.ts";
import {
  GrandparentCut,
  applyEdit,
  bytesOf,
  overlapping,
  pickCompaction,
  spanOf,
  tablesOf,
  versionOf,
} from "../../src/engine/lsm/compaction/index.ts";
import type {
  CompactionJob,
  CompactionPolicy,
  PickSettings,
  Version,
} from "../../src/engine/lsm/compaction/index.ts";
import { openLsmEngine } from "../../src/engine/lsm/index.ts";
import type { LsmEngine } from "../../src/engine/lsm/index.ts";
import type { TableMeta } from "../../src/engine/lsm/manifest/index.ts";
import { settingsOf } from "../../src/engine/lsm/settings/index.ts";

const POLICIES: readonly CompactionPolicy[] = ["leveled", "lazy-leveled", "tiered"];
const ENTRY_BYTES = 128;
const SCALE = 256;
const usual = settingsOf({ path: "" });
const MEMTABLE_ENTRIES = usual.flushBytesMax / SCALE / ENTRY_BYTES;
const TARGET_ENTRIES = usual.tableBytesTarget / SCALE / ENTRY_BYTES;

function settingsFor(policy: CompactionPolicy): PickSettings {
  return {
    ...usual,
    policy,
    levelBaseBytes: usual.levelBaseBytes / SCALE,
    tableBytesTarget: usual.tableBytesTarget / SCALE,
  };
}

/** The same numbers in an order without pattern. */
function mixed(n: number): number {
  let x = (n + 0x9e3779b9) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

function keyOf(n: number): Bytes {
  return Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n);
}

/** An entry is its key times two, plus one for a delete. */
type Entries = Float64Array;

class Simulation {
  readonly #settings: PickSettings;
  readonly #contents = new Map<number, Entries>();
  #version: Version = versionOf([]);
  #memtable = new Map<number, number>();
  #number = 0;
  #sequence = 0;
  readonly #live = new Set<number>();
  userEntries = 0;
  written = 0;
  #runs: number[] = [];
  #space: number[] = [];

  constructor(settings: PickSettings) {
    this.#settings = settings;
  }

  write(key: number, isDelete = false): void {
    this.userEntries++;
    if (isDelete) this.#live.delete(key);
    else this.#live.add(key);
    this.#memtable.set(key, isDelete ? 1 : 0);
    if (this.#memtable.size >= MEMTABLE_ENTRIES) this.flush();
  }

  flush(): void {
    if (this.#memtable.size === 0) return;
    const entries = Float64Array.from(this.#memtable, ([key, kind]) => key * 2 + kind).sort();
    this.#memtable = new Map();
    this.#sequence++;
    const sequences = [this.#sequence, this.#sequence] as const;
    this.#version = applyEdit(this.#version, { added: [this.#table(0, entries, sequences)] });
    this.#compact();
    const { levels } = this.#version;
    this.#runs.push(
      levels[0]!.length + levels.filter((list, n) => n > 0 && list.length > 0).length,
    );
    this.#space.push(this.#spaceNow());
  }

  /** Figures begin anew from here: what was loaded is no part of them. */
  restart(): void {
    this.userEntries = 0;
    this.written = 0;
    this.#runs = [];
    this.#space = [];
  }

  figures(): string {
    const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
    const half = this.#space.slice(this.#space.length >> 1);
    const cells = [
      (this.written / this.userEntries).toFixed(1),
      mean(this.#runs).toFixed(1),
      mean(half).toFixed(2),
      this.#spaceNow().toFixed(2),
    ];
    return cells.map((cell) => cell.padStart(7)).join("");
  }

  #spaceNow(): number {
    return bytesOf(tablesOf(this.#version)) / ENTRY_BYTES / Math.max(1, this.#live.size);
  }

  #compact(): void {
    for (;;) {
      const state = {
        busy: new Set<number>(),
        oldestSequence: this.#sequence,
        nowMillis: 0,
        rangeDeletes: [],
      };
      const job = pickCompaction(this.#version, this.#settings, state);
      if (job === undefined) return;
      const removed = job.inputs.map((table) => table.fileNumber);
      const added = job.isMove
        ? job.inputs.map((table) => ({ ...table, level: job.outputLevel }))
        : this.#merge(job);
      this.#version = applyEdit(this.#version, { removed, added });
      if (!job.isMove) for (const number of removed) this.#contents.delete(number);
    }
  }

  /** Sorted by key, then by age of the run; the newest of each key stays. */
  #merge(job: CompactionJob): readonly TableMeta[] {
    const runOf = new Map(this.#version.levels[0]!.map((table, run) => [table.fileNumber, run]));
    const count = job.inputs.reduce((sum, table) => sum + table.entries, 0);
    const all = new Float64Array(count);
    let at = 0;
    for (const table of job.inputs) {
      const run = runOf.get(table.fileNumber) ?? 500 + table.level;
      for (const entry of this.#contents.get(table.fileNumber)!) {
        all[at++] = (entry - (entry % 2)) * 512 + run * 2 + (entry % 2);
      }
    }
    all.sort();
    const from = job.outputLevel === 0 ? 0 : job.outputLevel + 1;
    const inputs = new Set(job.inputs);
    const others = this.#version.levels
      .slice(from)
      .flat()
      .filter((table) => !inputs.has(table));
    const dropsDeletes = overlapping(others, spanOf(job.inputs)).length === 0;
    return this.#tablesOf(job, all, dropsDeletes);
  }

  #tablesOf(job: CompactionJob, all: Float64Array, dropsDeletes: boolean): readonly TableMeta[] {
    const sequences = [
      Math.min(...job.inputs.map((table) => table.smallestSequence)),
      Math.max(...job.inputs.map((table) => table.largestSequence)),
    ] as const;
    const cut = new GrandparentCut(job.grandparents ?? [], this.#settings.tableBytesTarget);
    const target = job.outputLevel === 0 ? Infinity : TARGET_ENTRIES;
    const tables: TableMeta[] = [];
    let present: number[] = [];
    let last = -1;
    const finish = (): void => {
      if (present.length === 0) return;
      tables.push(this.#table(job.outputLevel, Float64Array.from(present), sequences));
      present = [];
    };
    for (const one of all) {
      const key = Math.floor(one / 1_024);
      if (key === last) continue;
      last = key;
      const isDelete = one % 2 === 1;
      if (isDelete && dropsDeletes) continue;
      const isCut = cut.endsBefore(keyOf(key), 0, 4);
      if (isCut || present.length >= target) {
        finish();
        cut.restart();
      }
      present.push(key * 2 + (isDelete ? 1 : 0));
    }
    finish();
    return tables;
  }

  #table(level: number, entries: Entries, sequences: readonly [number, number]): TableMeta {
    const fileNumber = ++this.#number;
    this.#contents.set(fileNumber, entries);
    this.written += entries.length;
    const tombstones = entries.reduce((sum, entry) => sum + (entry % 2), 0);
    const dataBlocks = Math.ceil(entries.length / 64);
    return {
      fileNumber,
      level,
      fileBytes: entries.length * ENTRY_BYTES,
      entries: entries.length,
      rangeDeletes: 0,
      smallestKey: keyOf(Math.floor(entries[0]! / 2)),
      largestKey: keyOf(Math.floor(entries.at(-1)! / 2)),
      smallestSequence: sequences[0],
      largestSequence: sequences[1],
      tombstones,
      dataBlocks,
      denseBlocks: tombstones * 2 >= entries.length ? dataBlocks : 0,
      rawBytes: entries.length * ENTRY_BYTES,
      writtenAtMillis: 0,
      fileCrc: 0,
    };
  }
}

const workloads: Readonly<Record<string, (simulation: Simulation, keys: number) => void>> = {
  "ascending inserts": (simulation, keys) => {
    for (let i = 0; i < keys; i++) simulation.write(i);
  },
  "random inserts": (simulation, keys) => {
    for (let i = 0; i < keys; i++) simulation.write(mixed(i));
  },
  "random overwrites": (simulation, keys) => {
    for (let i = 0; i < keys; i++) simulation.write(mixed(i));
    simulation.restart();
    for (let i = 0; i < 3 * keys; i++) simulation.write(mixed(mixed(i ^ 0x5555) % keys));
  },
  "queue (insert and delete)": (simulation, keys) => {
    for (let i = 0; i < 2 * keys; i++) {
      simulation.write(i);
      if (i >= keys >> 2) simulation.write(i - (keys >> 2), true);
    }
  },
};

function simulate(): void {
  const head = ["write", "runs", "space", "at end"].map((cell) => cell.padStart(7)).join("");
  console.log(`${"workload, data / memtable, policy".padEnd(54)}${head}`);
  for (const ratio of [10, 100, 1_000]) {
    for (const [name, work] of Object.entries(workloads)) {
      for (const policy of POLICIES) {
        const label = `${name}, ${ratio}x, ${policy}`;
        if (!label.includes(process.argv[2] ?? "")) continue;
        const simulation = new Simulation(settingsFor(policy));
        work(simulation, ratio * MEMTABLE_ENTRIES);
        simulation.flush();
        console.log(`${label.padEnd(54)}${simulation.figures()}`);
      }
    }
  }
}

// ---------------------------------------------------------------- the real engine

const KEYS = 100_000;
const OVERWRITES = 300_000;
const BATCH = 500;
/** Jobs end before the next flush, as in the simulation; longer than any job of these sizes takes. */
const BATCHES_A_MEMTABLE = 18;
const IDLE_MILLIS = 400;
const VALUE_BYTES = 100;
const KEY_BYTES = 16;

function engineKey(n: number): Bytes {
  const key = new Uint8Array(KEY_BYTES);
  new DataView(key.buffer).setUint32(0, mixed(n));
  new DataView(key.buffer).setUint32(12, n);
  return key;
}

/** Once nothing was flushed, merged or moved for a while. */
async function idle(engine: LsmEngine): Promise<void> {
  let before = -1;
  for (;;) {
    const { compactions = 0, flushes = 0, immutables = 0, moves = 0 } = engine.stats();
    const now = flushes + compactions + moves;
    if (now === before && immutables === 0) return;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, IDLE_MILLIS));
  }
}

async function measure(folder: string, policy: CompactionPolicy): Promise<void> {
  const engine = await openLsmEngine({
    path: join(folder, policy),
    policy,
    durability: "memory",
    flushBytesMax: usual.flushBytesMax / 16,
    levelBaseBytes: usual.levelBaseBytes / 16,
    tableBytesTarget: usual.tableBytesTarget / 16,
  });
  const value = new Uint8Array(VALUE_BYTES);
  const put = async (count: number, keyAt: (i: number) => number): Promise<void> => {
    for (let from = 0; from < count; from += BATCH) {
      const ops = Array.from({ length: BATCH }, (_, i) => {
        const key = keyAt(from + i);
        for (let b = 0; b < VALUE_BYTES; b++) value[b] = mixed(key + b + from);
        return { op: "put" as const, key: engineKey(key), value: value.slice() };
      });
      await engine.write({ ops, requires: [] });
      if ((from / BATCH) % BATCHES_A_MEMTABLE === 0) await idle(engine);
    }
  };
  await put(KEYS, (i) => i);
  await engine.flush();
  await idle(engine);
  const before = engine.stats();
  const start = process.cpuUsage();
  // No key twice in a batch: a step that shares no factor with the number of keys.
  const anyKey = (i: number): number => (mixed(Math.floor(i / BATCH)) + (i % BATCH) * 397) % KEYS;
  await put(OVERWRITES, anyKey);
  await engine.flush();
  await idle(engine);
  const used = process.cpuUsage(start);
  const cpu = (used.user + used.system) / OVERWRITES;
  const after = engine.stats();
  const moved = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
  const user = OVERWRITES * (KEY_BYTES + VALUE_BYTES);
  const write = (moved("bytesFlushed") + moved("bytesCompacted")) / user;
  const space = after["totalBytes"]! / (KEYS * (KEY_BYTES + VALUE_BYTES));
  const view = engine.snapshot();
  const readStart = performance.now();
  for (let i = 0; i < 100_000; i++) {
    const found = view.read(engineKey(mixed(i) % KEYS), (_, from, to) => to - from);
    if (found === undefined) throw new Error("a key is lost");
  }
  const micros = (performance.now() - readStart) / 100;
  view.close();
  await engine.compact();
  const compacted = engine.stats()["totalBytes"]! / (KEYS * (KEY_BYTES + VALUE_BYTES));
  console.log(
    `${policy.padEnd(14)} write ${write.toFixed(1)}, ${cpu.toFixed(1)} µs of CPU for each overwrite, ` +
      `space ${space.toFixed(2)}, after compact() ${compacted.toFixed(2)}, get ${micros.toFixed(2)} µs`,
  );
  await engine.close();
}

if (process.argv.includes("--engine")) {
  const folder = mkdtempSync(join(tmpdir(), "kotobadb-policy-"));
  try {
    for (const policy of POLICIES) await measure(folder, policy);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
} else {
  simulate();
}
