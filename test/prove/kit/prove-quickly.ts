/** The share of a proof that `npm test` makes: fixed seeds until its quick count is reached, and one fresh seed. */
import { expect, test } from "vitest";
import { runRound } from "./proof.ts";
import type { Counts, Proof } from "./proof.ts";

/** Fixed seeds begin here; those of `npm run prove` are drawn elsewhere. */
const FIRST_SEED = 1;
/** A round is seconds at most, so this many say that it counts nothing. */
const ROUNDS_MAX = 100_000;

export function proveQuickly(proof: Proof, options: { readonly timeoutMillis: number }): Counts {
  const counts: Counts = new Map();
  test(
    `${proof.quick} ${proof.unit}, none of them bad`,
    async () => {
      const { rounds = ROUNDS_MAX } = proof;
      const first = proof.rounds === undefined ? FIRST_SEED : 0;
      for (let i = 0; i < rounds && (counts.get(proof.unit) ?? 0) < proof.quick; i++)
        await runRound(proof, first + i, counts);
      expect(counts.get(proof.unit)).toBeGreaterThanOrEqual(proof.quick);
    },
    options.timeoutMillis,
  );
  if (proof.rounds === undefined)
    test(
      `and those of a fresh seed: ${proof.unit}`,
      async () => {
        const seed = 1_000 + Math.floor(Math.random() * 1_000_000_000);
        const fresh: Counts = new Map();
        await runRound(proof, seed, fresh);
        expect(fresh.get(proof.unit)).toBeGreaterThan(0);
      },
      options.timeoutMillis,
    );
  return counts;
}
