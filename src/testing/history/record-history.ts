/**
 * Runs random transactions side by side on an engine and keeps what each saw and did. What a transaction tries is fixed by
 * the seed and its number; how transactions interleave is fixed too where the engine answers without waiting.
 */
import type { StorageEngine } from "../../engine/contract/index.ts";
import { TrackedTransaction, seededRandom } from "../kit/index.ts";
import type { SeededRandom } from "../kit/index.ts";
import type { Effect, History, HistoryTransaction, Observation } from "./history.ts";
import { HistoryObjects } from "./objects.ts";

export interface HistoryOptions {
  /** Equal seeds try equal transactions. Default 1. */
  readonly seed?: number;
  /** Default 400. */
  readonly transactions?: number;
  /** How many clients run transactions side by side. Default 10. */
  readonly clients?: number;
  /** Few objects make many conflicts. Default 4 lists and as many registers. */
  readonly objects?: number;
  /** Put before all keys. Default "history/". */
  readonly namespace?: string;
}

export async function recordHistory(
  engine: StorageEngine,
  options: HistoryOptions = {},
): Promise<History> {
  const recorder = new Recorder(engine, options);
  await recorder.run();
  return {
    engine: engine.name,
    seed: options.seed ?? 1,
    readsAreFinal: engine.capabilities.readsAreFinal,
    transactions: recorder.transactions,
  };
}

class Recorder {
  readonly transactions: HistoryTransaction[] = [];
  readonly #engine: StorageEngine;
  readonly #seed: number;
  readonly #count: number;
  readonly #clients: number;
  readonly #lists: readonly string[];
  readonly #registers: readonly string[];
  readonly #objects: HistoryObjects;
  #events = 0;
  #begun = 0;

  constructor(engine: StorageEngine, options: HistoryOptions) {
    this.#engine = engine;
    this.#seed = options.seed ?? 1;
    this.#count = options.transactions ?? 400;
    this.#clients = options.clients ?? 10;
    const objects = Array.from({ length: options.objects ?? 4 }, (_, i) => i);
    this.#lists = objects.map((i) => `list/${i}`);
    this.#registers = objects.map((i) => `register/${i}`);
    this.#objects = new HistoryObjects(options.namespace ?? "history/", this.#count);
  }

  async run(): Promise<void> {
    await this.#objects.seed(this.#engine);
    await Promise.all(Array.from({ length: this.#clients }, () => this.#runClient()));
    await this.#readAll();
  }

  async #runClient(): Promise<void> {
    while (this.#begun < this.#count) {
      const id = this.#begun++;
      const random = seededRandom(this.#seed, id);
      await turns(random.below(3));
      await this.#runOne(id, random);
    }
  }

  async #runOne(id: number, random: SeededRandom): Promise<void> {
    const kind = this.#kindOf(random);
    const start = this.#events++;
    const reads: Observation[] = [];
    const effects: Effect[] = [];
    let outcome: HistoryTransaction["outcome"];
    const transaction = await TrackedTransaction.begin(this.#engine, {
      readOnly: kind === "read-only",
      exclusive: kind === "exclusive",
    });
    try {
      await this.#runSteps(id, kind, transaction, random, reads, effects);
      if (kind === "batch") {
        // Its transaction only gathered the plan.
        transaction.abort();
        await this.#engine.write(transaction.plan);
      } else await transaction.commit();
      outcome = "committed";
    } catch (error) {
      outcome = outcomeOfError(error);
    } finally {
      transaction.abort();
    }
    this.transactions.push({ id, kind, start, end: this.#events++, outcome, reads, effects });
  }

  #kindOf(random: SeededRandom): HistoryTransaction["kind"] {
    const drawn = random.below(20);
    if (drawn < 4) return "read-only";
    if (drawn < 7) return "batch";
    return drawn === 7 && this.#engine.capabilities.exclusive ? "exclusive" : "transaction";
  }

  async #runSteps(
    id: number,
    kind: HistoryTransaction["kind"],
    transaction: TrackedTransaction,
    random: SeededRandom,
    reads: Observation[],
    effects: Effect[],
  ): Promise<void> {
    const written = new Set<string>();
    for (let left = 1 + random.below(4); left > 0; left--) {
      await turns(random.below(4));
      if (kind === "batch" || (kind !== "read-only" && random.oneIn(3))) {
        effects.push(...this.#objects.flip(transaction, random));
        continue;
      }
      const from = [this.#lists, this.#registers, undefined][random.below(3)];
      if (from === undefined) {
        reads.push(await this.#objects.readFlags(transaction, random));
        continue;
      }
      const name = from[random.below(from.length)]!;
      const isList = from === this.#lists;
      const seen = isList
        ? await this.#objects.readList(transaction, name)
        : await this.#objects.readRegister(transaction, name);
      reads.push(seen);
      if (kind === "read-only" || written.has(name) || random.oneIn(3)) continue;
      written.add(name);
      effects.push(
        ...(isList
          ? this.#objects.appendToList(transaction, seen, String(id))
          : this.#objects.writeRegister(transaction, seen, id)),
      );
    }
    await turns(random.below(3));
  }

  async #readAll(): Promise<void> {
    const start = this.#events++;
    const transaction = await TrackedTransaction.begin(this.#engine, { readOnly: true });
    const reads = await this.#objects.readAll(transaction, this.#lists, this.#registers);
    transaction.abort();
    const end = this.#events++;
    const id = this.#count;
    this.transactions.push({
      id,
      kind: "final",
      start,
      end,
      outcome: "committed",
      reads,
      effects: [],
    });
  }
}

/**
 * Lets other clients run, in an order that only the seed decides. Turns of the microtask queue, not of the event loop:
 * the event loop would run one client's whole transaction before it comes to the next client.
 */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

/** Errors that are not of KotobaDB are mistakes, and go on. */
function outcomeOfError(error: unknown): "aborted" | "unknown" {
  if (error instanceof Error && "committed" in error) {
    return error.committed === "no" ? "aborted" : "unknown";
  }
  throw error;
}
