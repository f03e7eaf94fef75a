/**
 * A proof is a kind of attack on the database that repeats from a seed, and a count of what it tried. `npm test` makes a
 * quick share of each (prove-quickly.ts), `npm run prove` the long form (main.ts).
 */

/** What a proof has counted: its own unit under the name of the proof, and whatever else is worth a line. */
export type Counts = Map<string, number>;

export interface Proof {
  /** Its word on the command line: "power-cuts". */
  readonly name: string;
  /** What one of its counts is: "disk states after simulated power cuts". */
  readonly unit: string;
  /** So many must be seen in `npm test`. */
  readonly quick: number;
  /** So many must be seen in thirty minutes of `npm run prove` on two cores. */
  readonly full: number;
  /** Its part of the time, relative to the other proofs. */
  readonly share: number;
  /** Where the rounds are a list and not drawn: so many there are, and the seed of round i is i, from 0. */
  readonly rounds?: number;
  /** A round that takes longer is a hang, which is a finding. Default: three minutes. */
  readonly roundMillisMax?: number;
  /**
   * All that follows from one seed: seconds at most. Throws what it finds wrong. Counts under `unit` what it tried, and
   * under other names what a reader wants to know of it.
   */
  round(seed: number, counts: Counts): Promise<void>;
}

export function count(counts: Counts, what: string, times = 1): void {
  counts.set(what, (counts.get(what) ?? 0) + times);
}

/** What to type to see one round again. */
function repeatCommand(proof: Proof, seed: number): string {
  return `npm run prove -- --only ${proof.name} --round ${seed}`;
}

/** Runs one round; what it throws names the seed and the command that repeats it. */
export async function runRound(proof: Proof, seed: number, counts: Counts): Promise<void> {
  try {
    await proof.round(seed, counts);
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    throw new Error(
      `${proof.name}, seed ${seed}: ${reason}\nrepeat: ${repeatCommand(proof, seed)}`,
      { cause },
    );
  }
}
