/** How often simulations run and from which seed; how a failure says what to type to see it again. */

/** KOTOBA_ROUNDS: how many times more than usual. Default 1. */
export const ROUNDS: number = Number(process.env["KOTOBA_ROUNDS"] ?? "1");
/** KOTOBA_SEED: the only seed to run. */
const ONLY: string | undefined = process.env["KOTOBA_SEED"];

/** The seeds of one test: `count` for each round, or the one that was asked for. */
export function seeds(first: number, count = 1): readonly number[] {
  if (ONLY !== undefined) return [Number(ONLY)];
  return Array.from({ length: count * ROUNDS }, (_, i) => first + i);
}

/** Runs `work`; a failure names the seed and the command that repeats it. */
export async function withSeed(
  file: string,
  seed: number,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`seed ${seed}: ${reason}\nrepeat: ${command(file, `KOTOBA_SEED=${seed}`)}`, {
      cause,
    });
  }
}

/** What to type to see it again: how large a simulation is depends on KOTOBA_ROUNDS, too. */
function command(file: string, settings: string): string {
  const rounds = ROUNDS === 1 ? "" : `KOTOBA_ROUNDS=${ROUNDS} `;
  return `${rounds}${settings} npx vitest --run test/simulation/${file}`;
}
