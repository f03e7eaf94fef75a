/**
 * The process of the soak: churns a store whose live data stays the same, and says, sample by sample, what it holds of the
 * machine. Started with --expose-gc. A line is one Sample as JSON; what goes wrong ends it.
 */
import { getEventListeners } from "node:events";
import { openSync, readdirSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { collection, inc, open } from "kotobadb";
import type { Db, DbSnapshot } from "kotobadb";
import { openLsmEngine } from "kotobadb/engine";
import type { LsmEngine } from "kotobadb/engine";
import { z } from "zod";
import { seededRandom } from "../../../src/testing/kit/index.ts";

export type Leak = "snapshots" | "descriptors";

export interface ChurnPlan {
  readonly folder: string;
  readonly seed: number;
  readonly thousands: number;
  /** What is kept on purpose, to see that it is found out. */
  readonly leak?: Leak;
}

/** What the process holds while the store is open and nothing is under way, and once it is closed. */
export interface Sample {
  readonly operations: number;
  readonly heapBytes: number;
  /** Outside the heap: buffers. */
  readonly outsideBytes: number;
  readonly rssBytes: number;
  readonly descriptors: number;
  readonly descriptorsClosed: number;
  /** Timers, sockets and calls that keep the process alive or wait. */
  readonly resources: number;
  readonly resourcesClosed: number;
  readonly listeners: number;
  readonly files: number;
  readonly diskBytes: number;
  readonly liveBytes: number;
}

const LIVE_MAX = 600;
const OPERATIONS_EACH_OPENING = 1_500;

const things = collection(
  "things",
  z.object({
    key: z.string(),
    group: z.number(),
    tags: z.array(z.string()),
    uses: z.number(),
    until: z.number(),
    text: z.string(),
  }),
  {
    indexes: {
      byKey: { on: ["key"], unique: true },
      byGroup: ["group", "-uses"],
      byTag: ["tags[]"],
      byUntil: ["until"],
    },
  },
);
const note = z.object({ text: z.string() });
type Store = Db<{ things: typeof things }>;
type Thing = Parameters<Store["things"]["insert"]>[0];
class ChangedMyMind extends Error {}

const plan = JSON.parse(process.argv[2]!) as ChurnPlan;
const random = seededRandom(plan.seed, 51);
const path = join(plan.folder, "db");
const kept: unknown[] = [];
/** Lives as long as the process, as the signal of a server does. */
const stop = new AbortController();
let operations = 0;
let serial = 0;
let db!: Store;
let engine!: LsmEngine;
const held: DbSnapshot[] = [];
const streams: AsyncIterator<unknown>[] = [];

function thing(): Thing {
  const n = ++serial;
  return {
    key: `k${n}`,
    group: random.below(20),
    tags: ["a", "b", "c"].filter(() => random.oneIn(2)),
    uses: 0,
    until: n + LIVE_MAX,
    text: Buffer.from(random.bytes(200 + random.below(900))).toString("base64"),
  };
}
const someKey = (): string => `k${serial - random.below(LIVE_MAX)}`;

const steps: readonly (() => Promise<unknown>)[] = [
  async () => db.things.insertMany([thing(), thing(), thing()]),
  async () => db.things.insert(thing()),
  // What has had its time goes.
  async () => {
    const old = await db.things
      .where({ until: { lt: serial } })
      .limit(8)
      .all();
    await db.transaction(async (tx) => {
      for (const { id } of old) await tx.things.delete(id);
    });
  },
  async () => {
    const found = await db.things.find({ key: someKey() });
    if (found !== undefined) await db.things.update(found.id, { uses: inc(1) });
  },
  async () => {
    const key = someKey();
    await db.things.upsert({ key }, { create: { ...thing(), key }, update: { uses: inc(1) } });
  },
  async () =>
    db.things
      .where({ group: random.below(20) })
      .orderBy("uses", "desc")
      .limit(5)
      .all(),
  async () => db.things.where({ tags: { has: "a" } }).count(),
  async () => db.things.where({ group: 3 }).page({ size: 10 }),
  async () => {
    for await (const _ of db.things.where({ group: random.below(20) }).stream()) break;
  },
  // One that is begun, left alone for a while, and given back by hand: what it reads is held for it until then.
  async () => {
    const stream = db.things.stream()[Symbol.asyncIterator]();
    await stream.next();
    streams.push(stream);
    while (streams.length > 3) await streams.shift()!.return?.();
  },
  async () => {
    const snapshot = db.snapshot();
    await snapshot.things.where({ group: 1 }).first();
    if (plan.leak === "snapshots") kept.push(snapshot);
    else if (random.oneIn(2)) snapshot.close();
    else held.push(snapshot as never);
    while (held.length > 3) held.shift()!.close();
  },
  async () =>
    db
      .transaction(async (tx) => {
        await tx.things.insert(thing());
        throw new ChangedMyMind();
      })
      .catch(ignoreOwn),
  // Two that change one document: one of them runs again.
  async () => {
    const key = someKey();
    const raise = (): Promise<void> =>
      db.transaction(
        async (tx) => {
          const found = await tx.things.find({ key });
          if (found !== undefined) await tx.things.update(found.id, { uses: found.uses + 1 });
        },
        { signal: stop.signal },
      );
    await Promise.all([raise(), raise()]);
  },
  async () => {
    const early = new AbortController();
    const ended = db.transaction(
      async (tx) => {
        await tx.things.first();
        early.abort(new ChangedMyMind());
        await tx.things.insert(thing());
      },
      { signal: early.signal },
    );
    await ended.catch(ignoreOwn);
  },
  async () => db.collection(`notes${random.below(3)}`, note).insert({ text: "n" }),
  async () => {
    const notes = db.collection(`notes${random.below(3)}`, note);
    for (const { id } of await notes.limit(20).all()) await notes.delete(id);
  },
  // A reader of changes that waits for the next one and goes away.
  async () => {
    const gone = new AbortController();
    setTimeout(() => gone.abort(new ChangedMyMind()), 3);
    const read = async (): Promise<void> => {
      for await (const _ of engine.changes!(undefined, { signal: gone.signal })) break;
    };
    await read().catch(ignoreOwn);
  },
];

function ignoreOwn(error: unknown): void {
  if (!(error instanceof ChangedMyMind)) throw error;
}

async function openAgain(): Promise<void> {
  engine = await openLsmEngine({
    path,
    durability: "buffered",
    flushBytesMax: 32 * 1_024,
    levelBaseBytes: 128 * 1_024,
    tableBytesTarget: 32 * 1_024,
    blockCacheBytesMax: 256 * 1_024,
    openTablesMax: 8,
    backgroundThread: random.oneIn(2) ? "auto" : "off",
    backgroundThreadBytesMin: 0,
    changeLog: { bytesMax: 64 * 1_024 },
  });
  db = await open({ engine }, { collections: { things } });
  await db.ready();
}

async function closeIt(): Promise<void> {
  await letGo();
  await db.close();
}

const descriptors = (): number => readdirSync("/proc/self/fd").length;
/** What waits, but for what is said to the parent. */
const resources = (): number =>
  process.getActiveResourcesInfo().filter((name) => !/^(Pipe|TTY)Wrap$/.test(name)).length;

async function letGo(): Promise<void> {
  for (const snapshot of held.splice(0)) snapshot.close();
  for (const stream of streams.splice(0)) await stream.return?.();
}

/** Nothing is under way, but for what the store does by itself. */
async function settled(): Promise<void> {
  await letGo();
  await new Promise((resolve) => setTimeout(resolve, 50));
}

async function takeSample(): Promise<Sample> {
  // Old data has its turn in the background; a soak that asked for compact() would prove nothing of that.
  await settled();
  globalThis.gc!();
  await settled();
  globalThis.gc!();
  const memory = process.memoryUsage();
  const names = readdirSync(path);
  const sizes = names.map((name) => statSync(join(path, name), { throwIfNoEntry: false })?.size);
  const all = await db.things.all();
  const open = { descriptors: descriptors(), resources: resources() };
  await closeIt();
  await settled();
  const sample = {
    operations,
    heapBytes: memory.heapUsed,
    outsideBytes: memory.external,
    rssBytes: memory.rss,
    ...open,
    descriptorsClosed: descriptors(),
    resourcesClosed: resources(),
    listeners: getEventListeners(stop.signal, "abort").length,
    files: names.length,
    diskBytes: sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0),
    liveBytes: Buffer.byteLength(JSON.stringify(all)),
  };
  await openAgain();
  return sample;
}

function say(line: string): void {
  const text = Buffer.from(`${line}\n`);
  for (let at = 0; at < text.length;) at += writeSync(1, text, at);
}

async function churn(): Promise<void> {
  await openAgain();
  const SAMPLES = 12;
  const end = plan.thousands * 1_000;
  let nextSample = end / SAMPLES;
  while (operations < end) {
    const lanes = Array.from({ length: 4 }, () => steps[random.below(steps.length)]!());
    await Promise.all(lanes);
    operations += lanes.length;
    if (plan.leak === "descriptors" && random.oneIn(20)) openSync("/dev/null", "r");
    if (operations % OPERATIONS_EACH_OPENING < lanes.length) {
      await closeIt();
      await openAgain();
    }
    if (random.oneIn(400)) {
      await db.checkpoint(join(plan.folder, "copy"));
      rmSync(join(plan.folder, "copy"), { recursive: true });
    }
    if (operations < nextSample) continue;
    nextSample += end / SAMPLES;
    say(JSON.stringify(await takeSample()));
  }
  const { problems } = await db.verify();
  if (problems.length > 0) throw new Error(problems.join("\n"));
  await closeIt();
}

await churn();
