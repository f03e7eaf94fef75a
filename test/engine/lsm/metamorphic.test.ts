/**
 * Random programs under random options beside the sorted-array model: every answer is compared, and the same program
 * under two sets of options must give the same answers. A failure shrinks and prints the program, the options and the
 * command that repeats it.
 *
 * KOTOBA_ROUNDS=20 npx vitest --run test/engine/lsm/metamorphic.test.ts   runs more of them.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { dumpFile } from "../../../src/engine/lsm/index.ts";
import type { WriteOp } from "../../../src/engine/contract/index.ts";
import { programs, worlds } from "./metamorphic-program.ts";
import type { Step, World } from "./metamorphic-program.ts";
import { MetamorphicRun } from "./metamorphic-run.ts";
import type { Plant } from "./metamorphic-run.ts";
import { ROUNDS } from "./support.ts";

const { KOTOBA_PATH: path, KOTOBA_SEED: seed } = process.env;
const replay = {
  ...(seed === undefined ? {} : { seed: Number(seed) }),
  ...(path === undefined ? {} : { path }),
};
/** A program that hangs is a failure with a seed, too. */
const MILLIS_MAX = 20_000;

async function answersOf(world: World, steps: readonly Step[]): Promise<readonly string[]> {
  const run = new MetamorphicRun(world);
  await run.run(steps);
  return run.answers;
}

test(
  "a program gets the model's answers whatever the options are, and the same under two sets of them",
  async () => {
    const property = fc.asyncProperty(programs, worlds, worlds, async (steps, one, other) => {
      const answers = await answersOf(one, steps);
      expect(await answersOf(other, steps)).toEqual(answers);
    });
    const result = await fc.check(property, {
      numRuns: 60 * ROUNDS,
      timeout: MILLIS_MAX,
      interruptAfterTimeLimit: 90_000 * ROUNDS,
      ...replay,
    });
    if (!result.failed) return;
    const settings = `KOTOBA_SEED=${result.seed} KOTOBA_PATH=${result.counterexamplePath}`;
    const command = `${settings} npx vitest --run test/engine/lsm/metamorphic.test.ts`;
    throw new Error(`${await fc.asyncDefaultReportMessage(result)}\nrepeat: ${command}`, {
      cause: result.errorInstance,
    });
  },
  120_000 * ROUNDS,
);

// ------------------------------------------------------------------ the test is tested

const sample = fc.tuple(programs, worlds);

test("the programs do what they are for: each kind of work, policy, compression and power cut comes up", async () => {
  const tally = new Map<string, number>();
  for (const [steps, world] of fc.sample(sample, { numRuns: 40, seed: 1 })) {
    const run = new MetamorphicRun(world, tally);
    await run.run(steps);
    for (const table of run.host.paths().filter((name) => name.endsWith(".sst"))) {
      const dump = dumpFile({ path: table, host: run.host });
      const [, codec = "?", blocks = "none"] = /compressed (\w+): (\w+) of them/.exec(dump) ?? [];
      const what = `${blocks === "none" ? "not compressed" : "compressed"}, ${codec}`;
      tally.set(what, (tally.get(what) ?? 0) + 1);
    }
  }
  if (process.env["KOTOBA_SHOW"] !== undefined) console.log(tally);
  const atLeast = (least: number, ...all: readonly string[]): void => {
    for (const what of all) expect(tally.get(what) ?? 0, what).toBeGreaterThanOrEqual(least);
  };
  atLeast(100, "flushes", "compactions", "write");
  atLeast(50, "loadRuns", "writes", "transaction");
  atLeast(25, "moves", "drops", "load", "loads", "compact", "compactRange", "flush", "cleanupWal");
  atLeast(20, "policy leveled", "policy lazy-leveled", "policy tiered", "more than 8 tables");
  atLeast(20, "checkpoint", "read only", "changes compared", "power cut after work");
  atLeast(5, "conflict", "commits lost", "power cut in checkpoint");
  atLeast(1, "power cut in compact", "power cut in compactRange", "power cut in flush");
  atLeast(1, "power cut in write", "power cut in load", "power cut in close");
  atLeast(5, "compressed, fast", "compressed, dense", "not compressed, none");
  atLeast(
    1,
    "compacted: table _ is older than wanted",
    "compacted: newer range deletes hide all of it",
  );
});

/** Whether a sampled program notices the mistake. */
async function isFoundOut(plant: Plant): Promise<boolean> {
  for (const [steps, world] of fc.sample(sample, { numRuns: 40, seed: 2 })) {
    try {
      await new MetamorphicRun(world, new Map(), plant).run(steps);
    } catch {
      return true;
    }
  }
  return false;
}

test("planted: a delete that is lost, one in twenty, is found out", async () => {
  let deletes = 0;
  const isKept = ({ op }: WriteOp): boolean => op !== "del" || ++deletes % 20 > 0;
  const isFound = await isFoundOut({
    change: (engine) => {
      const write = engine.write.bind(engine);
      engine.write = (plan) => write({ ...plan, ops: plan.ops.filter(isKept) });
    },
  });
  expect(isFound).toBe(true);
});

test("planted: commits that are acknowledged before they are synced are found out", async () => {
  const isFound = await isFoundOut({
    change: (engine) => {
      const write = engine.write.bind(engine);
      engine.write = (plan) => write({ ...plan, durability: "memory" });
    },
  });
  expect(isFound).toBe(true);
});
