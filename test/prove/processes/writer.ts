/**
 * The process that is killed. It opens the store, writes with several lanes, and says each thing on its standard output
 * as soon as it is so, one line each:
 *
 *   here                     it waits for the file that it is to wait for
 *   begin WHAT / end WHAT    around open, snapshot, compact, checkpoint and close
 *   ack LANE                 a transaction was acknowledged
 *   shown N,N,...            so many transactions of each lane were seen in a snapshot
 *   failed TEXT              a call ended with an error of KotobaDB: its tag, its code, whether it committed
 *   refused LANE             and it was a transaction of this lane, of which nothing may be there
 *   wrong TEXT               something that may never be
 */
import { existsSync, writeSync } from "node:fs";
import { inc, KotobaError } from "kotobadb";
import { dieAtCall } from "./die-at-call.ts";
import { afterOps, nextOps } from "./lanes.ts";
import type { LaneState, Op } from "./lanes.ts";
import { openStore } from "./store.ts";
import type { Store, StoreOptions, StoreTx } from "./store.ts";

export type Aim = "open" | "write" | "snapshot" | "compact" | "checkpoint" | "close";

export interface WriterPlan extends StoreOptions {
  readonly seed: number;
  readonly lanes: readonly LaneState[];
  /** What it is to be killed in. */
  readonly aim: Aim;
  /** Kills itself before so many more calls of the disk, counted from the beginning of its aim; else somebody else does. */
  readonly callsToLive?: number;
  /** Transactions of each lane before it turns to its aim. */
  readonly warmUp: number;
  /** Ends by itself, in good order, after so many transactions of each lane. */
  readonly transactions?: number;
  readonly checkpointPath: string;
  /** A full disk is waited for: reads must go on, what was refused must not be there, and it is tried again. */
  readonly patient?: boolean;
  /** Waits for this file before it opens the store: its parent has something to prepare. */
  readonly waitsFor?: string;
}

const plan = JSON.parse(process.argv[2]!) as WriterPlan;
let stopped = false;

function say(line: string): void {
  const text = Buffer.from(`${line}\n`);
  for (let at = 0; at < text.length;) at += writeSync(1, text, at);
}

async function during<T>(what: Aim, work: () => Promise<T>): Promise<T> {
  say(`begin ${what}`);
  if (what === plan.aim && plan.callsToLive !== undefined) dieAtCall(plan.callsToLive);
  const result = await work();
  say(`end ${what}`);
  return result;
}

async function runOp(tx: StoreTx, op: Op): Promise<void> {
  if (op.op === "insert") {
    await tx.items.insert({ ...op.item, tags: [...op.item.tags] });
    return;
  }
  if (op.op === "hit") {
    await tx.totals.upsert(
      { name: "all" },
      { create: { name: "all", value: 1 }, update: { value: inc(1) } },
    );
    return;
  }
  const found = await tx.items.find({ email: op.email });
  if (found === undefined) throw new Error(`no item ${op.email}`);
  if (op.op === "delete") await tx.items.delete(found.id);
  else await tx.items.update(found.id, op.to as { balance: number });
}

async function writeLane(db: Store, first: LaneState, whenWarm: () => void): Promise<void> {
  let state = first;
  let mayBeThere = false;
  for (let done = 0; !stopped && done !== plan.transactions;) {
    if (done === plan.warmUp) whenWarm();
    try {
      await transact(db, state, mayBeThere);
    } catch (error) {
      if (!(error instanceof KotobaError)) throw error;
      if (error.committed === "no" && !mayBeThere) say(`refused ${state.lane}`);
      if (plan.patient !== true || !(error._tag === "DiskFull" || isUnknown(error))) throw error;
      tellFailure(error);
      mayBeThere ||= isUnknown(error);
      await waitForRoom(db, state, mayBeThere);
      continue;
    }
    say(`ack ${state.lane}`);
    state = afterOps(state, nextOps(state, plan.seed));
    mayBeThere = false;
    done++;
  }
}

