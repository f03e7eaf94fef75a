/**
 * Every single call to the disk fails or lies, in more than thirty ways, once and from then on, under the whole database
 * and under the engine alone. Calls end with an answer or an error that has a type, never hang, and never answer wrong;
 * and what is on the disk afterwards, with and without a power cut, holds every acknowledged transaction whole.
 */
import { count } from "./kit/proof.ts";
import type { Counts, Proof } from "./kit/proof.ts";
import { attackAndJudge, UNIT } from "./faults/attack.ts";
import type { Subject } from "./faults/attack.ts";
import { withoutStrays } from "./faults/bounded.ts";
import { databaseSubject } from "./faults/database-under-attack.ts";
import { engineSubject } from "./faults/engine-under-attack.ts";
import { attackAt, KINDS } from "./faults/kinds.ts";

/** The whole database is dearer than the engine alone, so only so much of the rounds is its. */
const SUBJECTS: readonly Subject[] = [
  engineSubject("closed"),
  databaseSubject,
  engineSubject("power cut"),
];
/** A round takes every so many-th call of a run, so that this many rounds take them all. */
const SLICES = 4;

/**
 * SUBJECTS x SLICES x KINDS seeds in a row have one seed of the workloads in common, and make each kind of attack on each
 * call of it; the first SUBJECTS x SLICES of them one kind on each call.
 */
async function round(seed: number, counts: Counts): Promise<void> {
  const subject = SUBJECTS[seed % SUBJECTS.length]!;
  const slice = Math.floor(seed / SUBJECTS.length) % SLICES;
  const turn = Math.floor(seed / (SUBJECTS.length * SLICES)) % KINDS;
  const run = Math.floor(seed / (SUBJECTS.length * SLICES * KINDS));
  await withoutStrays(async () => {
    const calls = await subject.calls(run);
    for (let i = slice; i < calls.length; i += SLICES) {
      const kind = (i + Math.floor(i / SLICES) * 9 + turn) % KINDS;
      const attack = attackAt(calls[i]!, kind);
      if (attack === undefined) continue;
      await attackAndJudge(subject, run, attack, counts);
      count(counts, subject === databaseSubject ? "attacks on databases" : "attacks on engines");
    }
  });
}

export const faults: Proof = {
  name: "faults",
  unit: UNIT,
  quick: 2_500,
  full: 100_000,
  share: 13,
  round,
};
