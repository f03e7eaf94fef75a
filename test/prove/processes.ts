/**
 * A process that writes documents is killed with SIGKILL, in whatever it is doing, again and again on the same store,
 * also while it recovers from the kill before. Every acknowledged transaction must be there, each whole, none that was
 * never begun; indexes, unique keys and the change log must agree with the documents; the lock must be free at once.
 *
 * That holds for 'buffered' commits as for 'durable' ones: what was given to the operating system outlives the process.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KotobaError } from "kotobadb";
import type { Durability } from "kotobadb/engine";
import { seededRandom } from "../../src/testing/kit/index.ts";
import type { SeededRandom } from "../../src/testing/kit/index.ts";
import { count } from "./kit/proof.ts";
import type { Counts, Proof } from "./kit/proof.ts";
import { judgeStore, Mirror } from "./processes/judge.ts";
import { emptyLane } from "./processes/lanes.ts";
import type { LaneState } from "./processes/lanes.ts";
import { live } from "./processes/life.ts";
import type { Life, LifeOptions } from "./processes/life.ts";
import type { Aim, WriterPlan } from "./processes/writer.ts";

const UNIT = "SIGKILL rounds on a real process";
const LANES = 4;
/** Stores that live and die beside each other in one round: as many as there are processors to use. */
const STORES = 2;
/** Lives of each store; with those that only recover, half as many kills again. */
const LIVES = 7;
/** What a process that is to kill itself never reaches, somebody else cuts short. */
const CALLS_MILLIS_MAX = 300;

const aims: readonly Aim[] = ["write", "write", "snapshot", "compact", "checkpoint", "close"];
/** How long after the beginning of its aim a process is killed at most: about as long as that takes. */
const delayMillisMax: Readonly<Record<Aim, number>> = {
  open: 30,
  write: 120,
  snapshot: 20,
  compact: 25,
  checkpoint: 150,
  close: 8,
};
const callsMax: Readonly<Record<Aim, number>> = {
  open: 60,
  write: 150,
  snapshot: 60,
  compact: 60,
  checkpoint: 40,
  close: 12,
};

export interface StoreLifeOptions {
  readonly lives: number;
  /** Of all lives; default: drawn for each. */
  readonly durability?: Durability;
  /** The only aim; default: drawn for each. */
  readonly aim?: Aim;
}

/** One store from its making on, killed again and again. */
class KilledStore {
  readonly #folder: string;
  readonly #seed: number;
  readonly #random: SeededRandom;
  readonly #counts: Counts;
  readonly #changeLog: boolean;
  readonly #mirror: Mirror | undefined;
  readonly #options: StoreLifeOptions;
  #lanes: readonly LaneState[] = Array.from({ length: LANES }, (_, lane) => emptyLane(lane));
  #serial = 0;

  constructor(folder: string, seed: number, counts: Counts, options: StoreLifeOptions) {
    this.#folder = folder;
    this.#seed = seed;
    this.#counts = counts;
    this.#options = options;
    this.#random = seededRandom(seed, 31);
    this.#changeLog = this.#random.oneIn(2);
    this.#mirror = this.#changeLog ? new Mirror() : undefined;
  }

