/**
 * A repeatable workload through the public API, and beside it what each commit did. Some lanes write at the same time;
 * each keeps to its own documents, so that what a transaction does never depends on which of them comes first. The order
 * of the commits is learned from the engine: a disk after a power cut must hold exactly the first k of them.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { inc, KotobaError, open, push } from "kotobadb";
import { openLsmEngine } from "kotobadb/engine";
import type { Durability, LsmEngine, StorageEngine } from "kotobadb/engine";
import type { SimulatedHost } from "kotobadb/testing";
import { seededRandom } from "../../../src/testing/kit/index.ts";
import type { SeededRandom } from "../../../src/testing/kit/index.ts";
import { tapped } from "../kit/engine-tap.ts";
import { collectionNames, versionOne, versionTwo } from "./collections.ts";
import type { CollectionName, One, Stored, Two, Version } from "./collections.ts";
import { turns } from "../kit/turns.ts";

const PATH = "/home/simulation/db";
/** So small that a few transactions fill a memtable and a few of those start a compaction. */
export const TINY = {
  path: PATH,
  flushBytesMax: 3_000,
  l0TablesTrigger: 2,
  levelBaseBytes: 6_000,
  levelFanOut: 2,
  tableBytesTarget: 2_500,
  blockCacheBytesMax: 64 * 1_024,
  sliceMillis: 0,
} as const;

/** What one commit did: documents by collection and id, undefined where one was deleted. */
type Effects = readonly {
  readonly collection: CollectionName;
  readonly id: string;
  readonly after: Stored | undefined;
}[];
export interface Committed {
  readonly sequence: number;
  readonly effects: Effects;
  readonly what: string;
  readonly lane: number;
}

export interface WorkloadOptions {
  /** Writers at the same time. Default 3; with one, the order of the commits is that of the program. */
  readonly lanes?: number;
  readonly plant?: Plant | undefined;
  readonly durability?: Durability;
}
const cities = ["Oslo", "Rome", "Kyoto"];

/** Wraps an engine on its way into open(): a planted mistake, or nothing. */
export type Plant = (engine: StorageEngine) => StorageEngine;

/** Hears of the database's life, and may look at it; errors of KotobaDB count as those of every call. */
export interface Watcher {
  opened?(db: One): Promise<void>;
  closing?(db: One): Promise<void>;
}

/** One for all workloads: each that was ever used makes every promise dearer, for as long as the process lives. */
const committing = new AsyncLocalStorage<{ sequence: number | undefined }>();

export class Workload {
  readonly host: SimulatedHost;
  readonly committed: Committed[] = [];
  /** The version of the program that runs, or is about to. */
  version: Version = 1;
  /** The highest sequence of which the caller was told. */
  acknowledged = 0;
  /** What snapshots have shown, whole, in the order in which their readers were done. */
  readonly shown: { readonly version: Version; readonly documents: Map<string, Stored> }[] = [];

  readonly #random: SeededRandom;
  readonly #plant: Plant;
  /** Every document that there is, by lane. */
  readonly #lanes: readonly Map<string, Row>[];
  #engine: LsmEngine | undefined;
  #db: One | undefined;
  #serial = 0;

  /** Errors of KotobaDB that calls ended with; nothing is begun after the first. */
  readonly errors: KotobaError[] = [];
  watcher: Watcher = {};
  readonly #durability: Durability;

  constructor(host: SimulatedHost, seed: number, options: WorkloadOptions = {}) {
    const { durability = "durable", lanes = 3, plant = (engine) => engine } = options;
    this.host = host;
    this.#durability = durability;
    this.#lanes = Array.from({ length: lanes }, () => new Map<string, Row>());
    this.#random = seededRandom(seed, 1);
    this.#plant = plant;
  }

  get error(): KotobaError | undefined {
    return this.errors[0];
  }

  /** Both versions of the program, each opened `lives` times, with so many batches in each life. */
  async run(lives: number, batches: number): Promise<void> {
    for (const version of [1, 2] as const) {
      this.version = version;
      for (let life = 0; life < lives; life++) {
        await this.#guard(() => this.#openDatabase());
        for (let batch = 0; batch < batches && this.error === undefined; batch++)
          await this.#batch();
        const db = this.#db;
        if (db !== undefined) {
          await this.#guard(async () => this.watcher.closing?.(db));
          await this.#guard(() => db.close());
        }
        if (this.error !== undefined) return;
      }
    }
  }

  /** One more document, which no other commit has to do with. */
  async again(): Promise<void> {
    await this.#guard(() => this.#transact(0, "insert"));
  }

