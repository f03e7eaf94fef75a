/**
 * How long a put waits while flushes and compactions run: `npm run build && npx tsx bench/micro/write-stalls.ts [puts] [folder]`.
 * It runs the built package, since only there is the background thread. Figures only; nothing is asserted.
 *
 * Counts: time from the call of write() to its acknowledgement, one put after another (1 writer) or 64 at a time, each of
 * 16 + 100 bytes, buffered, keys random over ten million. "idle" is the same with memtables so large that nothing is flushed.
 * Beside it the longest time in which the event loop ran nothing else.
 *
 * On Linux the time in which this thread was ready and the machine ran somebody else is taken off, so that the figures hold
 * on a machine that others use too; what the background thread takes away on a machine with few processors goes with it.
 */
import { existsSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type * as Engine from "../../src/engine/index.ts";
import type { LsmOptions } from "../../src/engine/lsm/index.ts";

const built = new URL("../../dist/engine/index.js", import.meta.url).href;
const { openLsmEngine } = (await import(built)) as typeof Engine;

const PUTS = Number(process.argv[2] ?? "600000");
const MIB = 1_024 * 1_024;
const VALUE = new Uint8Array(100).map((_, i) => (i * 37 + 11) & 0xff);
const folder = mkdtempSync(join(process.argv[3] ?? tmpdir(), "kotobadb-bench-"));

let state = 1;
function randomKey(): Uint8Array {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  const key = new Uint8Array(16);
  new DataView(key.buffer).setUint32(4, state % 10_000_000);
  return key;
}

const schedule = `/proc/self/task/${process.pid}/schedstat`;
const scheduleFile = existsSync(schedule) ? openSync(schedule, "r") : undefined;
const scheduleText = Buffer.alloc(64);
/** How long this thread has waited for a processor, in milliseconds: the second number of the file. */
function waitedMillis(): number {
  if (scheduleFile === undefined) return 0;
  const length = readSync(scheduleFile, scheduleText, 0, 64, 0);
  return Number(scheduleText.toString("latin1", 0, length).split(" ", 2)[1]) / 1e6;
}

interface Mode {
  readonly name: string;
  readonly options: Omit<LsmOptions, "path">;
  readonly puts: number;
}
/** So small that a run of some hundred thousand puts keeps compaction busy: its debt grows as at full size. */
const BUSY = { flushBytesMax: 4 * MIB, levelBaseBytes: 16 * MIB, tableBytesTarget: 2 * MIB };
const MODES: readonly Mode[] = [
  { name: "idle", options: { flushBytesMax: 512 * MIB }, puts: Math.min(PUTS, 300_000) },
  { name: "background thread", options: { ...BUSY, backgroundThreadBytesMin: 0 }, puts: PUTS },
  { name: "one thread", options: { ...BUSY, backgroundThread: "off" }, puts: PUTS },
];

function quantile(sorted: Float64Array, share: number): string {
  const millis = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return (millis < 1 ? `${(millis * 1_000).toFixed(0)} µs` : `${millis.toFixed(1)} ms`).padStart(8);
}

async function run({ name, options, puts }: Mode, writers: number, round: number): Promise<void> {
  const path = join(folder, `${name}-${writers}-${round}`.replaceAll(" ", "-"));
  const engine = await openLsmEngine({ path, durability: "buffered", ...options });
  const millis = new Float64Array(puts);
  const loop = monitorEventLoopDelay({ resolution: 1 });
  let next = 0;
  let memoryMax = 0;
  const writer = async (): Promise<void> => {
    while (next < puts) {
      const at = next++;
      const start = performance.now() - waitedMillis();
      await engine.write({ ops: [{ op: "put", key: randomKey(), value: VALUE }], requires: [] });
      millis[at] = performance.now() - waitedMillis() - start;
      if (at % 4_096 === 0) memoryMax = Math.max(memoryMax, process.memoryUsage().rss);
    }
  };
  loop.enable();
  const start = performance.now();
  await Promise.all(Array.from({ length: writers }, writer));
  const seconds = (performance.now() - start) / 1_000;
  loop.disable();
  const stats = engine.stats();
  millis.sort();
  console.log(
    `${name.padEnd(18)}${String(writers).padStart(3)} writers ` +
      `${String(Math.round(puts / seconds)).padStart(7)}/s ` +
      `p50${quantile(millis, 0.5)} p99${quantile(millis, 0.99)} p99.9${quantile(millis, 0.999)} ` +
      `max${quantile(millis, 1)} loop max ${(loop.max / 1e6).toFixed(1)} ms ` +
      `rss ${(memoryMax / MIB).toFixed(0)} MiB`,
  );
  const told = ["flushes", "compactions", "moves", "stalls", "stallMillis", "stallMillisMax"];
  told.push("slowdowns", "slowdownMillis", "level0Tables");
  console.log(`    ${told.map((one) => `${one} ${Math.round(stats[one] ?? 0)}`).join(", ")}`);
  await engine.close();
  rmSync(path, { recursive: true });
}

try {
  for (let round = 1; round <= 2; round++) {
    for (const writers of [1, 64]) for (const mode of MODES) await run(mode, writers, round);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
