/**
 * The life of one database beside its model: opened with one set of options after the other, closed, cut off from power,
 * and always known to the model.
 *
 * Always true, between two steps:
 * (1) `model` is what the database shows; it is never changed in place, so whoever holds it has a snapshot.
 * (2) `#survivors` are all states that a power cut may leave: that which is surely durable, and every later one.
 */
import { open } from "kotobadb";
import { MemoryEngine, openLsmEngine } from "kotobadb/engine";
import type { Durability, LsmEngine, StorageEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import { definitions, indexesOf, inEdition } from "./collections.ts";
import type { Edition } from "./collections.ts";
import { expectSame, expectTag, expectThat, Mismatch, shown } from "./compare.ts";
import { outcomeOf } from "./loose.ts";
import type { Loose, LooseDb, Outcome } from "./loose.ts";
import { collectionNames, copied, dueBy, isUlid } from "./plain.ts";
import { PlainCollection, Refused, sameModel } from "./plain.ts";
import type { Model } from "./plain.ts";
import type { Opening, Program } from "./program.ts";
import type { ReadContext } from "./reading.ts";
import { same } from "./values.ts";
import type { Doc } from "./values.ts";

export const PATH = "/home/programs/db";
/** A mistake on purpose, for the test of the test: beneath the database, or in its face. */
export interface Plant {
  readonly engine?: (engine: StorageEngine, host: SimulatedHost) => StorageEngine;
  readonly db?: (db: LooseDb) => LooseDb;
}

export class Life {
  readonly tally: Map<string, number>;
  readonly isMemory: boolean;
  readonly #plant: Plant | undefined;
  model: Model;
  edition: Edition;
  host: SimulatedHost;
  #opening: Opening;
  #survivors: Model[] = [];
  #newestId = "";
  #db: LooseDb | undefined;
  #engine: StorageEngine | undefined;

  constructor(program: Program, tally: Map<string, number>, plant: Plant | undefined) {
    const { edition, engine, opening, seed } = program;
    this.tally = tally;
    this.#plant = plant;
    this.isMemory = engine === "memory";
    this.edition = edition;
    this.#opening = opening;
    this.model = {
      things: new PlainCollection(indexesOf("things", edition)),
      others: new PlainCollection(indexesOf("others", edition)),
    };
    this.host = new SimulatedHost({ seed });
  }

  get db(): LooseDb {
    return this.#db!;
  }
  get readContext(): ReadContext {
    return {
      edition: this.edition,
      fullScan: this.#opening.fullScan,
      count: (what) => this.count(what),
    };
  }
  count(what: string, times = 1): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + times);
  }

  // ---------------------------------------------------------------- opening and closing

  async open(opening: Opening = this.#opening): Promise<void> {
    this.#opening = opening;
    this.#db = await this.#openAt(PATH, opening, false);
    this.#newestId = "";
    this.model = inEdition(this.model, this.edition);
    this.#survivors = [this.model];
    if (!opening.lazy) await this.db.ready();
  }

  async #openAt(path: string, opening: Opening, readOnly: boolean): Promise<LooseDb> {
    const db = await this.#openWell(path, opening, readOnly);
    return this.#plant?.db?.(db) ?? db;
  }

  /** Whatever database is on this disk. */
  async #openWell(path: string, opening: Opening, readOnly: boolean): Promise<LooseDb> {
    const { durability, fullScan, options, readMillis } = opening;
    const { host } = this;
    // Documents expire when a program says so, and then the model knows.
    (host.timers as { later: typeof host.timers.later }).later = () => () => undefined;
    const common = {
      host,
      fullScan,
      ...(durability === undefined ? {} : { durability }),
      collections: definitions(this.edition),
    };
    if (this.isMemory) {
      const plain = new MemoryEngine();
      const engine = this.#plant?.engine?.(plain, host) ?? plain;
      return (await open({ engine }, common)) as unknown as LooseDb;
    }
    host.readMillis = readMillis;
    if (path === PATH) this.#engine = undefined;
    if (options === undefined && this.#plant?.engine === undefined) {
      this.count("opened by path");
      return (await open(path, { ...common, readOnly })) as unknown as LooseDb;
    }
    const lsm = await openLsmEngine({ ...options, path, host, readOnly });
    if (path === PATH) this.#engine = lsm;
    const engine = this.#plant?.engine?.(lsm, host) ?? lsm;
    return (await open({ engine }, common)) as unknown as LooseDb;
  }

  async close(): Promise<void> {
    const stats = await this.db.stats();
    for (const name of ["flushes", "compactions"]) this.count(name, stats[name] ?? 0);
    await this.db.close();
    this.#survivors = [this.model];
  }

  /** As another version of the program, which may not be able to: then as the one before. */
  async reopen(edition: Edition, opening: Opening): Promise<void> {
    await this.db.ready();
    await this.close();
    this.count("reopened");
    const before = { edition: this.edition };
    const refusal = this.#refusalOf(edition);
    this.edition = edition;
    if (refusal === undefined) {
      if (edition.indexes !== before.edition.indexes) this.count("other indexes");
      if (edition.schema !== before.edition.schema) this.count("a schema that grew");
      return this.open(opening);
    }
    this.count(`opening refused: ${refusal}`);
    this.#db = await this.#openAt(PATH, opening, false);
    expectTag(await outcomeOf(() => this.db.ready()), refusal, "another version of the program");
    await this.db.close();
    // A schema that fits has been stored before an index was found to be impossible.
    const schema = Math.max(edition.schema, before.edition.schema);
    this.edition = { schema, indexes: before.edition.indexes };
    await this.open(opening);
  }

  #refusalOf(edition: Edition): string | undefined {
    if (edition.schema < this.edition.schema) return "SchemaMismatch";
    const moved = inEdition(this.model, edition);
    for (const name of collectionNames) {
      const documents = [...moved[name].documents.values()];
      try {
        new PlainCollection(indexesOf(name, edition)).check(documents);
      } catch (error) {
        if (error instanceof Refused) return error.tag;
        throw error;
      }
    }
    return undefined;
  }

  /** Opened to be read only: `work` is done with it, and not a byte of the disk changes. */
  async readOnly(opening: Opening, work: (db: LooseDb) => Promise<void>): Promise<void> {
    await this.db.ready();
    await this.close();
    this.count("read only");
    const before = this.host.paths().map((path) => [path, this.host.contentOf(path)] as const);
    const [db, outer] = [await this.#openAt(PATH, opening, true), this.#opening];
    this.#opening = opening;
    this.#db = db;
    await this.compareAll(db);
    await work(db);
    await db.close();
    const after = this.host.paths().map((path) => [path, this.host.contentOf(path)] as const);
    expectThat(same(before, after), () => "opening it to read has changed the disk");
    await this.open(outer);
  }

  /** A database of its own at the state of now, which goes its own ways. */
  async checkpoint(
    number: number,
    opening: Opening,
    work: (copy: LooseDb) => Promise<void>,
  ): Promise<void> {
    const directory = `${PATH}-copy-${number}`;
    const outcome = await outcomeOf(() => this.db.checkpoint(directory));
    if (this.isMemory) return expectStorageError(outcome, "NotSupported");
    if ("error" in outcome) throw outcome.error;
    this.count("checkpoint");
    // It holds all commits, so they are durable.
    this.#survivors = [this.model];
    expectStorageError(await outcomeOf(() => this.db.checkpoint(directory)), "NotEmpty");
    const copy = await this.#openAt(directory, opening, false);
    await this.compareAll(copy);
    await work(copy);
    expectSame(await copy.verify(), { ok: true, problems: [] }, "verify of a checkpoint");
    await copy.close();
  }

  async flush(): Promise<void> {
    const { model } = this;
    await (this.#engine as Partial<LsmEngine> | undefined)?.flush?.();
    if (this.#engine !== undefined && this.model === model) this.#survivors = [model];
  }
  async cleanupWal(): Promise<void> {
    await (this.#engine as Partial<LsmEngine> | undefined)?.cleanupWal?.();
  }

  async powerCut(unsynced: "lost" | "kept" | "seeded", opening: Opening): Promise<void> {
    this.count("power cut");
    const survivors = this.#survivors;
    this.host = this.host.crash(unsynced);
    this.#opening = opening;
    this.#db = await this.#openAt(PATH, opening, false);
    const found = await this.#documents(this.db);
    const model = survivors.findLast((one) => holds(one, found));
    if (model === undefined)
      throw new Mismatch(
        `a power cut left what is none of ${survivors.length} states: ${shown(found)}\nnewest: ${shown(this.model)}`,
      );
    if (!sameModel(model, this.model, same)) this.count("power cut that lost commits");
    this.model = model;
    this.#survivors = [model];
    this.#newestId = "";
    if (!opening.lazy) await this.db.ready();
  }

  // ---------------------------------------------------------------- what is committed

  #isDurable(durability: Durability | undefined): boolean {
    const { durability: ofDatabase, options } = this.#opening;
    return (durability ?? ofDatabase ?? options?.durability ?? "durable") === "durable";
  }

  committed(model: Model, durability: Durability | undefined): void {
    // What changed nothing may have committed nothing, and then nothing before it became durable by it.
    const isChanged = !sameModel(model, this.model, same);
    if (isChanged && this.#isDurable(durability)) this.#survivors = [];
    this.model = model;
    if (!this.isMemory) this.#survivors.push(model);
  }

  /** Each list is what commits led to, one after the other; the database tells which it was. */
  async committedOneOf(possible: readonly (readonly Model[])[]): Promise<void> {
    let last = possible[0]!.at(-1) ?? this.model;
    if (possible.some((states) => !sameModel(states.at(-1) ?? last, last, same))) {
      const found = await this.#documents(this.db);
      const right = possible.find((states) => holds(states.at(-1)!, found));
      if (right === undefined) throw new Mismatch(`no order of a burst leaves ${shown(found)}`);
      last = right.at(-1)!;
    }
    for (const states of possible) this.#survivors.push(...states);
    this.committed(last, undefined);
  }

  /** Ids rise within one opening, whatever the clock does. */
  sawNewIds(ids: readonly string[]): void {
    for (const id of ids) {
      expectThat(isUlid(id), () => `${id} is no ULID`);
      expectThat(id > this.#newestId, () => `the id ${id} came after ${this.#newestId}`);
      this.#newestId = id;
    }
  }

  setClock(byMillis: number): void {
    this.count("clock set");
    const clock = this.host.clock as { nowMillis: () => number };
    const { nowMillis } = clock;
    clock.nowMillis = () => Math.max(0, nowMillis() + byMillis);
  }

  /** What is due when the clock was set goes: by each index in transactions of its own, one after the other. */
  async expire(byMillis: number): Promise<void> {
    if (byMillis !== 0) this.setClock(byMillis);
    const nowMillis = this.host.clock.nowMillis();
    const expired = await this.db.expire();
    let wanted = 0;
    for (const name of collectionNames) {
      for (const index of Object.values(indexesOf(name, this.edition))) {
        const due = dueBy(index, this.model[name].documents.values(), nowMillis);
        if (due.length === 0) continue;
        const after = copied(this.model);
        for (const { id } of due) after[name].documents.delete(id);
        this.committed(after, undefined);
        wanted += due.length;
      }
    }
    expectSame(expired, wanted, "how many documents expired");
    this.count("expired", expired);
    await this.compareAll(this.db);
  }

  // ---------------------------------------------------------------- all of it

  async verify(): Promise<void> {
    expectSame(await this.db.verify(), { ok: true, problems: [] }, "verify");
    await this.compareAll(this.db);
  }

  /** Every document, and how many there are. */
  async compareAll(on: Loose): Promise<void> {
    await compareWith(this.model, on);
  }

  async #documents(on: Loose): Promise<Found> {
    const [things, others] = [await on.things.all(), await on.others.all()];
    return { things, others };
  }

  expectNoWarnings(): void {
    const others = this.host.warnings.filter(
      ({ error }) => !String(error).startsWith("A query would read the whole collection."),
    );
    expectSame(others, [], "warnings");
  }
}

interface Found {
  readonly things: readonly Doc[];
  readonly others: readonly Doc[];
}
function holds(model: Model, found: Found): boolean {
  return collectionNames.every(
    (name) =>
      found[name].length === model[name].documents.size &&
      found[name].every((document) => same(model[name].documents.get(document.id), document)),
  );
}

export async function compareWith(model: Model, on: Loose): Promise<void> {
  for (const name of collectionNames) {
    const found = (await on[name].all()).sort((a, b) => (a.id < b.id ? -1 : 1));
    const wanted = model[name].list().sort((a, b) => (a.id < b.id ? -1 : 1));
    expectSame(found, wanted, `all of ${name}`);
    expectSame(await on[name].count(), wanted.length, `count of ${name}`);
  }
}

export function expectStorageError(outcome: Outcome<unknown>, code: string): void {
  const error = "error" in outcome ? (outcome.error as { readonly code?: unknown }) : undefined;
  expectSame(error?.code, code, "the code of a StorageError");
}
