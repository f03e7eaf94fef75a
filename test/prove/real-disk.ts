/**
 * Real disks that are full for a while, and real system calls that fail, under a process that writes documents.
 *
 * A full disk, be it tmpfs, ext4 or a limit of the size of files: a commit is refused with DiskFull and nothing of it is
 * there, reads go on, and the same handle writes again when there is room. A call that fails: the caller is told with an
 * error of KotobaDB, the process ends in good order, and whoever opens the store again finds all that was acknowledged,
 * each transaction whole, and of one that was refused with the word that it did not commit, nothing.
 *
 * What the machine does not allow (mount, strace) is counted as skipped, with the reason.
 */
import { existsSync, writeFileSync } from "node:fs";
import { mkdtemp, mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "../../src/testing/kit/index.ts";
import type { SeededRandom } from "../../src/testing/kit/index.ts";
import { count } from "./kit/proof.ts";
import type { Counts, Proof } from "./kit/proof.ts";
import { smallExt4, smallFiles, smallMemory } from "./processes/full-disk.ts";
import type { MakeDisk, SmallDisk } from "./processes/full-disk.ts";
import { judgeStore } from "./processes/judge.ts";
import { emptyLane } from "./processes/lanes.ts";
import { live } from "./processes/life.ts";
import type { Life } from "./processes/life.ts";
import { attachStrace, injections, straceEnvironment, whyNoStrace } from "./processes/strace.ts";
import type { Injection, Tracing } from "./processes/strace.ts";
import type { Aim, WriterPlan } from "./processes/writer.ts";

const UNIT = "processes whose real disk was full or failed";
const LANES = 4;
const lanes = Array.from({ length: LANES }, (_, lane) => emptyLane(lane));
const disks: readonly (readonly [name: string, make: MakeDisk])[] = [
  ["a full tmpfs", smallMemory],
  ["a full ext4", smallExt4],
  ["a limit of the size of files", smallFiles],
];
/** Refusals until there is room again: those of a few rounds of all lanes. */
const REFUSALS = 12;
/** A disk that nobody found full in this time is emptied again. */
const FULL_MILLIS_MAX = 1_500;

function planOf(folder: string, seed: number, random: SeededRandom): WriterPlan {
  const aims: readonly Aim[] = ["write", "compact", "snapshot", "checkpoint"];
  return {
    path: join(folder, "db"),
    version: 1,
    durability: random.oneIn(2) ? "durable" : "buffered",
    thread: random.oneIn(2),
    seed,
    lanes,
    aim: aims[random.below(aims.length)]!,
    warmUp: 5,
    transactions: 60,
    checkpointPath: join(folder, "copy"),
  };
}

// ------------------------------------------------------------------ full disks

async function fillUnder(
  disk: SmallDisk,
  seed: number,
  counts: Counts,
  name: string,
): Promise<void> {
  const random = seededRandom(seed, 41);
  const aim: Aim = random.oneIn(2) ? "write" : "snapshot";
  const plan = { ...planOf(disk.folder, seed, random), aim, patient: true };
  let acknowledged = 0;
  let refusals = 0;
  let pid = 0;
  let timer: NodeJS.Timeout | undefined;
  const fillAt = new Set([20 + random.below(40), 90 + random.below(60)]);
  const empty = (): void => {
    clearTimeout(timer);
    if (timer === undefined) return;
    timer = undefined;
    if (refusals > 0) count(counts, name);
    refusals = 0;
    disk.empty(pid);
  };
  const heard = (line: string, of: number): void => {
    pid = of;
    if (line.startsWith("ack ") && fillAt.has(++acknowledged)) {
      disk.fill(pid, random.oneIn(3) ? 0 : random.below(30_000));
      timer = setTimeout(empty, FULL_MILLIS_MAX);
    }
    if (line.startsWith("failed DiskFull") && ++refusals === REFUSALS) empty();
  };
  const life = await live(plan, { heard }).finally(empty);
  const others = life.failed.filter((text) => !/^DiskFull|^StorageError CommitUnknown/.test(text));
  if (others.length > 0) throw new Error(`a full disk is told as ${others.join("; ")}`);
  if (life.acknowledged.some((n) => n !== plan.transactions))
    throw new Error(
      `the lanes stopped after ${life.acknowledged.join()}: ${life.failed.join("; ")}`,
    );
  const all = life.acknowledged;
  await judgeStore(plan, { seed, lanes, fewest: all, most: all });
  count(counts, "refused while it was full", life.failed.length);
  count(counts, UNIT);
}

// ------------------------------------------------------------------ failing calls

/** "3": the third call of each thread; "3+": all from there on. */
function drawWhen(random: SeededRandom): string {
  return `${1 + random.below(random.oneIn(2) ? 8 : 60)}${random.oneIn(3) ? "+" : ""}`;
}

export async function failUnder(
  folder: string,
  seed: number,
  injection: Injection,
  counts: Counts,
  planted: Partial<WriterPlan> = {},
): Promise<void> {
  const random = seededRandom(seed, 43);
  const start = join(folder, "start");
  const plan = { ...planOf(folder, seed, random), waitsFor: start, ...planted };
  const when = drawWhen(random);
  let tracing: Promise<Tracing> | undefined;
  const heard = (line: string, pid: number): void => {
    if (line !== "here") return;
    tracing = attachStrace(pid, injection, when, join(folder, "trace"));
    void tracing.then(() => writeFileSync(start, ""));
  };
  const life = await live(plan, { heard, environment: straceEnvironment });
  const hits = await (await tracing!).ended;
  const where = `${injection.name}, call ${when}`;
  if (hits === 0 && life.failed.length > 0)
    throw new Error(`${where}: nothing failed, but ${life.failed.join("; ")}`);
  if (hits > 0) {
    count(counts, UNIT);
    count(counts, injection.name);
  }
  if (existsSync(plan.path)) await judgeAfterFault(plan, life, where);
}

async function judgeAfterFault(plan: WriterPlan, life: Life, where: string): Promise<void> {
  const fewest = life.acknowledged;
  const most = fewest.map((n, lane) => (life.refused.includes(lane) ? n : n + 1));
  try {
    await judgeStore(plan, { seed: plan.seed, lanes, fewest, most });
  } catch (cause) {
    const { message } = cause as Error;
    throw new Error(`${where}; it was told ${life.failed.join("; ")}; then ${message}`, { cause });
  }
}

export async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "kotobadb-disk-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One full disk and some failing calls. */
async function round(seed: number, counts: Counts): Promise<void> {
  const [name, make] = disks[seed % disks.length]!;
  await inFolder(async (folder) => {
    const made = make(folder);
    if (typeof made === "string") {
      count(counts, `skipped: ${made}`);
      return;
    }
    using disk = made;
    await fillUnder(disk, seed, counts, name);
  });
  const why = whyNoStrace();
  if (why !== undefined) return count(counts, `skipped: ${why}`);
  const chosen = [0, 1, 2, 3].map((i) => injections[(seed * 4 + i) % injections.length]!);
  await inFolder(async (folder) => {
    const runs = chosen.map(async (injection, i) => {
      const own = join(folder, String(i));
      await mkdir(own);
      await failUnder(own, seed * 4 + i, injection, counts);
    });
    const ends = await Promise.allSettled(runs);
    for (const end of ends) if (end.status === "rejected") throw end.reason as Error;
  });
}

export const realDisk: Proof = {
  name: "real-disk",
  unit: UNIT,
  quick: 12,
  full: 150,
  share: 5,
  round,
};
