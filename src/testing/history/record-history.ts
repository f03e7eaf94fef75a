/**
 * Runs random transactions side by side on an engine and keeps what each saw and did. What a transaction tries is fixed by
 * the seed and its number; how transactions interleave is fixed too where the engine answers without waiting.
 */
import type { Durability, StorageEngine } from "../../engine/contract/index.ts";
import { TrackedTransaction, pause, seededRandom } from "../kit/index.ts";
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
  /** What the engine calls acknowledged where a commit does not say. Default "durable". */
  readonly durability?: Durability;
  /** Each commit asks for one of these. Default: none asks for another than the engine's own. */
  readonly durabilities?: readonly Durability[];
  /**
   * Opens the database again, and gives the engine with which the history goes on. Called when the one before has failed:
   * when it answers with errors that are neither Conflict nor RequirementFailed, as after a power cut. It is closed by
   * then, as far as it lets itself be closed. Without this, such an error ends the history.
   */
  readonly reopen?: () => Promise<StorageEngine>;
  /** How often the database is open: after each life but the last it is closed in order, then `reopen` is called. Default 1. */
  readonly lives?: number;
}

/**
 * Records a random history of one engine: for checkHistory, which says whether a serial order explains it.
 *
 * @example
 * // The power is cut in the middle; what was acknowledged before it must be there after it.
 * let host = new SimulatedHost({ seed: 7 });
 * host.failAtChange(300, "power-cut");
 * const history = await recordHistory(await openMyEngine(host), {
 *   seed: 7,
 *   reopen: () => openMyEngine((host = host.crash())),
 * });
 * const report = checkHistory(history);
 */
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
    crashes: recorder.crashes,
    failures: recorder.failures,
  };
}

/** So many errors one after the other say that the engine will not recover by itself. */
const FAILURES_MAX = 4;
/** An engine that fails so often, each time after it was opened anew, does nothing but fail. */
const REOPENINGS_MAX = 100;

class Recorder {
  readonly transactions: HistoryTransaction[] = [];
  readonly crashes: number[] = [];
  readonly failures: string[] = [];
  readonly #options: HistoryOptions;
  readonly #seed: number;
  readonly #count: number;
  readonly #lists: readonly string[];
  readonly #registers: readonly string[];
  readonly #objects: HistoryObjects;
  #engine: StorageEngine;
  #events = 0;
  #begun = 0;
  #failures = 0;

  constructor(engine: StorageEngine, options: HistoryOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#seed = options.seed ?? 1;
    this.#count = options.transactions ?? 400;
    const objects = Array.from({ length: options.objects ?? 4 }, (_, i) => i);
    this.#lists = objects.map((i) => `list/${i}`);
    this.#registers = objects.map((i) => `register/${i}`);
    this.#objects = new HistoryObjects(options.namespace ?? "history/", this.#count);
  }

  async run(): Promise<void> {
    const { clients = 10, lives = 1 } = this.#options;
    await this.#insist(() => this.#objects.seed(this.#engine));
    for (let life = 1; life <= lives; life++) {
      const end = Math.floor((this.#count * life) / lives);
      while (this.#begun < end) {
        await Promise.all(Array.from({ length: clients }, () => this.#runClient(end)));
        if (this.#hasFailed) await this.#reopen();
      }
      if (life < lives) await this.#reopen();
    }
    await this.#insist(async () => {
      // One that has failed without anybody noticing shows less than there will be.
      if (this.#options.reopen !== undefined) await this.#objects.touch(this.#engine);
      await this.#readAll();
    });
  }

  get #hasFailed(): boolean {
    return this.#failures >= FAILURES_MAX;
  }

  /** Closes what is open, in order or not, and opens it again. */
  async #reopen(): Promise<void> {
    const { reopen } = this.#options;
    if (reopen === undefined)
      throw new Error("A second life needs a way to open the database again.");
    let closed = !this.#hasFailed;
    try {
      await this.#engine.close();
    } catch (error) {
      outcomeOfError(error);
      closed = false;
    }
    if (!closed) this.crashes.push(this.#events++);
    this.#failures = 0;
    this.#engine = await reopen();
  }

  /** Work that must succeed: again with another engine where this one has failed. */
  async #insist(work: () => Promise<void>): Promise<void> {
    for (let i = 0; ; i++) {
      try {
        return await work();
      } catch (error) {
        outcomeOfError(error);
        if (this.#options.reopen === undefined || i >= REOPENINGS_MAX) throw error;
        this.#failures = FAILURES_MAX;
        await this.#reopen();
      }
    }
  }

  async #runClient(end: number): Promise<void> {
    while (this.#begun < end && !this.#hasFailed) {
      const id = this.#begun++;
      const random = seededRandom(this.#seed, id);
      await turns(random.below(3));
      await this.#runOne(id, random);
    }
  }

  async #runOne(id: number, random: SeededRandom): Promise<void> {
    const kind = this.#kindOf(random);
    const { durability: own = "durable", durabilities = [] } = this.#options;
    const asked = durabilities[random.below(Math.max(1, durabilities.length))];
    const durability = kind === "read-only" ? own : (asked ?? own);
    const start = this.#events++;
    const reads: Observation[] = [];
    const effects: Effect[] = [];
    let outcome: HistoryTransaction["outcome"] = "aborted";
    let transaction: TrackedTransaction | undefined;
    let commits = false;
    try {
      const [readOnly, exclusive] = [kind === "read-only", kind === "exclusive"];
      transaction = await TrackedTransaction.begin(this.#engine, { readOnly, exclusive });
      await this.#runSteps(id, kind, transaction, random, reads, effects);
      const plan = { ...transaction.plan, ...(asked === undefined ? {} : { durability: asked }) };
      // The transaction of a batch only gathered the plan.
      if (kind === "batch") transaction.abort();
      commits = true;
      await (kind === "batch" ? this.#engine.write(plan) : transaction.inner.commit(plan));
      outcome = "committed";
      // An engine that writes no more may still answer reads.
      if (effects.length > 0) this.#failures = 0;
    } catch (error) {
      const told = outcomeOfError(error);
      // Before the commit was asked for, nothing can have come of it.
      if (commits) outcome = told;
      if (!isExpected(error)) this.#fail(error);
    } finally {
      transaction?.abort();
    }
    const end = this.#events++;
    this.transactions.push({ id, kind, start, end, outcome, durability, reads, effects });
  }

  #fail(error: unknown): void {
    if (this.#options.reopen === undefined) throw error;
    this.failures.push(String(error));
    this.#failures++;
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
    // A view that is open for long must stay as it is while what it sees is rewritten below it.
    const isPatient = kind === "read-only" && random.oneIn(3);
    for (let left = 1 + random.below(4) + (isPatient ? 3 : 0); left > 0; left--) {
      await turns(random.below(4));
      for (let i = isPatient ? random.below(12) : 0; i > 0; i--) await pause();
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
    const [id, end, kind, outcome] = [this.#count, this.#events++, "final", "committed"] as const;
    this.transactions.push({ id, kind, start, end, outcome, reads, effects: [] });
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

/** Not a failure of the engine, but an answer. */
function isExpected(error: unknown): boolean {
  const tag = error instanceof Error && "_tag" in error ? error._tag : undefined;
  return tag === "Conflict" || tag === "RequirementFailed";
}
