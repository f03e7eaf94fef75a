/** Runs a program on a database and on the plain model, and compares every answer. */
import { inc, KotobaError, open, push, UniqueViolation } from "kotobadb";
import { MemoryEngine, openLsmEngine } from "kotobadb/engine";
import type { LsmEngine, StorageEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import { expect } from "vitest";
import {
  collectionNames,
  definitions,
  fieldsWithDefaults,
  indexesOf,
  uniqueIndexes,
} from "./model-collections.ts";
import type { CollectionName, Input } from "./model-collections.ts";
import {
  compact,
  filterObject,
  isUlid,
  picked,
  PlainCollection,
  Refused,
  rowsOf,
} from "./model-plain.ts";
import type { Asked, Doc, Fields } from "./model-plain.ts";
import type { Of, Read, Step, Write } from "./model-program.ts";
import { turns } from "../prove/kit/turns.ts";

/** The public surface with its types wiped off: programs are data, and some of them are wrong on purpose. */
interface LooseQuery {
  where(filter: object): LooseQuery;
  orderBy(path: string, direction: "asc" | "desc"): LooseQuery;
  reverse(): LooseQuery;
  limit(count: number): LooseQuery;
  select(...fields: string[]): LooseQuery;
  all(): Promise<Doc[]>;
  first(): Promise<Doc | undefined>;
  count(): Promise<number>;
  exists(): Promise<boolean>;
  page(options: object): Promise<{
    readonly items: readonly Doc[];
    readonly next: string | null;
    readonly previous: string | null;
  }>;
  stream(): AsyncIterable<Doc>;
}
interface LooseCollection extends LooseQuery {
  get(id: string): Promise<Doc | undefined>;
  getMany(ids: readonly string[]): Promise<(Doc | undefined)[]>;
  find(where: object): Promise<Doc | undefined>;
  insert(document: object): Promise<Doc>;
  insertMany(documents: readonly object[]): Promise<Doc[]>;
  update(id: string, change: object): Promise<Doc>;
  replace(id: string, document: object): Promise<Doc>;
  upsert(where: object, values: { create: object; update: object }): Promise<Doc>;
  delete(id: string): Promise<boolean>;
  index(name: string): LooseQuery;
}
type Loose = Readonly<Record<CollectionName, LooseCollection>>;
interface LooseDb extends Loose {
  transaction<A>(body: (tx: Loose) => Promise<A>): Promise<A>;
  snapshot(): Loose & { close(): void };
  verify(): Promise<{ readonly ok: boolean; readonly problems: readonly string[] }>;
  ready(): Promise<void>;
  close(): Promise<void>;
}

const LSM_OPTIONS = {
  path: "/home/model/db",
  flushBytesMax: 2_000,
  l0TablesTrigger: 2,
  levelBaseBytes: 4_000,
  levelFanOut: 2,
  tableBytesTarget: 2_000,
  blockCacheBytesMax: 64 * 1_024,
  sliceMillis: 0,
} as const;

type Model = Readonly<Record<CollectionName, PlainCollection>>;
function copied(model: Model): Model {
  return { things: model.things.copy(), others: model.others.copy() };
}
class ChangedMyMind extends Error {}

interface OpenStream {
  readonly iterator: AsyncIterator<Doc>;
  readonly asked: Asked;
  readonly collection: CollectionName;
  /** The rows there were when it was opened. */
  readonly wanted: readonly Doc[];
  readonly seen: Doc[];
}

export class ModelRun {
  #model: Model = {
    things: new PlainCollection(uniqueIndexes),
    others: new PlainCollection(uniqueIndexes),
  };
  #variant = 0;
  #newestId = "";
  readonly #kind: "memory" | "lsm";
  #host: SimulatedHost;
  #engine: StorageEngine | undefined;
  #db: LooseDb | undefined;
  readonly #snapshots: { readonly view: ReturnType<LooseDb["snapshot"]>; readonly model: Model }[] =
    [];
  readonly #streams: OpenStream[] = [];
  readonly #plant: (engine: StorageEngine) => StorageEngine;
  /** How often each thing happened: what a test of this test looks at. */
  readonly tally: Map<string, number>;

  constructor(
    kind: "memory" | "lsm",
    seed: number,
    tally: Map<string, number> = new Map(),
    plant: (engine: StorageEngine) => StorageEngine = (engine) => engine,
  ) {
    this.#kind = kind;
    this.#host = new SimulatedHost({ seed });
    this.tally = tally;
    this.#plant = plant;
  }

  #count(what: string, times = 1): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + times);
  }

  async run(steps: readonly Step[]): Promise<void> {
    await this.#open();
    for (const step of steps) await this.#step(step);
    await this.#leaveViews(true);
    await this.#verify();
    const stats = (this.#engine as Partial<LsmEngine>).stats?.() ?? {};
    for (const name of ["flushes", "compactions"]) this.#count(name, stats[name] ?? 0);
    if (this.#kind === "lsm") {
      await this.#reopen(this.#variant);
      await this.#verify();
    }
    await this.#db!.close();
    expect(this.#host.warnings).toEqual([]);
  }

  async #open(): Promise<void> {
    this.#engine =
      this.#kind === "memory"
        ? new MemoryEngine()
        : await openLsmEngine({ ...LSM_OPTIONS, host: this.#host });
    const engine = this.#plant(this.#engine);
    const db = await open(
      { engine },
      { collections: definitions(this.#variant), host: this.#host },
    );
    this.#db = db as unknown as LooseDb;
    this.#newestId = "";
  }

  async #step(step: Step): Promise<void> {
    switch (step.do) {
      case "transaction":
        return this.#transaction(step);
      case "snapshot":
        // One from before an index was built would be refused as too old.
        await this.#db!.ready();
        this.#snapshots.push({ view: this.#db!.snapshot(), model: copied(this.#model) });
        return;
      case "closeSnapshot":
        return this.#snapshots.shift()?.view.close();
      case "readSnapshot": {
        const held = this.#snapshots[step.pick % Math.max(1, this.#snapshots.length)];
        if (held === undefined) return;
        return this.#read(step.read, held.view, held.model);
      }
      case "openStream":
        return this.#openStream(step);
      case "endStream":
        return this.#endStream(step.whole);
      case "verify":
        return this.#verify();
      case "reopen":
        return this.#kind === "memory" ? undefined : this.#reopen(step.variant);
      case "powerCut":
        return this.#powerCut();
      case "compact":
        return (this.#engine as Partial<LsmEngine>).compact?.();
      case "flush":
        return (this.#engine as Partial<LsmEngine>).flush?.();
      case "pause":
        return turns(step.turns);
      default:
        if (isRead(step)) return this.#read(step, this.#db!, this.#model);
        await this.#write(step, this.#db!, this.#model);
    }
  }

  // ---------------------------------------------------------------- the life of the database

  async #verify(): Promise<void> {
    expect(await this.#db!.verify()).toEqual({ ok: true, problems: [] });
    for (const name of collectionNames)
      expect(sorted(await this.#db![name].all())).toStrictEqual(this.#model[name].list());
  }

  /** Whatever is held must still read as it did; then it is let go. */
  async #leaveViews(whole: boolean): Promise<void> {
    while (this.#streams.length > 0) await this.#endStream(whole);
    for (const { model, view } of this.#snapshots.splice(0)) {
      this.#count("snapshot held to the end");
      for (const name of collectionNames) {
        expect(sorted(await view[name].all())).toStrictEqual(model[name].list());
        expect(await view[name].count()).toBe(model[name].documents.size);
      }
      view.close();
    }
  }

  async #reopen(variant: number): Promise<void> {
    this.#count("reopened");
    await this.#leaveViews(true);
    await this.#db!.close();
    this.#variant = variant;
    await this.#open();
  }

  /** Everything was acknowledged, so everything must be there. */
  async #powerCut(): Promise<void> {
    if (this.#kind === "memory") return;
    for (const { view } of this.#snapshots.splice(0)) view.close();
    for (const { iterator } of this.#streams.splice(0)) await iterator.return?.();
    this.#count("power cut");
    this.#host = this.#host.crash("seeded");
    await this.#open();
    await this.#verify();
  }

  // ---------------------------------------------------------------- writing

  async #write(step: Of<Write>, on: Loose, model: Model): Promise<boolean> {
    const name = collectionNames[step.on];
    const plain = model[name];
    const collection = on[name];
    let wanted: Effect;
    try {
      wanted = effectOf(step, plain);
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      const error = await failure(() => perform(step, collection, plain));
      if (error === undefined && on !== this.#db && refused.tag === "UniqueViolation") return false;
      this.#count(
        `${step.do} refused: ${refused.tag}${on === this.#db ? "" : " in a transaction"}`,
      );
      expectRefusal(error, refused);
      return true;
    }
    const result = await perform(step, collection, plain);
    this.#count(step.do);
    this.#applied(wanted, result, plain);
    return true;
  }

  /** Compares what the write answered, and does it to the model. */
  #applied({ deleted, fresh, kept }: Effect, result: unknown, plain: PlainCollection): void {
    if (deleted !== undefined) {
      expect(result).toBe(plain.documents.delete(deleted));
      return;
    }
    const documents = (Array.isArray(result) ? result : [result]) as Doc[];
    expect(documents.length).toBe(fresh.length + kept.length);
    for (const [i, fields] of [...kept, ...fresh].entries()) {
      const document = documents[i]!;
      const id = (fields["id"] as string | undefined) ?? this.#newId(document.id);
      expect(document).toStrictEqual({ ...fields, id });
      plain.put({ ...fields, id });
    }
  }

  #newId(id: string): string {
    expect(isUlid(id), id).toBe(true);
    expect(id > this.#newestId, `${id} after ${this.#newestId}`).toBe(true);
    return (this.#newestId = id);
  }

  async #transaction(step: Step & { do: "transaction" }): Promise<void> {
    let model = copied(this.#model);
    let doomed = false;
    const error = await failure(() =>
      this.#db!.transaction(async (tx) => {
        model = copied(this.#model);
        doomed = false;
        for (const one of step.steps) {
          if (isRead(one)) await this.#read(one, tx, model);
          else if (!(await this.#write(one, tx, model))) {
            // Only the commit can tell that the key is taken; what is read after it means nothing.
            doomed = true;
            return;
          }
        }
        if (step.throws) throw new ChangedMyMind();
      }),
    );
    this.#count(doomed ? "doomed" : step.throws ? "thrown" : "committed");
    if (doomed) expect(error).toBeInstanceOf(UniqueViolation);
    else if (step.throws) expectOwn(error);
    else {
      if (error !== undefined) throw new Error("the transaction was refused", { cause: error });
      this.#model = model;
    }
  }

  // ---------------------------------------------------------------- reading

  async #read(step: Of<Read>, on: Loose, model: Model): Promise<void> {
    const name = collectionNames[step.on];
    const [collection, plain] = [on[name], model[name]];
    switch (step.do) {
      case "get": {
        const ids = step.picks.map((pick) => idOf(plain, pick));
        const wanted = ids.map((id) => plain.documents.get(id));
        expect(await collection.getMany(ids)).toStrictEqual(wanted);
        expect(await collection.get(ids[0]!)).toStrictEqual(wanted[0]);
        return;
      }
      case "find": {
        const { a, b, key } = step;
        const documents = plain.list();
        const byKey = documents.find((document) => document["key"] === key);
        expect(await collection.find({ key })).toStrictEqual(byKey);
        const byPair = documents.find((document) => document["a"] === a && document["b"] === b);
        expect(await collection.find({ a, b })).toStrictEqual(byPair);
        return;
      }
      case "query":
        return this.#query(step, collection, plain, name);
    }
  }

  async #query(
    step: Of<Read> & { do: "query" },
    collection: LooseCollection,
    plain: PlainCollection,
    name: CollectionName,
  ): Promise<void> {
    const { asked, index } = this.#usable(step.asked, name);
    const rows = rowsOf(asked, plain.documents.values(), index);
    const limited = asked.limit === undefined ? rows : rows.slice(0, asked.limit);
    const query = queryOf(collection, asked);
    this.#count(`${step.end} of ${rows.length === 0 ? "none" : "some"}`);
    const context = { rows, asked, ordered: asked.orderBy.length > 0 || index !== undefined };
    switch (step.end) {
      case "all":
        return expectRows(await query.all(), limited.length, context);
      case "first": {
        const first = await query.first();
        return expectRows(first === undefined ? [] : [first], Math.min(1, limited.length), context);
      }
      case "count":
        return expect(await query.count()).toBe(limited.length);
      case "exists":
        return expect(await query.exists()).toBe(limited.length > 0);
      case "stream": {
        const streamed: Doc[] = [];
        for await (const row of query.stream()) streamed.push(row);
        return expectRows(streamed, limited.length, context);
      }
      case "pages":
        return this.#pages(queryOf(collection, { ...asked, limit: undefined }), context);
    }
  }

  /** Forwards to the end, and back to the start over the same pages. */
  async #pages(query: LooseQuery, context: RowContext): Promise<void> {
    const size = 1 + (context.rows.length % 4);
    const pages: (readonly Doc[])[] = [];
    let page = await query.page({ size });
    for (;;) {
      pages.push(page.items);
      if (page.next === null) break;
      page = await query.page({ size, after: page.next });
    }
    expectRows(pages.flat(), context.rows.length, context);
    const back = [page.items];
    while (page.previous !== null) {
      page = await query.page({ size, before: page.previous });
      back.unshift(page.items);
    }
    expect(back.flat()).toStrictEqual(pages.flat());
  }

  /** The query without an index that this variant lacks. */
  #usable(asked: Asked, name: CollectionName) {
    const index =
      asked.index === undefined ? undefined : indexesOf(name, this.#variant)[asked.index];
    return { asked: index === undefined ? { ...asked, index: undefined } : asked, index };
  }

  async #openStream(step: Step & { do: "openStream" }): Promise<void> {
    const collection = collectionNames[step.on];
    const { asked, index } = this.#usable(step.asked, collection);
    const rows = rowsOf(asked, this.#model[collection].documents.values(), index);
    const stream = queryOf(this.#db![collection], asked).stream();
    const iterator = stream[Symbol.asyncIterator]();
    const open: OpenStream = { iterator, asked, collection, wanted: rows, seen: [] };
    // The first row fixes the state that all of them come from.
    for (let i = 0; i <= step.rows; i++) {
      const { done, value } = await iterator.next();
      if (done === true) return this.#expectStream(open);
      open.seen.push(value);
    }
    this.#streams.push(open);
  }

  async #endStream(whole: boolean): Promise<void> {
    const open = this.#streams.shift();
    if (open === undefined) return;
    this.#count(whole ? "stream read to the end later" : "stream left");
    if (!whole) return void (await open.iterator.return?.());
    for (;;) {
      const { done, value } = await open.iterator.next();
      if (done === true) return this.#expectStream(open);
      open.seen.push(value);
    }
  }

  #expectStream({ asked, collection, seen, wanted }: OpenStream): void {
    const { index } = this.#usable(asked, collection);
    const count = Math.min(asked.limit ?? wanted.length, wanted.length);
    const ordered = asked.orderBy.length > 0 || index !== undefined;
    expectRows(seen, count, { rows: wanted, asked, ordered });
  }
}

// ------------------------------------------------------------------ comparing

interface RowContext {
  /** All rows that fit, in order if there is one. */
  readonly rows: readonly Doc[];
  readonly asked: Asked;
  readonly ordered: boolean;
}

function expectRows(found: readonly Doc[], count: number, context: RowContext): void {
  const wanted = context.rows.map((row) => picked(row, context.asked.select));
  if (context.ordered) {
    expect(found).toStrictEqual(wanted.slice(0, count));
    return;
  }
  // Without an order any rows will do, each as often as it is there.
  expect(found.length).toBe(count);
  const left = new Map<string, number>();
  for (const row of wanted) left.set(textOf(row), (left.get(textOf(row)) ?? 0) + 1);
  for (const row of found) {
    const times = left.get(textOf(row)) ?? 0;
    if (times === 0) expect(wanted).toContainEqual(row);
    expect(times).toBeGreaterThan(0);
    left.set(textOf(row), times - 1);
  }
}
function textOf(row: Fields): string {
  return JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)));
}
function sorted(documents: readonly Doc[]): Doc[] {
  return new PlainCollection({}, documents).list();
}