/** The next transaction of a lane. `mayBeThere`: it was tried before, and nobody knows; so it finds that out by itself. */
async function transact(db: Store, state: LaneState, mayBeThere: boolean): Promise<void> {
  const { lane } = state;
  const n = state.n + 1;
  await db.transaction(async (tx) => {
    if (mayBeThere && (await tx.progress.find({ lane }))?.n === n) return;
    for (const op of nextOps(state, plan.seed)) await runOp(tx, op);
    await tx.progress.upsert({ lane }, { create: { lane, n }, update: { n } });
  });
}

/** While a disk is full: reads go on, and show nothing of what was refused. */
async function waitForRoom(db: Store, state: LaneState, mayBeThere: boolean): Promise<void> {
  const { lane, n } = state;
  using snapshot = db.snapshot();
  const found = (await snapshot.progress.find({ lane }))?.n ?? 0;
  if (found !== n && !(mayBeThere && found === n + 1))
    say(`wrong lane ${lane} is after ${found}, of ${n} and a transaction refused`);
  if (found === n)
    for (const { email, text } of state.items)
      if ((await snapshot.items.find({ email }))?.text !== text)
        say(`wrong ${email} cannot be read while the disk is full`);
  if (n % 3 === 0) await db.compact().catch(tellFailure);
  await new Promise((resolve) => setTimeout(resolve, 10));
}

function isUnknown(error: KotobaError): boolean {
  return "code" in error && error.code === "CommitUnknown";
}

function tellFailure(error: unknown): void {
  if (!(error instanceof KotobaError))
    say(`wrong ${String((error as Error).stack)}`.split("\n").join(" | "));
  else
    say(
      `failed ${error._tag} ${"code" in error ? String(error.code) : "-"} committed: ${error.committed}`,
    );
}

/** Reads in a snapshot, lets the writers go on, and finds the same again. */
async function holdSnapshot(db: Store): Promise<void> {
  using snapshot = db.snapshot();
  const read = async (): Promise<string> => {
    const rows = (await snapshot.progress.all()).toSorted((a, b) => a.lane - b.lane);
    const { length } = await snapshot.items.all();
    return `${rows.map(({ n }) => n).join()} ${length}`;
  };
  const first = await read();
  if (plan.lanes.length === first.split(" ")[0]!.split(",").length)
    say(`shown ${first.split(" ")[0]}`);
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const again = await read();
    if (again !== first) say(`wrong a snapshot showed ${first}, then ${again}`);
  }
}

async function pursueAim(db: Store): Promise<void> {
  if (plan.aim === "snapshot") while (!stopped) await during("snapshot", () => holdSnapshot(db));
  if (plan.aim === "compact") while (!stopped) await during("compact", () => db.compact());
  if (plan.aim === "checkpoint")
    await during("checkpoint", () => db.checkpoint(plan.checkpointPath));
  if (plan.aim === "close") await during("close", () => db.close());
}

async function main(): Promise<void> {
  if (plan.waitsFor !== undefined) say("here");
  while (plan.waitsFor !== undefined && !existsSync(plan.waitsFor))
    await new Promise((resolve) => setTimeout(resolve, 5));
  const { db } = await during("open", () => openStore(plan));
  if (plan.aim !== "open") {
    if (plan.aim === "write" && plan.callsToLive !== undefined) dieAtCall(plan.callsToLive);
    let aimed: Promise<void> | undefined;
    const lanes = plan.lanes.map((lane) =>
      writeLane(db, lane, () => {
        aimed ??= guarded(() => pursueAim(db));
      }),
    );
    await Promise.all(lanes.map((lane) => guarded(() => lane)));
    stopped = true;
    await aimed;
  }
  if (plan.transactions === undefined) return hang();
  if (plan.aim !== "close") await guarded(() => during("close", () => db.close()));
}

/** Writers that meet the closing database end with Closed, which is as it should be. */
async function guarded(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    stopped = true;
    const isClosed = error instanceof KotobaError && error._tag === "Closed";
    if (!isClosed || plan.aim !== "close") tellFailure(error);
  }
}

/** Waits for the kill. */
function hang(): void {
  setInterval(() => undefined, 1_000);
}

await guarded(main);
