/** Reads of every kind, and what each must answer by the model. */
import { indexesOf, versionOf } from "./collections.ts";
import type { Edition } from "./collections.ts";
import { expectRows, expectSame, expectTag, expectThat, Mismatch, valueOf } from "./compare.ts";
import type { Judge } from "./compare.ts";
import { outcomeOf, tagOf } from "./loose.ts";
import type { Loose, LooseCollection, LoosePage, LooseQuery } from "./loose.ts";
import { collectionNames, isOdd, orderOf, rowsOf } from "./plain.ts";
import type { Asked, CollectionName, Model, PlainCollection, PlainIndex } from "./plain.ts";
import type { End, Of, Read } from "./program.ts";
import { compare, fieldsOf, filterObject, valuesAt } from "./values.ts";
import type { Doc } from "./values.ts";
import { askedIn } from "./versions.ts";
import { isNotReady } from "./readiness.ts";
import type { NotReady, Unready } from "./readiness.ts";
import { idOf } from "./writing.ts";

export interface ReadContext {
  readonly edition: Edition;
  readonly fullScan: "allow" | "warn" | "error";
  readonly count: (what: string) => void;
  /** What was not ready in the state that is read, or a little before, where nothing can be waited for. */
  readonly unready: Unready;
}

const NOTHING_TOLD: Judge = () => undefined;

/** Performs a read; picks name documents of `model`, which is the state that the database shows here. */
export async function read(
  step: Of<Read>,
  on: Loose,
  model: Model,
  context: ReadContext,
): Promise<Judge> {
  try {
    return await readWell(step, on, model, context);
  } catch (error) {
    if (isNotReady(error)) expectLacking(error, step, context);
    else throw error;
    return NOTHING_TOLD;
  }
}

/**
 * An index was not ready: that must be so. It must be one that is asked for, or one that would save the reading of the
 * whole collection where that is refused.
 */
function expectLacking(error: NotReady, step: Of<Read>, context: ReadContext): void {
  const { count, fullScan, unready } = context;
  count("IndexNotReady of a read");
  const { collection, index } = error;
  const isAsked =
    step.do === "query"
      ? step.asked.index?.name === index || fullScan === "error"
      : step.do !== "get" && ["byKey", "byPair"].includes(index);
  if (collection !== collectionNames[step.on] || !isAsked || !unready.has(collection, index))
    throw new Mismatch(`${step.do}: ${collection} ${index} is ready, or not asked for`, {
      cause: error,
    });
}

async function readWell(
  step: Of<Read>,
  on: Loose,
  model: Model,
  context: ReadContext,
): Promise<Judge> {
  const name = collectionNames[step.on];
  const collection = on[name];
  switch (step.do) {
    case "get":
      return get(step.picks, collection, model[name], name);
    case "find":
      return find(step, collection, name);
    case "readWrong":
      return readWrong(step.how, collection, context);
    case "query":
      return query(step, collection, name, context);
  }
}

async function get(
  picks: readonly number[],
  collection: LooseCollection,
  plain: PlainCollection,
  name: CollectionName,
): Promise<Judge> {
  const ids = picks.map((pick) => idOf(plain, pick));
  const many = await collection.getMany(ids);
  const single = await collection.get(ids[0]!);
  const orThrow = await outcomeOf(() => collection.getOrThrow(ids[0]!));
  return (model) => {
    const wanted = ids.map((id) => model[name].documents.get(id));
    expectSame(many, wanted, "getMany");
    expectSame(single, wanted[0], "get");
    if (wanted[0] === undefined) expectTag(orThrow, "NotFound", "getOrThrow");
    else expectSame(valueOf(orThrow, "getOrThrow"), wanted[0], "getOrThrow");
  };
}

async function find(
  { a, b, key }: Read & { do: "find" },
  collection: LooseCollection,
  name: CollectionName,
): Promise<Judge> {
  const byKey = await collection.find({ key });
  const byPair = await collection.find({ a, b });
  return (model) => {
    const documents = [...model[name].documents.values()];
    const ofKey = documents.find((document) => document["key"] === key);
    expectSame(byKey, ofKey, `find key ${key}`);
    const ofPair = documents.find((document) => document["a"] === a && document["b"] === b);
    expectSame(byPair, ofPair, `find pair ${a} ${b}`);
  };
}

// ------------------------------------------------------------------ queries

/** What the edition can answer of what is asked. */
export interface Usable {
  readonly asked: Asked;
  readonly index: PlainIndex | undefined;
  readonly ordered: boolean;
  /** It names a field that the schema does not have yet. */
  readonly refused: boolean;
}