async function failure(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error ?? new Error("it threw nothing");
  }
  return undefined;
}
function expectOwn(error: unknown): void {
  if (!(error instanceof ChangedMyMind)) {
    throw new Error("the transaction did not end with the error of its body", { cause: error });
  }
}
function expectRefusal(error: unknown, refused: Refused): void {
  if (!(error instanceof KotobaError)) {
    throw new Error(`not refused: ${refused.message}`, { cause: error });
  }
  expect((error as { readonly _tag?: string })._tag).toBe(refused.tag);
  if (error instanceof UniqueViolation) expect(refused.indexes).toContain(error.index);
}

// ------------------------------------------------------------------ what a step means

/** What a write leaves: documents as they must be, those of a new id without one. */
interface Effect {
  readonly kept: readonly Fields[];
  readonly fresh: readonly Fields[];
  readonly deleted?: string;
}

const MISSING = "nobody";
function idOf(plain: PlainCollection, pick: number): string {
  const documents = plain.list();
  return pick === 40 ? MISSING : (documents[pick % Math.max(1, documents.length)]?.id ?? MISSING);
}
function stored(input: Input): Fields {
  return { ...fieldsWithDefaults, ...input };
}
/** A document under an id that no other one can have. */
function unborn(fields: Fields, n = 0): Doc {
  return { ...fields, id: (fields["id"] as string | undefined) ?? `? ${n}` };
}

