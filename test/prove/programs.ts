/**
 * Random programs over the public API beside a plain model: every answer is compared, on the engine in memory and on the
 * LSM engine under random options on a simulated disk. What fails is shrunk, and printed with what is wrong.
 */
import { inspect } from "node:util";
import fc from "fast-check";
import { count } from "./kit/proof.ts";
import type { Counts, Proof } from "./kit/proof.ts";
import { programs as drawn } from "./programs/draw.ts";
import type { Program } from "./programs/program.ts";
import { runProgram } from "./programs/run.ts";
import { shortened } from "./programs/shorten.ts";

const UNIT = "random programs against the model";
const PROGRAMS_A_ROUND = 50;
/** A program that hangs is a failure, too. */
const PROGRAM_MILLIS_MAX = 20_000;
/** So long fast-check looks for a smaller program, and so long what it found is made shorter. */
const SHRINK_MILLIS_MAX = 20_000;

async function round(seed: number, counts: Counts): Promise<void> {
  let failedAtMillis: number | undefined;
  const property = fc.asyncProperty(drawn, async (program) => {
    // From here on every program passes, so the smallest so far is what is told.
    if (failedAtMillis !== undefined && Date.now() - failedAtMillis > SHRINK_MILLIS_MAX) return;
    try {
      await runProgram(program);
    } catch (error) {
      failedAtMillis ??= Date.now();
      throw error;
    }
    if (failedAtMillis !== undefined) return;
    count(counts, UNIT);
    count(counts, `on ${program.engine}`);
    count(counts, "steps", program.steps.length);
  });
  const settings = { seed, numRuns: PROGRAMS_A_ROUND, timeout: PROGRAM_MILLIS_MAX };
  const result = await fc.check(property, settings);
  if (result.failed) throw await failureOf(result.counterexample![0], result.errorInstance);
}

async function failureOf(program: Program, error: unknown): Promise<Error> {
  let cause = error;
  const fails = async (shorter: Program): Promise<boolean> => {
    const timer = { handle: undefined as NodeJS.Timeout | undefined };
    const timeout = new Promise<never>((_, reject) => {
      timer.handle = setTimeout(() => reject(new Error("it hangs")), PROGRAM_MILLIS_MAX);
    });
    try {
      await Promise.race([runProgram(shorter), timeout]);
      return false;
    } catch (found) {
      // Another kind of failure may be one that the shorter program brought with it.
      if (nameOf(found) !== nameOf(error)) return false;
      cause = found;
      return true;
    } finally {
      clearTimeout(timer.handle);
    }
  };
  const shortest = await shortened(program, fails, SHRINK_MILLIS_MAX);
  const reason = cause instanceof Error ? cause.stack : String(cause);
  const text = inspect(shortest, { depth: 20, maxArrayLength: null, breakLength: 120 });
  return new Error(`${reason}\nthe program, as far as it could be shrunk: ${text}`, { cause });
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.constructor.name : typeof error;
}

export const programs: Proof = {
  name: "programs",
  unit: UNIT,
  quick: 500,
  full: 40_000,
  share: 21,
  round,
};
