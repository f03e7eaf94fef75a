/**
 * Histories of documents: random transactions side by side through the public API, with what each attempt of each body
 * saw and did. An attempt that lost is one that was aborted; what it saw must fit all the same.
 */
import { open } from "kotobadb";
import type { KotobaError } from "kotobadb";
import { StorageError } from "kotobadb/engine";
import type { Durability, StorageEngine } from "kotobadb/engine";
import type { Effect, History, HistoryTransaction, Observation } from "kotobadb/testing";
import { seededRandom } from "../../../src/testing/kit/index.ts";
import type { SeededRandom } from "../../../src/testing/kit/index.ts";
import { turns } from "../kit/turns.ts";
import { Contradiction, definitions, Documents } from "./documents.ts";
import type { Database, Hands } from "./documents.ts";
import type { Machine } from "./machine.ts";
import { isOwnError } from "./machine.ts";

export interface DocumentOptions {
  readonly transactions: number;
  readonly clients: number;
  readonly objects: number;
  readonly durabilities: readonly Durability[];
  readonly lives: number;
}

/** So many errors one after the other say that the database will not recover by itself. */
const FAILURES_MAX = 4;
const REOPENINGS_MAX = 100;
const STOCK = 40;

/** What one attempt saw and did. */
interface Attempt {
  readonly id: number;
  readonly start: number;
  readonly reads: Observation[];
  readonly effects: Effect[];
}

export class DocumentHistory {
  readonly #machine: Machine;
  readonly #seed: number;
  readonly #options: DocumentOptions;
  readonly #documents = new Documents(STOCK);
  readonly #lists: readonly string[];
  readonly #registers: readonly string[];
  readonly #transactions: HistoryTransaction[] = [];
  readonly #crashes: number[] = [];
  #engine: StorageEngine | undefined;
  #db: Database | undefined;
  #events = 0;
  #ids = 0;
  #begun = 0;
  #failures = 0;

  constructor(machine: Machine, seed: number, options: DocumentOptions) {
    this.#machine = machine;
    this.#seed = seed;
    this.#options = options;
    const objects = Array.from({ length: options.objects }, (_, i) => i);
    this.#lists = objects.map((i) => `list/${i}`);
    this.#registers = objects.map((i) => `register-${i}`);
  }

  async record(): Promise<History> {
    const { clients, lives, transactions: wanted } = this.#options;
    await this.#insist(() =>
      this.#db!.transaction((tx) => this.#documents.seed(tx), { durability: "durable" }),
    );
    for (let life = 1; life <= lives; life++) {
      const end = Math.floor((wanted * life) / lives);
      while (this.#begun < end) {
        await Promise.all(Array.from({ length: clients }, () => this.#runClient(end)));
        if (this.#hasFailed) await this.#reopen();
      }
      if (life < lives) await this.#reopen();
    }
    await this.#insist(async () => {
      // One that has failed without anybody noticing shows less than there will be.
      await this.#db!.transaction(
        (tx) => tx.lines.insert({ group: -1, n: this.#events++, by: 0, pad: "" }),
        { durability: "durable" },
      );
      await this.#readAll();
      const { problems } = await this.#db!.verify();
      // One that failed meanwhile may have left an edit in its manifest that it never showed.
      if (this.#engine!.stats?.()["isFailed"] === 1) throw new StorageError("Io");
      if (problems.length > 0) throw new Contradiction(`verify: ${problems.join("\n")}`);
    });
    await this.#machine.checkWhole(this.#engine!);
    return {
      engine: `documents on ${this.#machine.kind}`,
      seed: this.#seed,
      readsAreFinal: true,
      transactions: this.#transactions,
      crashes: this.#crashes,
    };
  }

  get #hasFailed(): boolean {
    return this.#failures >= FAILURES_MAX;
  }

  async #open(): Promise<void> {
    for (let i = 0; ; i++) {
      this.#engine = await this.#machine.open();
      try {
        const { durability, host } = this.#machine;
        this.#db = await open(
          { engine: this.#engine },
          { collections: definitions, host, durability },
        );
        await this.#db.ready();
        return;
      } catch (error) {
        if (!isOwnError(error) || i >= REOPENINGS_MAX || !this.#machine.isTroubled) throw error;
        await this.#close();
      }
    }
  }

  /** Whether it was closed in order. */
  async #close(): Promise<boolean> {
    try {
      await this.#engine!.close();
      return true;
    } catch (error) {
      if (!isOwnError(error)) throw error;
      return false;
    }
  }