function effectOf(step: Write, plain: PlainCollection): Effect {
  const changed = (id: string, change: (document: Doc) => Fields): Effect => {
    const after = { ...compact(change(plain.existing(id))), id };
    plain.check([after], id);
    return { kept: [after], fresh: [] };
  };
  switch (step.do) {
    case "insert": {
      const fields = compact({ ...stored(step.input), id: step.id });
      plain.check([unborn(fields)]);
      return { kept: [], fresh: [fields] };
    }
    case "insertMany": {
      const fresh = step.inputs.map(stored);
      plain.check(fresh.map(unborn));
      return { kept: [], fresh };
    }
    case "update":
      return changed(idOf(plain, step.pick), (document) => ({
        ...document,
        ...step.patch,
        ...Object.fromEntries(step.gone.map((name) => [name, undefined])),
      }));
    case "updateBy":
      return changed(idOf(plain, step.pick), (document) => ({
        ...document,
        n: (document["n"] as number) + step.by,
        s: `${String(document["n"])}`,
      }));
    case "inc":
      return changed(idOf(plain, step.pick), (document) => ({
        ...document,
        [step.field]: ((document[step.field] as number | undefined) ?? 0) + step.by,
      }));
    case "push":
      return changed(idOf(plain, step.pick), (document) => ({
        ...document,
        tags: [...(document["tags"] as string[]), ...step.tags],
      }));
    case "replace":
      return changed(idOf(plain, step.pick), () => stored(step.input));
    case "upsert": {
      const found = plain.list().find((document) => isNamed(document, step));
      if (found !== undefined)
        return changed(found.id, (document) => ({
          ...document,
          n: (document["n"] as number) + 10,
        }));
      const fields = step.by === "id" ? { ...stored(step.input), id: step.id } : stored(step.input);
      plain.check([unborn(fields)]);
      return { kept: [], fresh: [fields] };
    }
    case "swap": {
      const [first, second] = [idOf(plain, step.pick), idOf(plain, step.other)].map((id) =>
        plain.existing(id),
      ) as [Doc, Doc];
      if (first.id === second.id) return { kept: [first], fresh: [] };
      const kept = [
        { ...first, key: second["key"] },
        { ...second, key: first["key"] },
      ].map(compact);
      return { kept, fresh: [] };
    }
    case "delete":
      return { kept: [], fresh: [], deleted: idOf(plain, step.pick) };
    case "insertWrong":
      throw new Refused("ValidationError");
  }
}
function isNamed(document: Doc, { by, id, input }: Write & { do: "upsert" }): boolean {
  if (by === "id") return document.id === id;
  if (by === "key") return document["key"] === input.key;
  return document["a"] === input.a && document["b"] === input.b;
}