  /** The disk holds only the first `count` commits, and nobody can tell: from here on the others never were. */
  forgetAfter(count: number): void {
    this.committed.splice(count);
    this.acknowledged = this.committed.at(-1)?.sequence ?? 0;
    for (const lane of this.#lanes) lane.clear();
    for (const { effects, lane } of this.committed) applyTo(this.#lanes[lane]!, effects);
  }

  async #guard(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof KotobaError)) throw error;
      this.errors.push(error);
    }
  }

  async #openDatabase(): Promise<void> {
    this.#db = undefined;
    this.#engine = await openLsmEngine({
      ...TINY,
      host: this.host,
      durability: this.#durability,
    });
    const engine = tapped(this.#plant(this.#engine), async (plan, commit) => {
      const result = commit(plan);
      const running = committing.getStore();
      const { version } = await result;
      if (running !== undefined && plan.ops.length > 0) running.sequence = Number(version);
      return result;
    });
    this.#db = (
      this.version === 1
        ? await open({ engine }, { collections: versionOne, host: this.host })
        : await open({ engine }, { collections: versionTwo, host: this.host })
    ) as One;
    await this.watcher.opened?.(this.#db);
  }

  /** One transaction of each lane at once; sometimes a flush or a compaction beside them. */
  async #batch(): Promise<void> {
    const random = this.#random;
    const beside = random.oneIn(12)
      ? this.#guard(() => this.#engine!.compact())
      : random.oneIn(12)
        ? this.#guard(() => this.#engine!.flush())
        : undefined;
    const reader = random.oneIn(2) ? this.#guard(() => this.#look()) : undefined;
    await Promise.all(this.#lanes.map((_, lane) => this.#guard(() => this.#transact(lane))));
    await reader;
    if (random.oneIn(3)) await turns(random.below(8));
    await beside;
  }

  /** Reads everything in one snapshot while the lanes write. */
  async #look(): Promise<void> {
    const { version } = this;
    // A snapshot from before an index was built is refused as too old.
    await this.#db!.ready();
    // Begun at some moment of the writing, not always before it.
    await turns(1 + (this.#serial % 3));
    const snapshot = this.#db!.snapshot();
    const documents = await documentsOf(snapshot as unknown as Reader);
    snapshot.close();
    this.shown.push({ version, documents });
  }

  async #transact(lane: number, only?: "insert"): Promise<void> {
    const step = new Step(this.#db!, this.version, this.#random, lane, this.#lanes[lane]!, () =>
      String(++this.#serial).padStart(4, "0"),
    );
    const what = only === undefined ? step.choose() : step.insert();
    const running: { sequence: number | undefined } = { sequence: undefined };
    await committing.run(running, () => step.run());
    const { sequence } = running;
    if (step.effects.length === 0) return;
    if (sequence === undefined) throw new Error(`${what} was acknowledged without a commit`);
    this.acknowledged = Math.max(this.acknowledged, sequence);
    this.committed.push({ sequence, effects: step.effects, what, lane });
    applyTo(this.#lanes[lane]!, step.effects);
  }
}

function applyTo(rows: Map<string, Row>, effects: Effects): void {
  for (const { collection, id, after } of effects) {
    if (after === undefined) rows.delete(id);
    else rows.set(id, { collection, document: after });
  }
}

interface Row {
  readonly collection: CollectionName;
  readonly document: Stored;
}
class ChangedMyMind extends Error {}

/** One transaction of one lane: chosen and drawn at once, so that the lanes' draws do not depend on who runs first. */
class Step {
  effects: Effects = [];
  readonly #db: One;
  readonly #version: Version;
  readonly #random: SeededRandom;
  readonly #lane: number;
  readonly #rows: ReadonlyMap<string, Row>;
  readonly #serial: () => string;
  #work: () => Promise<Effects> = async () => [];

  constructor(
    db: One,
    version: Version,
    random: SeededRandom,
    lane: number,
    rows: ReadonlyMap<string, Row>,
    serial: () => string,
  ) {
    this.#db = db;
    this.#version = version;
    this.#random = random;
    this.#lane = lane;
    this.#rows = rows;
    this.#serial = serial;
  }

  async run(): Promise<void> {
    this.effects = await this.#work();
  }

  choose(): string {
    const accounts = this.#all("accounts");
    const orders = this.#all("orders");
    const choices: [name: string, draw: () => () => Promise<Effects>][] = [
      ["insert an account", () => this.#insertAccount()],
      ["account with orders", () => this.#insertAccountWithOrders()],
      ["entries of new shapes", () => this.#insertEntries()],
      ["a thrown transaction", () => this.#throwing()],
    ];
    if (accounts.length > 0)
      choices.push(
        ["update an account", () => this.#updateAccount(accounts)],
        ["upsert", () => this.#upsertAccount(accounts)],
        ["delete an account and its orders", () => this.#deleteAccount(accounts)],
        ["hand over an email", () => this.#handOver(accounts)],
      );
    if (accounts.length > 1) choices.push(["swap unique keys", () => this.#swap(accounts)]);
    if (orders.length > 0) choices.push(["update an order", () => this.#updateOrder(orders)]);
    if (this.#version === 2) choices.push(["a note", () => this.#insertNote()]);
    const [name, draw] = choices[this.#random.below(choices.length)]!;
    this.#work = draw();
    return `lane ${this.#lane}: ${name}`;
  }

  insert(): string {
    this.#work = this.#insertEntries();
    return `lane ${this.#lane}: entries`;
  }

  #all(name: CollectionName): Stored[] {
    const found: Stored[] = [];
    for (const { collection, document } of this.#rows.values())
      if (collection === name) found.push(document);
    return found;
  }
  #pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)]!;
  }

  #account() {
    const serial = this.#serial();
    return {
      lane: this.#lane,
      email: `${this.#lane}-${serial}@x.org`,
      balance: this.#random.below(100),
      city: this.#pick(cities),
      tags: this.#random.oneIn(2) ? [] : [this.#pick(cities), "x".repeat(this.#random.below(150))],
      // A caller's own id now and then, and a handle that is unique where it is there.
      ...(this.#random.oneIn(3) ? { id: `own-${serial}` as never } : {}),
      ...(this.#random.oneIn(2) ? { handle: `h${serial}` } : {}),
    };
  }
  #order(account: string) {
    const lines = Array.from({ length: this.#random.below(4) }, () => ({
      sku: `s${this.#random.below(5)}`,
      count: this.#random.below(9),
      ...(this.#random.oneIn(2) ? { note: "n".repeat(this.#random.below(60)) } : {}),
    }));
    return { account, open: this.#random.oneIn(2), lines };
  }
  #entry() {
    const fields = ["a", "b", "c", "d", "e", "f", "g", "h"].filter(() => this.#random.oneIn(2));
    const drawn = Object.fromEntries(fields.map((name) => [name, this.#random.below(50)]));
    return { lane: this.#lane, n: Number(this.#serial()), ...drawn };
  }

  #insertAccount(): () => Promise<Effects> {
    const account = this.#account();
    return async () => stored("accounts", await this.#db.accounts.insert(account));
  }
  #insertAccountWithOrders(): () => Promise<Effects> {
    const account = this.#account();
    const orders = Array.from({ length: 1 + this.#random.below(3) }, () => this.#order(""));
    const entry = this.#entry();
    return () =>
      this.#db.transaction(async (tx) => {
        const made = await tx.accounts.insert(account);
        const own = orders.map((order) => ({ ...order, account: made.id }));
        const placed = await tx.orders.insertMany(own);
        return [
          ...stored("accounts", made),
          ...placed.flatMap((order) => stored("orders", order)),
          ...stored("entries", await tx.entries.insert(entry)),
        ];
      });
  }
  #insertEntries(): () => Promise<Effects> {
    const entries = Array.from({ length: 1 + this.#random.below(4) }, () => this.#entry());
    return async () => {
      const made = await this.#db.entries.insertMany(entries);
      return made.flatMap((entry) => stored("entries", entry));
    };
  }
  /** Makes structures that its abort takes back; whoever uses them next must carry them. */
  #throwing(): () => Promise<Effects> {
    const [entry, account, again] = [this.#entry(), this.#account(), this.#random.oneIn(2)];
    return async () => {
      try {
        await this.#db.transaction(async (tx) => {
          await tx.entries.insert(entry);
          await tx.accounts.insert(account);
          throw new ChangedMyMind();
        });
      } catch (error) {
        if (!(error instanceof ChangedMyMind)) throw error;
      }
      return again ? stored("entries", await this.#db.entries.insert(entry)) : [];
    };
  }
  #updateAccount(accounts: readonly Stored[]): () => Promise<Effects> {
    const { id } = this.#pick(accounts);
    const kind = this.#random.below(4);
    const [city, by] = [this.#pick(cities), this.#random.below(9)];
    const handle = `h${this.#serial()}`;
    return async () => {
      const { accounts: all } = this.#db;
      if (kind === 0) return stored("accounts", await all.update(id as never, { city }));
      if (kind === 1) return stored("accounts", await all.update(id as never, { handle }));
      if (kind === 2)
        return stored("accounts", await all.update(id as never, { handle: undefined }));
      const change = { balance: inc(by), tags: push(city, "t".repeat(by * 10)) };
      return stored("accounts", await all.update(id as never, change));
    };
  }
  #upsertAccount(accounts: readonly Stored[]): () => Promise<Effects> {
    const create = this.#account();
    const email = this.#random.oneIn(2) ? (this.#pick(accounts)["email"] as string) : create.email;
    return async () =>
      stored(
        "accounts",
        await this.#db.accounts.upsert({ email }, { create, update: { balance: inc(1_000) } }),
      );
  }
  #deleteAccount(accounts: readonly Stored[]): () => Promise<Effects> {
    const { id } = this.#pick(accounts);
    return () =>
      this.#db.transaction(async (tx) => {
        const orders = await tx.orders.where({ account: id }).all();
        const known = this.#all("orders").filter(({ account }) => account === id);
        if (orders.length !== known.length)
          throw new Error(`a query gave ${orders.length} orders of ${id}, not ${known.length}`);
        for (const order of orders) await tx.orders.delete(order.id);
        await tx.accounts.delete(id as never);
        return [...deleted("accounts", id), ...orders.flatMap((o) => deleted("orders", o.id))];
      });
  }
  /** The unique key leaves a document that is deleted for one that is new, in one transaction. */
  #handOver(accounts: readonly Stored[]): () => Promise<Effects> {
    const from = this.#pick(accounts);
    const heir = { ...this.#account(), email: from["email"] as string };
    return () =>
      this.#db.transaction(async (tx) => {
        await tx.accounts.delete(from.id as never);
        return [
          ...deleted("accounts", from.id),
          ...stored("accounts", await tx.accounts.insert(heir)),
        ];
      });
  }
  /** Two documents exchange a unique key in one transaction, over a third value. */
  #swap(accounts: readonly Stored[]): () => Promise<Effects> {
    const first = this.#pick(accounts);
    const second = this.#pick(accounts.filter(({ id }) => id !== first.id));
    const [a, b] = [first.id as never, second.id as never];
    return () =>
      this.#db.transaction(async (tx) => {
        await tx.accounts.update(a, { email: `between-${this.#lane}` });
        const moved = await tx.accounts.update(b, { email: first["email"] as string });
        const other = await tx.accounts.update(a, { email: second["email"] as string });
        return [...stored("accounts", moved), ...stored("accounts", other)];
      });
  }
  #updateOrder(orders: readonly Stored[]): () => Promise<Effects> {
    const { id } = this.#pick(orders);
    const replacement = this.#order(this.#pick(orders)["account"] as string);
    const replaces = this.#random.oneIn(2);
    return async () => {
      const { orders: all } = this.#db;
      if (replaces) return stored("orders", await all.replace(id as never, replacement));
      const change = await all.update(id as never, (order) => ({ open: !order.open }));
      return stored("orders", change);
    };
  }
  #insertNote(): () => Promise<Effects> {
    const note = { lane: this.#lane, text: `note ${this.#serial()}` };
    return async () => stored("notes", await (this.#db as unknown as Two).notes.insert(note));
  }
}

function stored(collection: CollectionName, document: object): Effects {
  const after = document as Stored;
  return [{ collection, id: after.id, after: structuredClone(after) }];
}
function deleted(collection: CollectionName, id: string): Effects {
  return [{ collection, id, after: undefined }];
}

/** Whatever collections can be read from: a database, a snapshot. */
export type Reader = Readonly<Record<string, { all(): Promise<readonly object[]> } | undefined>>;

/** Every document that there is. */
export async function documentsOf(reader: Reader): Promise<Map<string, Stored>> {
  const documents = new Map<string, Stored>();
  for (const name of collectionNames) {
    for (const document of (await reader[name]?.all()) ?? [])
      documents.set(rowKey(name, (document as Stored).id), document as Stored);
  }
  return documents;
}

/** Documents by collection and id. */
export type State = ReadonlyMap<string, Stored>;
export function rowKey(collection: CollectionName, id: string): string {
  return `${collectionNames.indexOf(collection)} ${collection} ${id}`;
}

/** states[k]: what is there after the first k commits. */
export function statesOf(commits: readonly Committed[]): readonly State[] {
  const states: Map<string, Stored>[] = [new Map()];
  for (const { effects } of commits) {
    const next = new Map(states.at(-1));
    for (const { collection, id, after } of effects) {
      const key = rowKey(collection, id);
      if (after === undefined) next.delete(key);
      else next.set(key, after);
    }
    states.push(next);
  }
  return states;
}