  async #reopen(): Promise<void> {
    const inOrder = !this.#hasFailed;
    if (!(await this.#close()) || !inOrder) this.#crashes.push(this.#events++);
    this.#failures = 0;
    await this.#open();
  }

  /** Work that must succeed: again with the database opened anew where it has failed. */
  async #insist(work: () => Promise<void>): Promise<void> {
    if (this.#db === undefined) await this.#open();
    for (let i = 0; ; i++) {
      try {
        return await work();
      } catch (error) {
        if (!isOwnError(error) || i >= REOPENINGS_MAX || !this.#machine.isTroubled) throw error;
        this.#failures = FAILURES_MAX;
        await this.#reopen();
      }
    }
  }

  async #runClient(end: number): Promise<void> {
    while (this.#begun < end && !this.#hasFailed) {
      const random = seededRandom(this.#seed, 100 + this.#begun++);
      await this.#pause(random);
      await this.#runOne(random);
    }
  }

  async #runOne(random: SeededRandom): Promise<void> {
    const drawn = random.below(20);
    const kind = drawn < 4 ? "read-only" : drawn < 7 ? "batch" : "transaction";
    const { durability: own } = this.#machine;
    const { durabilities } = this.#options;
    const asked = durabilities[random.below(Math.max(1, durabilities.length))] ?? own;
    // A single call is as safe as the database is by itself.
    const durability = kind === "transaction" ? asked : own;
    let attempt: Attempt | undefined;
    const settle = (outcome: HistoryTransaction["outcome"]): void => {
      if (attempt !== undefined)
        this.#transactions.push({ ...attempt, kind, end: this.#events++, outcome, durability });
      attempt = undefined;
    };
    const begin = (): Attempt => {
      settle("aborted");
      return (attempt = { id: this.#ids++, start: this.#events++, reads: [], effects: [] });
    };
    try {
      if (kind === "read-only") await this.#look(begin(), random);
      else if (kind === "batch") await this.#call(begin(), random);
      else
        await this.#db!.transaction((tx) => this.#body(tx, begin(), random), {
          durability: asked,
        });
      if (attempt!.effects.length > 0) this.#failures = 0;
      settle("committed");
    } catch (error) {
      if (!isOwnError(error)) throw error;
      settle(error.committed === "no" ? "aborted" : "unknown");
      if (isAnswer(error)) return;
      if (!this.#machine.isTroubled) throw error;
      this.#failures++;
    }
  }

  /** Several reads of one state: of a snapshot or of a transaction that only reads. */
  async #look(attempt: Attempt, random: SeededRandom): Promise<void> {
    const isPatient = random.oneIn(3);
    const look = async (on: Hands): Promise<void> => {
      for (let left = 1 + random.below(4); left > 0; left--) {
        await this.#pause(random);
        // A view that is open for long must stay as it is while what it sees is rewritten below it.
        if (isPatient) await turns(random.below(20));
        attempt.reads.push(await this.#read(on, random, true));
      }
    };
    if (random.oneIn(2)) return this.#db!.transaction(look, { readOnly: true });
    const snapshot = this.#db!.snapshot();
    try {
      return await look(snapshot);
    } finally {
      snapshot.close();
    }
  }

  /** One call on the database itself. */
  async #call({ effects, id, reads }: Attempt, random: SeededRandom): Promise<void> {
    const db = this.#db!;
    const drawn = random.below(5);
    if (drawn === 4) return this.#documents.claim(db, id, random, effects);
    if (drawn === 0) return void reads.push(await this.#read(db, random, false));
    if (drawn > 1) return this.#documents.flip(db, random, effects);
    const name = this.#registers[random.below(this.#registers.length)]!;
    if ((await db.cells.get(name as never)) === undefined) return;
    await db.cells.update(name as never, (cell) => {
      reads[0] = { of: "register", name, writer: cell.by, value: cell.value };
      effects[0] = { on: "register", name, replaced: cell.by };
      return { by: id, value: 1 };
    });
  }

  async #body(tx: Hands, attempt: Attempt, random: SeededRandom): Promise<void> {
    const { effects, id, reads } = attempt;
    const written = new Set<string>();
    for (let left = 1 + random.below(4); left > 0; left--) {
      await this.#pause(random);
      if (random.oneIn(9) && effects.length === 0) {
        await this.#documents.claim(tx, id, random, effects);
        continue;
      }
      if (random.oneIn(3)) {
        await this.#documents.flip(tx, random, effects);
        continue;
      }
      const seen = await this.#read(tx, random, true);
      if (seen.of === "flags") {
        reads.push(withoutOwn(seen, effects));
        continue;
      }
      // What it wrote itself it looks at while it writes, and it writes nothing twice.
      if (written.has(seen.name)) continue;
      reads.push(seen);
      if (random.oneIn(3)) continue;
      written.add(seen.name);
      effects.push(
        ...(seen.of === "register"
          ? await this.#documents.write(tx, seen, id, random)
          : await this.#documents.append(tx, seen, id)),
      );
    }
    await this.#pause(random);
  }

  async #read(on: Hands, random: SeededRandom, held: boolean): Promise<Observation> {
    const from = [this.#lists, this.#registers, undefined][random.below(3)];
    if (from === undefined) return this.#documents.readFlags(on, random, held);
    const name = from[random.below(from.length)]!;
    return from === this.#lists
      ? this.#documents.readList(on, name, random, held)
      : this.#documents.readRegister(on, name, random);
  }

  /** Lets other clients run: for microtasks, or a moment of the host's clock. */
  async #pause(random: SeededRandom): Promise<void> {
    const drawn = random.below(12);
    if (drawn === 0) return this.#machine.host.timers.sleep(random.below(5));
    for (let i = 0; i < drawn - 4; i++) await Promise.resolve();
  }

  async #readAll(): Promise<void> {
    const [id, start] = [this.#ids++, this.#events++];
    const snapshot = this.#db!.snapshot();
    const reads = await this.#documents.readAll(snapshot, this.#lists, this.#registers);
    snapshot.close();
    const [kind, outcome] = ["final", "committed"] as const;
    this.#transactions.push({ id, kind, start, end: this.#events++, outcome, reads, effects: [] });
  }
}

/** A transaction must see its own flags; what it saw of the others is what the history is about. */
function withoutOwn(
  seen: Observation & { readonly of: "flags" },
  effects: readonly Effect[],
): Observation {
  const flipped = new Set(seen.flipped);
  for (const { name, on } of effects) {
    if (on !== "flag" || name < seen.start || name > seen.end) continue;
    if (!flipped.delete(name)) throw new Contradiction(`own write not seen: ${name}`);
  }
  return { ...seen, flipped };
}

function isAnswer(error: KotobaError): boolean {
  return ["Conflict", "UniqueViolation", "TransactionTimeout", "NotFound"].includes(error.name);
}