  async run(): Promise<void> {
    for (let life = 0; life < this.#options.lives; life++) {
      const plan = this.#plan(this.#options.aim ?? aims[this.#random.below(aims.length)]!);
      const { checkpointPath } = plan;
      const lived = await this.#liveAndDie(plan, life === 0);
      for (let again = 0; again < 3 && this.#random.oneIn(3); again++)
        await this.#liveAndDie({ ...this.#plan("open"), lanes: [] }, false);
      await this.#judge(plan, lived);
      if (lived.checkpoint !== undefined)
        await this.#judgeCheckpoint(plan, lived.checkpoint, lived.acknowledged);
      await rm(checkpointPath, { recursive: true, force: true });
    }
  }

  #plan(aim: Aim): WriterPlan {
    const random = this.#random;
    const ownHand = random.oneIn(3);
    return {
      path: join(this.#folder, "db"),
      version: random.oneIn(3) ? 2 : 1,
      durability: this.#options.durability ?? (random.oneIn(2) ? "durable" : "buffered"),
      changeLog: this.#changeLog,
      thread: random.oneIn(2),
      seed: this.#seed,
      lanes: this.#lanes,
      aim,
      warmUp: random.below(30),
      ...(ownHand ? { callsToLive: random.below(callsMax[aim]) } : {}),
      checkpointPath: join(this.#folder, `copy-${++this.#serial}`),
    };
  }

  async #liveAndDie(plan: WriterPlan, fresh: boolean): Promise<Life> {
    const { aim, callsToLive } = plan;
    const line = aim === "write" ? "end open" : `begin ${aim}`;
    const afterMillis =
      callsToLive === undefined ? this.#random.below(delayMillisMax[aim] + 1) : CALLS_MILLIS_MAX;
    const options: LifeOptions = { kill: { line, afterMillis } };
    const life = await live(plan, options);
    if (life.end !== "SIGKILL") throw new Error(`it ended with ${life.end} before it was killed`);
    if (life.failed.length > 0) throw new Error(`a call failed: ${life.failed.join("; ")}`);
    count(this.#counts, UNIT);
    count(this.#counts, momentOf(life, plan, fresh));
    if (callsToLive !== undefined) count(this.#counts, "aimed at a certain call of the disk");
    if (plan.thread === true) count(this.#counts, "with a background thread");
    if (plan.lanes.length > 0) count(this.#counts, `with ${plan.durability} commits`);
    const acknowledged = life.acknowledged.reduce((sum, n) => sum + n, 0);
    count(this.#counts, "acknowledged transactions", acknowledged);
    return life;
  }

  async #judge(plan: WriterPlan, { acknowledged, shown }: Life): Promise<void> {
    const fewest = acknowledged.map((n, lane) => Math.max(n, shown[lane]! - this.#lanes[lane]!.n));
    const most = acknowledged.map((n) => n + 1);
    const promised = { seed: this.#seed, lanes: this.#lanes, fewest, most };
    const version = this.#random.oneIn(4) ? 2 : plan.version;
    const options = { path: plan.path, version, changeLog: this.#changeLog } as const;
    this.#lanes = await judgeStore(options, promised, this.#mirror);
  }

  /** A copy that was finished is whole; one that was not is refused, or empty, or whole. */
  async #judgeCheckpoint(
    plan: WriterPlan,
    { atBegin, atEnd }: NonNullable<Life["checkpoint"]>,
    acknowledged: readonly number[],
  ): Promise<void> {
    const options = {
      path: plan.checkpointPath,
      version: plan.version,
      changeLog: this.#changeLog,
    };
    const promised = { seed: this.#seed, lanes: plan.lanes };
    const most = (atEnd ?? acknowledged).map((n) => n + 1);
    try {
      await judgeStore(options, { ...promised, fewest: atBegin, most });
      count(this.#counts, "whole copies opened");
    } catch (error) {
      if (atEnd !== undefined) throw error;
      if (!(error instanceof KotobaError)) {
        const none = plan.lanes.map(() => 0);
        const empty = plan.lanes.map(({ lane }) => emptyLane(lane));
        await judgeStore(options, { seed: this.#seed, lanes: empty, fewest: none, most: none });
      }
      count(this.#counts, "unfinished copies refused or empty");
    }
  }
}

/** What the kill met, as the process itself had said. */
function momentOf({ during, ended }: Life, { aim }: WriterPlan, fresh: boolean): string {
  if (during.includes("open")) return fresh ? "while a store was made" : "while opening";
  if (during.includes("close")) return "while closing";
  if (ended.includes("close")) return "after closing";
  if (during.includes("checkpoint")) return "in a checkpoint";
  if (during.includes("compact")) return "in compact()";
  if (during.includes("snapshot")) return "while a snapshot was held";
  return aim === "open" ? "just opened" : "while writing";
}

/** Stores killed beside each other, each in a folder of its own. */
export async function killStores(
  seed: number,
  counts: Counts,
  options: StoreLifeOptions,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "kotobadb-kills-"));
  const stores = Array.from({ length: STORES }, (_, i) =>
    new KilledStore(join(folder, String(i)), seed * STORES + i, counts, options).run(),
  );
  const ends = await Promise.allSettled(stores);
  await rm(folder, { recursive: true, force: true });
  for (const end of ends) if (end.status === "rejected") throw end.reason as Error;
}

export const kills: Proof = {
  name: "kills",
  unit: UNIT,
  quick: 20,
  full: 400,
  share: 4,
  round: (seed, counts) => killStores(seed, counts, { lives: LIVES }),
};