/** Without an index that this edition lacks, and no more values than it has fields. */
export function usable(asked: Asked, name: CollectionName, edition: Edition): Usable {
  const found = asked.index && indexesOf(name, edition)[asked.index.name];
  const isFull = found !== undefined && asked.index!.prefix.length >= found.on.length;
  const { prefix, bounds } = asked.index ?? { prefix: [], bounds: [] };
  // Where the sets differ in the second field, what was drawn may be of another class.
  const fixed = found === undefined ? [] : prefix.slice(0, found.on.length);
  const index =
    found === undefined
      ? undefined
      : { name: asked.index!.name, prefix: fixed, bounds: isFull ? [] : bounds };
  const whole = askedIn({ ...asked, index }, versionOf(name, edition));
  return {
    asked: whole,
    index: found,
    ordered: orderOf(whole, found) !== undefined,
    refused: edition.schema === 0 && namesGrade(whole),
  };
}

function namesGrade({ filter, orderBy, select }: Asked): boolean {
  const named = filter === undefined ? [] : fieldsOf(filter);
  const ordered = orderBy.map(([path]) => path);
  return [...named, ...ordered, ...(select ?? [])].includes("grade");
}

export function queryOf(collection: LooseCollection, asked: Asked): LooseQuery {
  let query: LooseQuery = collection;
  if (asked.index !== undefined) {
    let scan = collection.index(asked.index.name, ...asked.index.prefix);
    for (const [op, value, to] of asked.index.bounds)
      scan = op === "between" ? scan.between(value, to) : scan[op as "gt"](value);
    query = scan;
  }
  if (asked.filter !== undefined) query = query.where(filterObject(asked.filter));
  if (asked.odd === true) query = query.filter(isOdd);
  for (const [path, direction] of asked.orderBy) query = query.orderBy(path, direction);
  if (asked.reverse) query = query.reverse();
  if (asked.limit !== undefined) query = query.limit(asked.limit);
  return asked.select === undefined ? query : query.select(...asked.select);
}

type Answer =
  | { readonly rows: readonly Doc[] }
  | { readonly number: number }
  | { readonly figures: object }
  | { readonly pages: readonly (readonly Doc[])[]; readonly back: readonly (readonly Doc[])[] };

async function query(
  step: Of<Read> & { do: "query" },
  collection: LooseCollection,
  name: CollectionName,
  context: ReadContext,
): Promise<Judge> {
  const { count, edition, fullScan } = context;
  const { asked, index, ordered, refused } = usable(step.asked, name, edition);
  const outcome = await outcomeOf(() => end(step.end, collection, asked));
  count(step.end);
  if ("error" in outcome && isNotReady(outcome.error)) throw outcome.error;
  if (refused)
    return () => expectTag(outcome, "InvalidQuery", `${step.end} by a field of a later schema`);
  if ("error" in outcome && tagOf(outcome.error) === "FullScan" && fullScan === "error") {
    count("full scan refused");
    return () =>
      expectThat(index === undefined && !isPlain(asked), () => "a full scan that is none");
  }
  return (model) => {
    const rows = rowsOf(asked, model[name].documents.values(), index);
    const limited = Math.min(rows.length, asked.limit ?? rows.length);
    if (rows.length > 0) count(`${step.end} of some`);
    const what = `${step.end} of ${name}`;
    if (step.end === "one" && limited !== 1)
      return expectTag(outcome, limited === 0 ? "NotFound" : "NotUnique", what);
    const answer = valueOf(outcome, what);
    const wanted = { rows, ordered, select: asked.select, what };
    if ("rows" in answer) {
      const most = step.end === "first" ? Math.min(1, limited) : limited;
      expectRows(answer.rows, most, wanted);
    } else if ("figures" in answer) {
      expectSame(answer.figures, figuresOf(rows), what);
    } else if ("number" in answer) {
      expectSame(answer.number, step.end === "exists" ? Math.min(1, limited) : limited, what);
    } else {
      expectRows(answer.pages.flat(), rows.length, wanted);
      expectSame(answer.back, answer.pages, `${what}, back`);
    }
  };
}
/** All documents as they lie: nobody is told that this reads them all. */
function isPlain({ filter, odd, orderBy }: Asked): boolean {
  return filter === undefined && odd !== true && orderBy.length === 0;
}

async function end(what: End, collection: LooseCollection, asked: Asked): Promise<Answer> {
  const query = queryOf(collection, asked);
  switch (what) {
    case "all":
      return { rows: await query.all() };
    case "first": {
      const first = await query.first();
      return { rows: first === undefined ? [] : [first] };
    }
    case "one":
      return { rows: [await query.one()] };
    case "count":
      return { number: await query.count() };
    case "exists":
      return { number: (await query.exists()) ? 1 : 0 };
    case "figures":
      // Which rows a limit leaves is free where there is no order.
      return {
        figures: await queryOf(collection, { ...asked, limit: undefined }).aggregate(FIGURES),
      };
    case "stream": {
      const rows: Doc[] = [];
      for await (const row of query.stream()) rows.push(row);
      return { rows };
    }
    case "explain": {
      const { text } = await query.explain();
      const analyzed = await query.explain({ analyze: true });
      // It may be another plan by then: estimates follow what is stored, and what of it is at hand.
      const [before, after] = [text, analyzed.text].map((lines) => lines.includes("\nactual   "));
      expectSame([before, after], [false, true], "explain with figures");
      return { number: analyzed.actual!.rows };
    }
    case "pages":
      return pages(queryOf(collection, { ...asked, limit: undefined }), 1 + (asked.limit ?? 2));
  }
}

