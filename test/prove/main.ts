/**
 * The long form of all proofs: `npm run prove -- --minutes 30 --seed 7`. Rounds run in as many processes as there are
 * cores, each proof for its share of the time; what one has left over goes to those that have not reached their figures.
 * Prints the figures, and with --write puts them into docs/GUARANTEES.md. Ends with 1 if anything was found.
 *
 *   --minutes N     how long, default 30; figures to reach are those of 30 minutes, in proportion
 *   --seed S        where seeds begin, default drawn from the clock; the same seed makes the same rounds
 *   --only NAME     this proof only; repeated for more
 *   --round SEED    one round of --only NAME, here in this process, and nothing else
 *   --write         writes the figures into docs/GUARANTEES.md
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { runRound } from "./kit/proof.ts";
import type { Proof } from "./kit/proof.ts";
import { figuresTable, writeFigures } from "./figures.ts";
import { proofs } from "./proofs.ts";
import { Campaign } from "./campaign.ts";

const chosen = optionsTyped();
const selected = chosen.only.length === 0 ? proofs : chosen.only.map(proofNamed);
if (chosen.round === undefined) await prove();
else await repeat(numberOf("round", chosen.round));

function optionsTyped() {
  try {
    return parseArgs({
      options: {
        minutes: { type: "string", default: "30" },
        seed: { type: "string" },
        only: { type: "string", multiple: true, default: [] },
        round: { type: "string" },
        write: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    console.error((error as Error).message);
    return process.exit(2);
  }
}

function proofNamed(name: string): Proof {
  const found = proofs.find((one) => one.name === name);
  if (found !== undefined) return found;
  console.error(`no proof "${name}"; there are ${proofs.map((one) => one.name).join(", ")}`);
  return process.exit(2);
}

/** What was typed for an option, as a number; the whole command is refused if it is none. */
function numberOf(option: "minutes" | "seed" | "round", text: string): number {
  const value = Number(text);
  const isFine =
    option === "minutes"
      ? value > 0 && value < Infinity
      : Number.isSafeInteger(value) && value >= 0;
  if (text.trim() !== "" && isFine) return value;
  console.error(
    `--${option} "${text}" is not ${option === "minutes" ? "a number above 0" : "a whole number"}`,
  );
  return process.exit(2);
}

async function repeat(seed: number): Promise<void> {
  for (const proof of selected) {
    const counts = new Map<string, number>();
    try {
      await runRound(proof, seed, counts);
    } catch (error) {
      console.error((error as Error).message);
      process.exit(1);
    }
    console.log(`${proof.name}, seed ${seed}: nothing found`);
    for (const [what, times] of counts) console.log(`  ${times.toLocaleString("en")} ${what}`);
  }
}

async function prove(): Promise<void> {
  const minutes = numberOf("minutes", chosen.minutes);
  const seed =
    chosen.seed === undefined ? Date.now() % 1_000_000_000 : numberOf("seed", chosen.seed);
  const cores = availableParallelism();
  console.log(`${minutes} minutes on ${cores} cores, Node ${process.version}, seed ${seed}`);
  const campaign = new Campaign({ proofs: selected, minutes, seed, cores });
  const outcomes = await campaign.run((line) => console.log(line));
  const about = { minutes, seed, cores };
  console.log(`\n${figuresTable(outcomes, about)}`);
  if (chosen.write) writeFigures(outcomes, about);
  const failures = outcomes.flatMap((outcome) => outcome.failures);
  for (const failure of failures) console.error(`\n${failure}`);
  console.log(
    failures.length === 0 ? "\nnothing found" : `\n${failures.length} rounds found something`,
  );
  process.exit(failures.length === 0 ? 0 : 1);
}
