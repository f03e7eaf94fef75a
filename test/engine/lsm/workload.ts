/**
 * A repeatable workload on the local engine, with a plain model beside it: what a disk may hold after a crash is some
 * state between the newest acknowledged commit and the newest appended one, whole.
 */
import type { WriteOp } from "../../../src/engine/contract/index.ts";
import { KotobaError } from "../../../src/base/index.ts";
import { openLsmEngine } from "../../../src/engine/lsm/index.ts";
import type { LsmEngine, LsmOptions } from "../../../src/engine/lsm/index.ts";
import { bytes, del, delRange, entriesOf, put, text, TINY } from "./support.ts";
import type { SimulatedHost } from "../../../src/testing/index.ts";

export const PATH = "/home/db";

/** Small numbers from a seed. */
export class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = (seed * 2_654_435_761 + 1) >>> 0;
  }
  below(bound: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * bound);
  }
}

/** Commit number `i` (from 1): always says its number under "n", so that a state tells which one it is. */
function randomCommit(dice: Dice, i: number): WriteOp[] {
  const key = (): string => `k${String(dice.below(40)).padStart(2, "0")}`;
  const chosen = new Map<string, WriteOp>();
  for (let puts = dice.below(4); puts >= 0; puts--) {
    const one = key();
    const isDelete = dice.below(4) === 0;
    chosen.set(one, isDelete ? del(one) : put(one, `${i}:${"x".repeat(dice.below(120))}`));
  }
  const ops: WriteOp[] = [...chosen.values(), put("n", String(i))];
  if (dice.below(6) === 0) {
    const [start, end] = [key(), key()].toSorted();
    ops.push(delRange(start!, dice.below(8) === 0 ? "k99" : end!));
  }
  return ops;
}

export type State = ReadonlyMap<string, string>;

export function applied(state: State, ops: readonly WriteOp[]): State {
  const next = new Map(state);
  for (const op of ops) {
    if (op.op !== "delRange") continue;
    const [start, end] = [text(op.range.start)!, text(op.range.end)];
    for (const key of state.keys()) {
      if (key >= start && (end === undefined || key < end)) next.delete(key);
    }
  }
  for (const op of ops) {
    if (op.op === "put") next.set(text(op.key)!, text(op.value)!);
    else if (op.op === "del") next.delete(text(op.key)!);
  }
  return next;
}

export const sorted = (state: State): [string, string][] =>
  [...state].toSorted(([a], [b]) => (a < b ? -1 : 1));

/** Hears of the engine's life, and may look at it or write to it; errors of KotobaDB count as those of every call. */
export interface Watcher {
  opened?(engine: LsmEngine): Promise<void>;
  stepped?(engine: LsmEngine, step: number): Promise<void>;
  closing?(engine: LsmEngine): Promise<void>;
}

/** Runs commits against an engine, opening and closing it now and then, and keeps count of what was promised. */
export class Workload {
  readonly #dice: Dice;
  #options: LsmOptions;
  /** Of commit i + 1; undefined: it was refused, and nothing of it happened. */
  readonly #commits: (readonly WriteOp[] | undefined)[] = [];
  #states: State[] = [new Map()];
  /** The newest commit that was acknowledged. */
  acknowledged = 0;
  /** Errors that calls ended with, in order. */
  readonly errors: unknown[] = [];
  engine: LsmEngine | undefined;
  watcher: Watcher = {};

  constructor(host: SimulatedHost, seed: number, options: Partial<LsmOptions> = {}) {
    this.#dice = new Dice(seed);
    this.#options = { path: PATH, host, ...TINY, ...options };
  }

  get appended(): number {
    return this.#commits.length;
  }
  /** states[i]: after commit i. */
  get states(): readonly State[] {
    for (let i = this.#states.length; i <= this.#commits.length; i++) {
      this.#states.push(applied(this.#states[i - 1]!, this.#commits[i - 1] ?? []));
    }
    return this.#states;
  }

  /** Runs `steps` steps, or until the first failure; fails itself only for errors that are not of KotobaDB. */
  async run(steps: number, end: "closed" | "cut off" = "closed"): Promise<void> {
    this.engine = undefined;
    await this.#guard(() => this.#open());
    for (let step = 0; step < steps && this.engine !== undefined; step++) {
      if (this.errors.length > 0) break;
      await this.#step(this.engine);
      const { engine } = this;
      if (engine !== undefined) await this.#guard(async () => this.watcher.stepped?.(engine, step));
    }
    if (this.engine !== undefined && end === "closed") await this.#end(this.engine);
  }

  /** The next run is on this host. */
  moveTo(host: SimulatedHost): void {
    this.#options = { ...this.#options, host };
  }