const FIGURES = {
  count: { count: true },
  sum: { sum: "n" },
  least: { min: "s" },
  last: { max: "at" },
  words: { max: "items[].w" },
};
function figuresOf(rows: readonly Doc[]): object {
  const values = (path: string): unknown[] =>
    rows
      .flatMap((row) => valuesAt(row, path))
      .filter((value) => value !== null && value !== undefined)
      .sort(compare);
  return {
    count: rows.length,
    // The numbers of documents are few and short: their sums are exact.
    sum: rows.reduce((sum, row) => sum + (row["n"] as number), 0),
    least: values("s")[0] ?? null,
    last: values("at").at(-1) ?? null,
    words: values("items[].w").at(-1) ?? null,
  };
}

/** Forwards to the end, and back to the start over the same pages. */
async function pages(query: LooseQuery, size: number): Promise<Answer> {
  const first = await query.page({ size });
  expectSame(first.previous, null, "nothing before the first page");
  const all: LoosePage[] = [first];
  for (let next = first.next; next !== null; next = all.at(-1)!.next) {
    if (all.length > 1_000) throw new Mismatch("pages without an end");
    all.push(await query.page({ size, after: next }));
  }
  let page = all.at(-1)!;
  const back = [page.items];
  while (page.previous !== null) {
    if (back.length > all.length) throw new Mismatch("more pages back than there were");
    page = await query.page({ size, before: page.previous });
    back.unshift(page.items);
  }
  return { pages: all.map(({ items }) => items), back };
}

// ------------------------------------------------------------------ what must be refused

async function readWrong(
  how: number,
  collection: LooseCollection,
  context: ReadContext,
): Promise<Judge> {
  const wrongs: readonly (readonly [tag: string, work: () => Promise<unknown>])[] = [
    ["InvalidQuery", () => collection.where({ nope: 1 }).all()],
    ["InvalidQuery", () => collection.where({ n: "text" }).count()],
    ["InvalidQuery", () => collection.where({ n: { gt: undefined } }).first()],
    ["InvalidQuery", () => collection.where({ n: { like: 1 } }).exists()],
    ["InvalidQuery", () => collection.where({ n: [1] }).all()],
    ["InvalidQuery", () => collection.where({ flag: { gt: true } }).all()],
    ["InvalidQuery", () => collection.where({ tags: { size: -1 } }).all()],
    ["InvalidQuery", () => collection.where({ tags: { some: { w: 1 } } }).all()],
    ["InvalidQuery", () => collection.where({ p: {} }).all()],
    ["InvalidQuery", () => collection.where({ n: { has: 1 } }).all()],
    ["InvalidQuery", () => collection.where({ OR: { n: 1 } }).all()],
    ["InvalidQuery", () => collection.where({ n: Number.NaN }).all()],
    ["InvalidQuery", () => collection.where({ s: "\ud800" }).all()],
    ["InvalidQuery", () => collection.orderBy("tags").all()],
    ["InvalidQuery", () => collection.orderBy("p").all()],
    ["InvalidQuery", () => collection.orderBy("tags[]").all()],
    ["InvalidQuery", () => collection.orderBy("n", "up").all()],
    ["InvalidQuery", () => collection.limit(-1).all()],
    ["InvalidQuery", () => collection.limit(0.5).all()],
    ["InvalidQuery", () => collection.select("nope").all()],
    ["InvalidQuery", () => collection.select("n").select("s").all()],
    ["InvalidQuery", () => collection.index("nope").all()],
    ["InvalidQuery", () => collection.index("byPair", 1, "p", 2).all()],
    ["InvalidQuery", () => collection.index("byPair", "p").all()],
    ["InvalidQuery", () => collection.index("byPair", 1, "p").gt("q").all()],
    ["InvalidQuery", () => collection.limit(1).page({ size: 1 })],
    ["InvalidQuery", () => collection.page({ size: 0 })],
    ["InvalidCursor", () => collection.page({ size: 1, after: "garbage" })],
    ["InvalidCursor", () => collection.page({ size: 1, before: "" })],
    ["InvalidQuery", () => collection.find({ n: 1 })],
    ["InvalidQuery", () => collection.find({ key: null })],
  ];
  const [tag, work] = wrongs[how % wrongs.length]!;
  const outcome = await outcomeOf(work);
  if ("error" in outcome && isNotReady(outcome.error)) throw outcome.error;
  return () => expectTag(outcome, tag, `wrong read ${how} in schema ${context.edition.schema}`);
}