async function perform(
  step: Write,
  collection: LooseCollection,
  plain: PlainCollection,
): Promise<unknown> {
  switch (step.do) {
    case "insert":
      return collection.insert(compact({ ...step.input, id: step.id }));
    case "insertMany":
      return collection.insertMany(step.inputs);
    case "update": {
      const gone = Object.fromEntries(step.gone.map((name) => [name, undefined]));
      return collection.update(idOf(plain, step.pick), { ...step.patch, ...gone });
    }
    case "updateBy":
      return collection.update(idOf(plain, step.pick), (document: Doc) => ({
        n: (document["n"] as number) + step.by,
        s: `${String(document["n"])}`,
      }));
    case "inc":
      return collection.update(idOf(plain, step.pick), { [step.field]: inc(step.by) });
    case "push":
      return collection.update(idOf(plain, step.pick), { tags: push(...step.tags) });
    case "replace":
      return collection.replace(idOf(plain, step.pick), step.input);
    case "upsert": {
      const { a, b, key } = step.input;
      const where = step.by === "id" ? { id: step.id } : step.by === "key" ? { key } : { a, b };
      return collection.upsert(where, { create: step.input, update: { n: inc(10) } });
    }
    case "swap": {
      const [first, second] = [idOf(plain, step.pick), idOf(plain, step.other)];
      return swapKeys(collection, first, second);
    }
    case "delete":
      return collection.delete(idOf(plain, step.pick));
    case "insertWrong":
      return collection.insert({ ...step.input, n: "no number" });
  }
}

/** One after the other, over a state in which neither has a key: only a transaction makes it one step. */
async function swapKeys(
  collection: LooseCollection,
  first: string,
  second: string,
): Promise<Doc[]> {
  const [a, b] = [await collection.get(first), await collection.get(second)];
  if (a === undefined) return [await collection.update(first, {})];
  if (b === undefined) return [await collection.update(second, {})];
  if (first === second) return [a];
  await collection.update(first, { key: undefined });
  const moved = await collection.update(second, { key: a["key"] });
  return [await collection.update(first, { key: b["key"] }), moved];
}

function queryOf(collection: LooseCollection, asked: Asked): LooseQuery {
  let query: LooseQuery = asked.index === undefined ? collection : collection.index(asked.index);
  if (asked.filter !== undefined) query = query.where(filterObject(asked.filter));
  for (const [path, direction] of asked.orderBy) query = query.orderBy(path, direction);
  if (asked.reverse) query = query.reverse();
  if (asked.limit !== undefined) query = query.limit(asked.limit);
  return asked.select === undefined ? query : query.select(...asked.select);
}

function isRead(step: Of<Read> | Of<Write>): step is Of<Read> {
  return step.do === "query" || step.do === "get" || step.do === "find";
}