  async #end(engine: LsmEngine): Promise<void> {
    await this.#guard(async () => this.watcher.closing?.(engine));
    await this.#guard(() => engine.close());
  }

  /** One more commit. */
  async commit(engine: LsmEngine): Promise<void> {
    await this.#commitSome(engine, 1);
  }

  /** The disk lost all commits after this one, and nobody can tell: from here on they never were. */
  forgetAfter(newest: number): void {
    for (let i = newest; i < this.#commits.length; i++) this.#commits[i] = undefined;
    this.#states = [new Map()];
    this.acknowledged = Math.min(this.acknowledged, newest);
  }

  async #open(): Promise<void> {
    const engine = await openLsmEngine(this.#options);
    this.engine = engine;
    await this.watcher.opened?.(engine);
  }

  async #step(engine: LsmEngine): Promise<void> {
    const choice = this.#dice.below(40);
    if (choice === 0) await this.#guard(() => this.#reopen(engine));
    else if (choice === 1) await this.#guard(() => engine.flush());
    else if (choice === 2) await this.#guard(() => engine.compact());
    else await this.#commitSome(engine, 1 + this.#dice.below(3));
  }

  async #reopen(engine: LsmEngine): Promise<void> {
    this.engine = undefined;
    await engine.close();
    await this.#open();
  }

  /** Several writers at once: their commits are appended in the order of the calls. */
  async #commitSome(engine: LsmEngine, count: number): Promise<void> {
    const running: Promise<void>[] = [];
    for (let i = 0; i < count; i++) {
      const number = this.#commits.length + 1;
      const ops = randomCommit(this.#dice, number);
      this.#commits.push(ops);
      running.push(
        this.#guard(async () => {
          await this.#commit(engine, number, ops);
          if (number <= this.acknowledged) throw new Error("acknowledged out of order");
          this.acknowledged = number;
        }),
      );
    }
    await Promise.all(running);
  }

  async #commit(engine: LsmEngine, number: number, ops: readonly WriteOp[]): Promise<void> {
    try {
      await engine.write({ ops, requires: [] });
    } catch (error) {
      if (error instanceof KotobaError && error.committed === "no") {
        this.#commits[number - 1] = undefined;
        this.#states = [new Map()];
      }
      throw error;
    }
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof KotobaError)) throw error;
      this.errors.push(error);
    }
  }
}

function assertState(rows: readonly (readonly [string, string])[], newest: number, wanted: string) {
  if (JSON.stringify(rows) === wanted) return;
  throw new Error(`state ${newest} is there in part:\n${JSON.stringify(rows)}\nwanted\n${wanted}`);
}

/** Which state an open engine shows: one of those from `fewest` on, whole. */
export async function stateShown(
  engine: LsmEngine,
  states: readonly State[],
  fewest: number,
): Promise<number> {
  const rows = await entriesOf(engine.snapshot());
  const newest = Number(new Map(rows).get("n") ?? "0");
  if (newest < fewest) throw new Error(`commit ${fewest} was acknowledged, ${newest} is shown`);
  if (newest >= states.length) throw new Error(`commit ${newest} is shown, and was never made`);
  assertState(rows, newest, JSON.stringify(sorted(states[newest]!)));
  return newest;
}

/** Damage that verify() found where everything could be read. */
export class VerifyFound extends Error {}

/**
 * Opens what a crash left and holds it to the promises; gives the number of the newest commit that is there. `goesOn`:
 * writes to it, too, and opens it once more.
 */
export async function checkSurvivor(
  host: SimulatedHost,
  states: readonly State[],
  acknowledged: number,
  appended: number,
  goesOn = true,
): Promise<number> {
  const engine = await openLsmEngine({ path: PATH, host, ...TINY });
  const rows = await entriesOf(engine.snapshot());
  const state = new Map(rows);
  const newest = Number(state.get("n") ?? "0");
  if (newest < acknowledged)
    throw new Error(`commit ${acknowledged} was acknowledged, ${newest} is there`);
  if (newest > appended) throw new Error(`commit ${newest} is there, only ${appended} were made`);
  const wanted = JSON.stringify(sorted(states[newest]!));
  assertState(rows, newest, wanted);
  const back = await entriesOf(engine.snapshot(), undefined, { reverse: true });
  if (JSON.stringify(back.toReversed()) !== wanted) throw new Error("the reverse scan differs");
  for (const [key, value] of states[newest]!) {
    const reader = await engine.begin({ readOnly: true });
    if (text(await reader.get(bytes(key))) !== value) throw new Error(`get ${key} differs`);
    reader.abort();
  }
  const problems = await engine.verify();
  if (problems.length > 0) throw new VerifyFound(problems.join("\n"));
  if (!goesOn) {
    await engine.close();
    return newest;
  }
  await engine.write({ ops: [put("after", "crash")], requires: [] });
  await engine.flush();
  await engine.close();
  const again = await openLsmEngine({ path: PATH, host, ...TINY });
  const kept = JSON.stringify(await entriesOf(again.snapshot()));
  if (kept !== JSON.stringify([["after", "crash"], ...rows])) throw new Error("it does not go on");
  await again.close();
  return newest;
}
