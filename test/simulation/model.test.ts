/**
 * Random programs over the public API beside the plain model of model-plain.ts: every answer is compared, on the engine
 * in memory and on the LSM engine with memtables and tables of 2 KB on a simulated disk. A failure shrinks and prints the
 * program with its seed; KOTOBA_SEED and KOTOBA_PATH repeat it.
 *
 * KOTOBA_ROUNDS=50 npx vitest --run test/simulation/model.test.ts   runs more of them, and longer ones.
 */
import fc from "fast-check";
import type { StorageEngine } from "kotobadb/engine";
import { expect, test } from "vitest";
import { tapped } from "../prove/kit/engine-tap.ts";
import { programs } from "./model-program.ts";
import type { Step } from "./model-program.ts";
import { ModelRun } from "./model-run.ts";
import { command, ROUNDS } from "./seeds.ts";

const { KOTOBA_PATH: path, KOTOBA_SEED: seed } = process.env;
const replay = {
  ...(seed === undefined ? {} : { seed: Number(seed) }),
  ...(path === undefined ? {} : { path }),
};

type Tally = Map<string, number>;

async function runProgram(
  kind: "memory" | "lsm",
  steps: readonly Step[],
  tally?: Tally,
  plant?: (engine: StorageEngine) => StorageEngine,
): Promise<void> {
  await new ModelRun(kind, 7, tally, plant).run(steps);
}

for (const [kind, runs, length] of [
  ["memory", 60, 60],
  ["lsm", 40, 60],
] as const) {
  test(
    `every answer of a random program is the plain model's, ${kind}`,
    async () => {
      const property = fc.asyncProperty(programs(length * Math.min(4, ROUNDS)), (steps) =>
        runProgram(kind, steps),
      );
      const result = await fc.check(property, { numRuns: runs * ROUNDS, ...replay });
      if (!result.failed) return;
      const settings = `KOTOBA_SEED=${result.seed} KOTOBA_PATH=${result.counterexamplePath}`;
      throw new Error(
        `${await fc.asyncDefaultReportMessage(result)}\nrepeat: ${command("model.test.ts", settings)} -t ${kind}`,
        { cause: result.errorInstance },
      );
    },
    120_000 * ROUNDS,
  );
}

// ------------------------------------------------------------------ the test is tested

test("the programs do what they are for: each kind of step, refusal and background work comes up", async () => {
  const tally: Tally = new Map();
  for (const steps of fc.sample(programs(60), { numRuns: 40, seed: 1 }))
    await runProgram("lsm", steps, tally);
  if (process.env["KOTOBA_SHOW"] !== undefined) console.log(tally);
  const times = (what: string): number => tally.get(what) ?? 0;
  for (const what of ["insert", "insertMany", "update", "updateBy", "inc", "push", "replace"])
    expect(times(what), what).toBeGreaterThan(10);
  for (const what of ["upsert", "delete", "swap", "committed", "thrown", "doomed", "reopened"])
    expect(times(what), what).toBeGreaterThan(10);
  for (const what of ["insert", "update", "replace", "insertMany", "upsert"])
    expect(times(`${what} refused: UniqueViolation`), what).toBeGreaterThan(0);
  for (const what of ["all", "first", "count", "exists", "pages", "stream"])
    expect(times(`${what} of some`), what).toBeGreaterThan(10);
  expect(times("snapshot held to the end")).toBeGreaterThan(10);
  expect(times("stream read to the end later")).toBeGreaterThan(10);
  expect(times("power cut")).toBeGreaterThan(10);
  expect(times("flushes")).toBeGreaterThan(40);
  expect(times("compactions")).toBeGreaterThan(10);
});

/** The first sampled program that fails on an engine with a planted mistake. */
async function foundOut(plant: (engine: StorageEngine) => StorageEngine): Promise<boolean> {
  for (const steps of fc.sample(programs(60), { numRuns: 20, seed: 2 })) {
    try {
      await runProgram("memory", steps, undefined, plant);
    } catch {
      return true;
    }
  }
  return false;
}

test("planted: a delete that is lost, one in twenty, is found out", async () => {
  let deletes = 0;
  const plant = (engine: StorageEngine): StorageEngine =>
    tapped(engine, (plan, commit) =>
      commit({ ...plan, ops: plan.ops.filter(({ op }) => op !== "del" || ++deletes % 20 > 0) }),
    );
  expect(await foundOut(plant)).toBe(true);
});

test("planted: requirements that are not checked are found out", async () => {
  const plant = (engine: StorageEngine): StorageEngine =>
    tapped(engine, (plan, commit) => commit({ ...plan, requires: [] }));
  expect(await foundOut(plant)).toBe(true);
});
