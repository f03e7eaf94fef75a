/**
 * Hostile bytes for every decoder: what it reads from a disk, a cursor or a command line may be anything. It answers
 * with a value that is right, or with an error that names the place; soon, and with little memory.
 *
 * No decoder of ours reads what passes between threads: jobs and answers are objects that the runtime copies.
 */
import { documentDecoders } from "./fuzz/documents.ts";
import { fire } from "./fuzz/decoder.ts";
import type { Decoder } from "./fuzz/decoder.ts";
import { COMMAND_SEEDS, callCommand, keyDecoders } from "./fuzz/keys.ts";
import { logDecoders } from "./fuzz/logs.ts";
import { Mutator } from "./fuzz/mutate.ts";
import { tableDecoders } from "./fuzz/tables.ts";
import { count } from "./kit/proof.ts";
import type { Counts, Proof } from "./kit/proof.ts";

export const decoders: readonly Decoder[] = [
  ...logDecoders,
  ...tableDecoders,
  ...documentDecoders,
  ...keyDecoders,
];

const UNIT = "fuzz inputs";
/** Of one round, for each decoder that is not rare. */
const ROUND_INPUTS = 10_000;
/** Whole commands of one round: a thousand times dearer than most decoders. */
const ROUND_COMMANDS = 50;

/** What a round with so many inputs for each decoder makes, rare ones less. */
function inputsFor(each: number): number {
  const rounds = each / ROUND_INPUTS;
  const inputs = decoders.reduce((sum, decoder) => sum + inputsOf(decoder), 0);
  return rounds * (inputs + ROUND_COMMANDS);
}

function inputsOf({ rarity = 1 }: Decoder): number {
  return Math.ceil(ROUND_INPUTS / rarity);
}

async function round(seed: number, counts: Counts): Promise<void> {
  for (const [i, decoder] of decoders.entries()) {
    const inputs = inputsOf(decoder);
    fire({ decoder, inputs, seed: seed * 101 + i }, counts);
    count(counts, UNIT, inputs);
  }
  await callCommands(seed, counts);
}

async function callCommands(seed: number, counts: Counts): Promise<void> {
  const mutator = new Mutator(seed * 101 + 100, 256);
  for (let i = 0; i < ROUND_COMMANDS; i++) {
    mutator.draw(COMMAND_SEEDS);
    await callCommand(mutator);
  }
  count(counts, "kotoba commands: inputs", ROUND_COMMANDS);
  count(counts, UNIT, ROUND_COMMANDS);
}

export const fuzz: Proof = {
  name: "fuzz",
  unit: UNIT,
  quick: inputsFor(10_000),
  full: inputsFor(10_000_000),
  share: 24,
  round,
};
