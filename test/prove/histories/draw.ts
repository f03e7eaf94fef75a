/** One history of 300 transactions: on which engine, with which trouble and of what is drawn by the seed. */
import { recordHistory } from "kotobadb/testing";
import type { Durability } from "kotobadb/engine";
import type { History } from "kotobadb/testing";
import { seededRandom } from "../../../src/testing/kit/index.ts";
import { engineKinds, Machine, troubles } from "./machine.ts";
import type { EngineKind, Plant, Trouble } from "./machine.ts";
import { DocumentHistory } from "./record-documents.ts";

const TRANSACTIONS = 300;
const DURABILITIES: readonly (readonly Durability[])[] = [
  [],
  ["durable", "buffered", "memory"],
  ["memory"],
];

export interface Drawn {
  readonly of: "rows" | "documents";
  readonly kind: EngineKind;
  readonly trouble: Trouble;
}

export function draw(of: Drawn["of"], seed: number): Drawn {
  const random = seededRandom(seed, 10);
  const kind = engineKinds[random.below(engineKinds.length)]!;
  const trouble = kind === "memory" ? "none" : troubles[random.below(troubles.length)]!;
  return { of, kind, trouble };
}

export async function record(
  { kind, of, trouble }: Drawn,
  seed: number,
  plant?: Plant,
): Promise<{ readonly history: History; readonly machine: Machine }> {
  const random = seededRandom(seed, 12);
  const machine = new Machine(kind, trouble, seed, plant);
  const options = {
    transactions: TRANSACTIONS,
    clients: 4 + random.below(12),
    objects: 2 + random.below(5),
    durabilities: DURABILITIES[random.below(DURABILITIES.length)]!,
    lives: trouble === "openings" ? 4 : 1,
  };
  if (of === "documents") {
    const history = await new DocumentHistory(machine, seed, options).record();
    return { history, machine };
  }
  let engine = await machine.open();
  const history = await recordHistory(engine, {
    ...options,
    seed,
    durability: machine.durability,
    ...(kind === "memory" ? {} : { reopen: async () => (engine = await machine.open()) }),
  });
  const [failure] = history.failures ?? [];
  if (failure !== undefined && !machine.isTroubled) throw new Error(`without trouble: ${failure}`);
  await machine.checkWhole(engine);
  return { history, machine };
}
