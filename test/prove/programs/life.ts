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
import {
  expectSame,
  expectStorageError,
  expectTag,
  expectThat,
  Mismatch,
  shown,
} from "./compare.ts";
import { outcomeOf } from "./loose.ts";
import type { Loose, LooseDb } from "./loose.ts";
import { withRowsOf } from "./kept-rows.ts";
import { pauseInTurns } from "./pace.ts";
import { collectionNames, copied, dueBy, isUlid } from "./plain.ts";
import { PlainCollection, sameModel } from "./plain.ts";
import type { Model } from "./plain.ts";
import type { Opening, Program, ReadingOpening, Reopening } from "./program.ts";
import { NOTHING_UNREADY, PERHAPS_UNREADY, unreadyIn } from "./readiness.ts";
import type { Unready } from "./readiness.ts";
import type { ReadContext } from "./reading.ts";
import { refusalOf } from "./refusals.ts";
import type { Refusal } from "./refusals.ts";
import { same } from "./values.ts";
import { VERSIONS } from "./versions.ts";
import type { Failing } from "./versions.ts";
import { compareWith, documentsOf, holds } from "./whole.ts";

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
  readonly #pauseTurns: number | undefined;
  model: Model;
  edition: Edition;
  host: SimulatedHost;
  /** Documents are being written anew, or indexes built, as far as we know. */
  isBuilding = false;
  /**
   * Where documents are brought to a later version since this opening: things as they were then. Of no other key of a
   * unique index may anybody be told that its index must be waited for.
   */
  held: PlainCollection | undefined;
  /** What cannot be read, by those who wait for nothing because nobody builds. */
  #lacking: Unready = NOTHING_UNREADY;
  /** So may they be after a power cut: there was something to be done since all was closed. */
  #mayBeUnfinished = false;
  /** Of the documents of things in the model. */
  #version: number;
  #opening: Opening;
  #survivors: Model[] = [];
  #newestId = "";
  #db: LooseDb | undefined;
  #engine: StorageEngine | undefined;
  /** Of a database in memory: with all that the one before had. */
  #memory: MemoryEngine | undefined;
  /** The engine, without any plant; undefined where the database was opened by its path alone. */
  #bare: StorageEngine | undefined;

  constructor(program: Program, tally: Map<string, number>, plant: Plant | undefined) {
    const { edition, engine, opening, seed } = program;
    this.tally = tally;
    this.#plant = plant;
    this.#pauseTurns = program.pace?.pauseTurns;
    this.isMemory = engine === "memory";
    this.edition = edition;
    this.#version = edition.version;
    this.#opening = opening;
    this.model = {
      things: new PlainCollection(indexesOf("things", edition)),
      others: new PlainCollection(indexesOf("others", edition)),
    };
    this.host = this.#prepared(new SimulatedHost({ seed }));
  }

  #prepared(host: SimulatedHost): SimulatedHost {
    if (this.#pauseTurns !== undefined) pauseInTurns(host, this.#pauseTurns);
    // Documents expire when a program says so, and then the model knows.
    (host.timers as { later: typeof host.timers.later }).later = () => () => undefined;
    return host;
  }

  get db(): LooseDb {
    return this.#db!;
  }
  get readContext(): ReadContext {
    return {
      edition: this.edition,
      fullScan: this.#opening.fullScan,
      unready: this.#lacking,
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
    this.model = inEdition(this.model, this.edition, this.#version);
    this.held = this.edition.version > this.#version ? this.model.things : undefined;
    this.#version = this.edition.version;
    this.#survivors = [this.model];
    this.isBuilding = this.#mayBeUnfinished;
    if (!opening.lazy) await this.ready();
  }

  /** All is built. */
  async ready(): Promise<void> {
    await this.db.ready();
    this.isBuilding = false;
  }
  /** What is not ready in the state of now, which is that of the moment of the call where both collections are registered. */
  async unready(): Promise<Unready> {
    if (!this.isBuilding) return NOTHING_UNREADY;
    const found = await this.#unreadyNow();
    if (found.isDone) this.isBuilding = false;
    return found;
  }
  async #unreadyNow(): Promise<Unready> {
    return this.#bare === undefined ? PERHAPS_UNREADY : unreadyIn(this.#bare.snapshot());
  }
  /** Both collections are compared with what is stored; what is to be built may be under way. */
  async register(): Promise<void> {
    await this.db.things.get("nobody");
    await this.db.others.get("nobody");
  }

  async #openAt(
    path: string,
    opening: Opening,
    readOnly: boolean,
    fails?: Failing,
  ): Promise<LooseDb> {
    const db = await this.#openWell(path, opening, readOnly, fails);
    return this.#plant?.db?.(db) ?? db;
  }

  /** Whatever database is on this disk. */
  async #openWell(
    path: string,
    opening: Opening,
    readOnly: boolean,
    fails: Failing | undefined,
  ): Promise<LooseDb> {
    const { durability, fullScan, options, readMillis } = opening;
    const { host } = this;
    const common = {
      host,
      fullScan,
      ...(durability === undefined ? {} : { durability }),
      collections: definitions(this.edition, fails),
    };
    if (this.isMemory) {
      const plain = (this.#memory ??= new MemoryEngine());
      this.#bare = plain;
      const engine = this.#plant?.engine?.(plain, host) ?? plain;
      return (await open({ engine }, common)) as unknown as LooseDb;
    }
    host.readMillis = readMillis;
    if (path === PATH) this.#engine = this.#bare = undefined;
    if (options === undefined && this.#plant?.engine === undefined) {
      this.count("opened by path");
      return (await open(path, { ...common, readOnly })) as unknown as LooseDb;
    }
    const lsm = await openLsmEngine({ ...options, path, host, readOnly });
    if (path === PATH) this.#engine = this.#bare = lsm;
    const engine = this.#plant?.engine?.(lsm, host) ?? lsm;
    return (await open({ engine }, common)) as unknown as LooseDb;
  }

  async close(): Promise<void> {
    const stats = await this.db.stats();
    for (const name of ["flushes", "compactions"]) this.count(name, stats[name] ?? 0);
    await this.#shut();
    this.#survivors = [this.model];
    this.#mayBeUnfinished = this.isBuilding;
  }
  async #shut(): Promise<void> {
    if (this.#memory !== undefined) this.#memory = await withRowsOf(this.#memory);
    await this.db.close();
  }

  /** As another program, which may not be able to: then as the one before. */
  async reopen({ by, edition: drawn, fails, opening, settles }: Reopening): Promise<void> {
    await this.#settle(settles);
    if (this.isBuilding) this.count("closed while something is built");
    await this.close();
    this.count("reopened");
    const before = this.edition;
    const version = Math.min(VERSIONS - 1, Math.max(0, before.version + by));
    const failing = version > before.version ? fails : undefined;
    const edition = { ...drawn, version };
    const refusal = refusalOf(this.model, before, edition, failing);
    this.edition = edition;
    if (before.version !== version || before.indexes !== edition.indexes)
      this.#mayBeUnfinished = true;
    if (refusal !== undefined) {
      this.edition = await this.#refused(refusal, { before, failing, opening });
      await this.open(opening);
      // The refused one may have begun it.
      this.held = undefined;
      return;
    }
    if (edition.indexes !== before.indexes) this.count("other indexes");
    if (edition.schema !== before.schema) this.count("a schema that grew");
    if (version === before.version) return this.open(opening);
    this.count("a later version");
    return this.open(opening);
  }

  /** All is built, or it is known what is not. */
  async #settle(isReady: boolean): Promise<void> {
    if (isReady) return this.ready();
    await this.register();
    await this.unready();
  }

  /** Opened in vain; gives what is to be opened instead. */
  async #refused(
    { changes, reason, tag }: Refusal,
    { before, failing, opening }: RefusedOpening,
  ): Promise<Edition> {
    const { edition } = this;
    this.count(`opening refused: ${tag}`);
    this.#db = await this.#openAt(PATH, opening, false, failing);
    const outcome = await outcomeOf(() => this.db.ready());
    expectTag(outcome, tag, "another version of the program");
    if (reason !== undefined) {
      this.count(`opening refused: ${reason}`);
      expectSame((outcome as { error: { reason?: unknown } }).error.reason, reason, "its reason");
    }
    if (changes === "nothing")
      expectTag(await outcomeOf(() => this.db.things.count()), tag, "a count of what is refused");
    await this.#shut();
    if (changes === "nothing") return before;
    // A schema that fits has been stored before an index was found to be impossible.
    const schema = Math.max(edition.schema, before.schema);
    return { version: edition.version, schema, indexes: before.indexes };
  }

  /**
   * Opened to be read only, by this program or by one that knows the next version: `work` is done with it, and not a byte
   * of the disk changes. What is not built then stays so, and cannot be read.
   */
  async readOnly(
    { by, opening, settles }: ReadingOpening,
    work: (db: LooseDb) => Promise<void>,
  ): Promise<void> {
    await this.#settle(settles);
    await this.close();
    this.count("read only");
    const outer = { edition: this.edition, model: this.model, opening: this.#opening };
    const version = Math.min(VERSIONS - 1, this.edition.version + by);
    const moved = version > this.edition.version ? (["things"] as const) : [];
    if (moved.length > 0) this.count("read only by a later version");
    this.edition = { ...this.edition, version };
    this.model = inEdition(this.model, this.edition, this.#version);
    this.#opening = opening;
    const before = this.host.paths().map((path) => [path, this.host.contentOf(path)] as const);
    this.#db = await this.#openAt(PATH, opening, true);
    this.#lacking =
      this.#bare === undefined
        ? PERHAPS_UNREADY
        : await unreadyIn(this.#bare.snapshot(), { moved });
    if (!this.#lacking.isDone) this.count("read only of what is not built");
    await this.compareAll(this.db);
    await work(this.db);
    await this.db.close();
    const after = this.host.paths().map((path) => [path, this.host.contentOf(path)] as const);
    expectThat(same(before, after), () => "opening it to read has changed the disk");
    this.#lacking = NOTHING_UNREADY;
    this.edition = outer.edition;
    this.model = outer.model;
    await this.open(outer.opening);
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
    if (this.isBuilding && !(await this.#unreadyNow()).isDone)
      this.count("power cut while something is built");
    const survivors = this.#survivors;
    this.host = this.#prepared(this.host.crash(unsynced));
    this.#opening = opening;
    this.#db = await this.#openAt(PATH, opening, false);
    const found = await documentsOf(this.db);
    const model = survivors.findLast((one) => holds(one, found));
    if (model === undefined)
      throw new Mismatch(
        `a power cut left what is none of ${survivors.length} states: ${shown(found)}\nnewest: ${shown(this.model)}`,
      );
    if (!sameModel(model, this.model, same)) this.count("power cut that lost commits");
    this.model = model;
    this.#survivors = [model];
    this.#newestId = "";
    this.held = undefined;
    this.isBuilding = this.#mayBeUnfinished;
    if (!opening.lazy) await this.ready();
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
      const found = await documentsOf(this.db);
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
    // An index that is being built deletes nothing yet.
    await this.ready();
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

  expectNoWarnings(): void {
    const others = this.host.warnings.filter(
      ({ error }) => !String(error).startsWith("A query would read the whole collection."),
    );
    expectSame(others, [], "warnings");
  }
}

interface RefusedOpening {
  readonly before: Edition;
  readonly failing: Failing | undefined;
  readonly opening: Opening;
}
