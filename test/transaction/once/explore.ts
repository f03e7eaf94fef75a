/**
 * Runs a piece of work under every sequence of fates of its first requests, and counts what became of it. What it does is
 * one that nothing but the token protects: it adds 1 to a number without reading it.
 */
import type { Awaitable } from "../../../src/base/index.ts";
import type { StorageEngine } from "../../../src/engine/contract/index.ts";
import { exactlyOnce, transact } from "../../../src/transaction/index.ts";
import { bytes } from "../support.ts";
import { FakeHost } from "./fake-host.ts";
import { COMMIT_FATES, FENCE_FATES, LOOK_FATES, LossyEngine } from "./lossy-engine.ts";
import type { Fate, Request } from "./lossy-engine.ts";

export const NUMBER = bytes("number");

export function one(): Uint8Array {
  const operand = new Uint8Array(8);
  operand[7] = 1;
  return operand;
}

export async function numberOf(engine: StorageEngine): Promise<number> {
  const snapshot = await engine.snapshot();
  const cell = await snapshot.get(NUMBER);
  snapshot.close();
  return cell === undefined ? 0 : Number(new DataView(cell.buffer, cell.byteOffset).getBigInt64(0));
}

/** Which of the fates is next, for each run another sequence. */
class Choices {
  #script: number[] = [];
  #counts: number[] = [];

  /** Behind the depth always the first. */
  choose(count: number, depth: number): number {
    const at = this.#counts.length;
    if (at >= depth) return 0;
    this.#counts.push(count);
    this.#script[at] ??= 0;
    return this.#script[at];
  }

  /** False after the last sequence. */
  next(): boolean {
    let at = this.#counts.length - 1;
    while (at >= 0 && this.#script[at]! + 1 >= this.#counts[at]!) at--;
    this.#script = at < 0 ? [] : [...this.#script.slice(0, at), this.#script[at]! + 1];
    this.#counts = [];
    return at >= 0;
  }
}

export type Work = (engine: StorageEngine, host: FakeHost) => Awaitable<unknown>;
export type Guard = (engine: StorageEngine, host: FakeHost) => StorageEngine;

/** In a transaction that reads something, too, so that it holds a state. */
export const inTransaction: Work = (engine, host) =>
  transact(host, engine, async (tx) => {
    await tx.get(bytes("other"));
    tx.merge(NUMBER, "addInt", one());
  });

export const inBatch: Work = (engine) =>
  engine.write({
    ops: [{ op: "merge", key: NUMBER, how: "addInt", operand: one() }],
    requires: [],
  });

export interface Exploration {
  readonly runs: number;
  readonly outcomes: Readonly<Record<"committed" | "no" | "unknown", number>>;
  /** Runs in which the work was done otherwise than its caller was told. */
  readonly violations: readonly string[];
  readonly hanging: number;
}

const fatesOf = (request: Request): readonly Fate[] => {
  if (request === "look") return LOOK_FATES;
  return request === "fence" ? FENCE_FATES : COMMIT_FATES;
};

export async function explore(
  work: Work,
  options: {
    readonly guard?: Guard;
    readonly depth: number;
    readonly readsAreFinal?: boolean;
    /** Requests that are never answered are among the fates. Default true. */
    readonly hangs?: boolean;
  },
): Promise<Exploration> {
  const { depth, guard = exactlyOnce, hangs = true, readsAreFinal = true } = options;
  const choices = new Choices();
  const outcomes = { committed: 0, no: 0, unknown: 0 };
  const violations: string[] = [];
  let runs = 0;
  let hanging = 0;
  do {
    const host = new FakeHost();
    const lossy = new LossyEngine({
      fateOf: (request) => {
        const fates = fatesOf(request).filter((fate) => hangs || fate !== "hung");
        return fates[choices.choose(fates.length, depth)]!;
      },
      onHang: () => host.advance(60_000),
      readsAreFinal,
    });
    runs++;
    const outcome = await outcomeOf(() => work(guard(lossy.engine, host), host));
    outcomes[outcome]++;
    hanging += host.timers;
    await lossy.landAll();
    const times = await numberOf(lossy.memory);
    const fits = outcome === "committed" ? times === 1 : times <= (outcome === "no" ? 0 : 1);
    if (!fits) violations.push(`${outcome}, done ${times} times: ${lossy.told.join(", ")}`);
  } while (choices.next());
  return { runs, outcomes, violations, hanging };
}

async function outcomeOf(work: () => unknown): Promise<"committed" | "no" | "unknown"> {
  try {
    await work();
    return "committed";
  } catch (error) {
    return (error as { readonly committed: "no" | "unknown" }).committed;
  }
}
