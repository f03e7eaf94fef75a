/**
 * Random programs under random options beside the sorted-array model: every answer is compared, and the same program
 * under two sets of options must give the same answers. A failure shrinks and prints the program, the options and the
 * command that repeats it.
 *
 * KOTOBA_ROUNDS=20 npx vitest --run test/engine/lsm/metamorphic.test.ts   runs more of them.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { programs, worlds } from "./metamorphic-program.ts";
import type { Step, World } from "./metamorphic-program.ts";
import { MetamorphicRun } from "./metamorphic-run.ts";
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
