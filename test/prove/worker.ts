/** A process of `npm run prove`: makes rounds of the proof it is told, and tells its parent what they counted. */
import { runRound } from "./kit/proof.ts";
import type { Counts } from "./kit/proof.ts";
import { proofs } from "./proofs.ts";

/** Sent by the parent: make this round. */
export interface RoundOrder {
  readonly proof: string;
  readonly seed: number;
}
/** Sent to the parent: the round is over, with what it counted and what it found, if anything. */
export interface RoundReport extends RoundOrder {
  readonly counts: readonly (readonly [string, number])[];
  readonly failure: string | undefined;
}

// An error that nobody awaits is a finding like the others.
let stray: string | undefined;
for (const event of ["unhandledRejection", "uncaughtException"])
  process.on(event, (error: unknown) => {
    stray ??= `${event}: ${error instanceof Error ? error.stack : String(error)}`;
  });

process.on("message", (order: RoundOrder) => void makeRound(order));

async function makeRound({ proof: name, seed }: RoundOrder): Promise<void> {
  const counts: Counts = new Map();
  let failure: string | undefined;
  try {
    const proof = proofs.find((one) => one.name === name)!;
    await runRound(proof, seed, counts);
    // What it left behind may still fail in the turns after it.
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  }
  if (stray !== undefined) failure = `${name}, seed ${seed}: ${failure ?? ""}\n${stray}`;
  stray = undefined;
  const report: RoundReport = { proof: name, seed, counts: [...counts], failure };
  process.send!(report);
}
