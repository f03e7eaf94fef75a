/**
 * What a user of the database sees, as types: written once for every door. `F` says what a method returns (a Promise,
 * an Effect); `D` is the collection's definition, from which documents, ids, filters and indexes follow.
 */
import type { Kind, Run, StreamKind } from "../base/index.ts";
import type {
  Def,
  DocOf,
  Filter,
  IdOf,
  IndexName,
  IndexValues,
  InsertOf,
  IsFree,
  NextOf,
  OnOf,
  Patch,
  Path,
  PrefixOf,
  Prop,
  Simplify,
  SinglePath,
  Strip,
  UniqueIndexName,
  ValueAt,
} from "../collections/index.ts";
import type { AggregateResult, Aggregates, Explanation, GroupValue } from "../query/index.ts";
import type { ChangeOf, ChangesOptions } from "./changes/change-options.ts";
import type { LiveOptions, LiveQuery, LiveResult, LiveStore } from "./live/live-options.ts";
import type { OneError, PageError, ReadError, WriteError } from "./failures.ts";
import type {
  CollectionNotEmpty,
  ImportFailed,
  ImportOptions,
  ImportResult,
  IndexNotReady,
  LoadOptions,
  LoadResult,
  NotFound,
  TextSource,
} from "../collections/index.ts";
import type { ExportOptions } from "./transfer/transfer-options.ts";

/** The world and the collection that a handle belongs to. */
export interface Context {
  F: Run;
  D: Def;
  /** The collections and relations around it; a collection that was declared by itself has none. */
  W?: World;
}
/** All collections and relations of a database, and the name of the one that is meant. */
interface World {
  Ds: object;
  Rs: object;
  K: PropertyKey;
}
type Doc<C extends Context> = DocOf<C["D"]>;
type Indexes<C extends Context> = NonNullable<C["D"]["~indexes"]>;

/** The declared relations of a collection. */
type RelationsOf<C extends Context> = C extends { W: infer W extends World }
  ? W["K"] extends keyof W["Rs"]
    ? NonNullable<W["Rs"][W["K"]]>
    : {}
  : {};
type RelationOf<C extends Context, N> = RelationsOf<C>[N & keyof RelationsOf<C>];
type RelationName<C extends Context> = keyof RelationsOf<C> & string;
/** Under which name the related documents are in the database. */
type TargetName<S> = S extends { readonly one: infer T }
  ? T
  : S extends { readonly many: infer T }
    ? T
    : never;
/** The collection that a relation leads to. */
type TargetOf<C extends Context, N> = C extends { W: infer W extends World }
  ? TargetIn<C["F"], W, TargetName<RelationOf<C, N>>>
  : never;
type TargetIn<F extends Run, W extends World, T> = T extends keyof W["Ds"] & string
  ? W["Ds"][T] extends Def
    ? { F: F; D: W["Ds"][T]; W: { Ds: W["Ds"]; Rs: W["Rs"]; K: T } }
    : never
  : never;
/** What the rows have under the relation's name: a list, or one row; null where the reference may be missing or null. */
type RelatedRows<C extends Context, N, S> =
  RelationOf<C, N> extends { readonly many: unknown }
    ? S[]
    : RelationOf<C, N> extends { readonly via: infer V extends PropertyKey }
      ? IsFree<Prop<Doc<C>, V>> extends true
        ? S | null
        : S
      : never;
/**
 * The documents and the refining of each relation, looked up by its name. As conditional types on the name they would be
 * worked out for all names and both kinds with each call of include().
 */
type RelatedDocs<C extends Context> = { [N in RelationName<C>]: Doc<TargetOf<C, N>> };
type Refinables<C extends Context> = { [N in RelationName<C>]: Refinable<C, N> };
/** What refines the documents of a relation: the whole query for many, only what makes sense of one for one. */
type Refinable<C extends Context, N> =
  RelationOf<C, N> extends { readonly many: unknown }
    ? Query<TargetOf<C, N>, Doc<TargetOf<C, N>>>
    : Reference<TargetOf<C, N>, Doc<TargetOf<C, N>>>;

/**
 * The document that a reference leads to, while it is refined inside of include(). Where it does not fit `where` or
 * `filter`, the row has null.
 */
export interface Reference<C extends Context, R> {
  /** Only a type: the document, or null. */
  readonly "~row"?: R;
  /** Gives null instead of a document that does not fit. */
  where(filter: Filter<Doc<C>>): Reference<C, R | null>;
  /** Gives null instead of a document for which `test` is false. */
  filter(test: (document: Doc<C>) => boolean): Reference<C, R | null>;
  /** Only these fields of the document. */
  select<const P extends keyof NonNullable<R> & string>(
    ...fields: P[]
  ): Reference<C, Simplify<Pick<NonNullable<R>, P>> | Extract<R, null>>;
  /** Documents that are related to this one, as in a query. */
  include<const N extends RelationName<C>, S = RelatedDocs<C>[N]>(
    relation: N,
    refine?: (related: Refinables<C>[N]) => { readonly "~row"?: S },
  ): Reference<C, Simplify<NonNullable<R> & { [P in N]: RelatedRows<C, N, S> }> | Extract<R, null>>;
}

/** One page of a longer list, and where the pages before and after it are. */
export interface PageOf<R> {
  readonly items: readonly R[];
  /** Hand to `after` for the next page; null at the end. */
  readonly next: string | null;
  /** Hand to `before` for the page before; null at the start. */
  readonly previous: string | null;
}
export interface PageOptions {
  /** Rows on a page, at least 1. */
  readonly size: number;
  readonly after?: string | null | undefined;
  readonly before?: string | null | undefined;
}

/**
 * What a query and a collection have in common: all that reads. Each method gives a new query; nothing is read before one
 * of the ends (all, first, one, exists, count, aggregate, page, stream) is called.
 */
export interface ReadQuery<C extends Context, R> {
  /** Only a type: the rows. */
  readonly "~row"?: R;
  /**
   * Keeps the documents that fit. Several calls must all hold.
   *
   * Objects in a filter are operators. So a value that a stranger sent as JSON must be checked before it becomes part of
   * one: `where({ token: body.token })` with the body `{ "token": { "ne": "" } }` finds every document with a token.
   * What names one document (get, find, update, replace, upsert, delete) takes values only, and refuses objects.
   *
   * @example
   * db.users.where({ token: z.string().parse(body.token) })
   */
  where(filter: Filter<Doc<C>>): Query<C, R>;
  /** Keeps the documents for which `test` is true. Runs on each document that the filter lets through; no index helps. */
  filter(test: (document: Doc<C>) => boolean): Query<C, R>;
  /** Orders by a field; a further call orders those that are equal so far. At last by id, in the last field's direction. */
  orderBy(path: SinglePath<Doc<C>>, direction?: "asc" | "desc"): Query<C, R>;
  /** Turns the order around. */
  reverse(): Query<C, R>;
  /** At most `count` rows. */
  limit(count: number): Query<C, R>;
  /** Only these fields of each document. */
  select<const P extends keyof R & string>(...fields: P[]): Query<C, Simplify<Pick<R, P>>>;
  /**
   * Puts related documents into each row, under the relation's name: for `many` a list, for `one` the document. `refine`
   * says more about them, in the same words as a query: for `many` which (where, filter), in which order, how many for
   * each row (limit), which fields, and what is related to them in turn; for `one` where, filter, select and include.
   *
   * All of it is of the same state as the rows. The number of reads follows from the query, not from the rows: what the
   * rows refer to is read at once, and so is what refers to them, if an index of that collection begins with the relation's
   * field (else that is a full scan, under the rule of `fullScan`). Rows that refer to the same document share one object.
   *
   * A reference is null in the row where it is missing or null itself, or the document does not fit `where` or `filter`. A
   * reference that leads to no document is null where it is optional; where it is required the end that runs the query
   * fails with DanglingReference, since the row cannot be what its type says. Relations with `onDelete` leave none behind.
   * Counting takes no notice of what is included.
   *
   * @example
   * const posts = await db.posts
   *   .include("author", (author) => author.select("name"))
   *   .include("comments", (comments) => comments.orderBy("at", "desc").limit(3))
   *   .all();
   */
  include<const N extends RelationName<C>, S = RelatedDocs<C>[N]>(
    relation: N,
    refine?: (related: Refinables<C>[N]) => { readonly "~row"?: S },
  ): Query<C, Simplify<R & { [P in N]: RelatedRows<C, N, S> }>>;
  all(): Kind<C["F"], R[], ReadError>;
  first(): Kind<C["F"], R | undefined, ReadError>;
  /** The only row; NotFound if there is none, NotUnique if there are more. */
  one(): Kind<C["F"], R, OneError>;
  exists(): Kind<C["F"], boolean, ReadError>;
  /**
   * How many rows there are. Where an index with `count` or `sum` has the groups that the filter asks for, its cells are
   * read and no documents; `explain()` shows it.
   */
  count(): Kind<C["F"], number, ReadError>;
  /**
   * Figures over the documents of the query: `{ count: true }`, or `sum`, `avg`, `min`, `max` of a field; with `[]` in the
   * path, of the elements of a list. Null and missing values count for nothing. A sum is exact, rounded once at the end.
   * Counts, sums and averages that indexes keep are read from their cells, and no documents; the least and the greatest
   * value at the ends of an index that has them in order.
   *
   * @example
   * const { n, total, last } = await db.orders
   *   .where({ state: "paid" })
   *   .aggregate({ n: { count: true }, total: { sum: "amount" }, last: { max: "at" } });
   */
  aggregate<const A extends Aggregates<Doc<C>>>(
    figures: A,
  ): Kind<C["F"], Simplify<AggregateResult<Doc<C>, A>>, ReadError>;
  /**
   * The same for each group of equal values, in the order of the values, with the values under their paths; null stands
   * for null and missing. With `[]` in a path a document is in the group of each element. Groups are held in memory.
   *
   * @example
   * const cities = await db.users.groupBy("address.city").aggregate({ n: { count: true } });
   * cities[0]?.["address.city"];
   */
  groupBy<const P extends Path<Doc<C>>>(...paths: [P, ...P[]]): Grouped<C, P>;
  page(options: PageOptions): Kind<C["F"], PageOf<R>, PageError>;
  /** Row by row, read as they are consumed, all from one state of the data. */
  stream(): StreamKind<C["F"], R, ReadError>;
  /**
   * Follows the query: calls `onChange` with the first result, and then after each commit that has changed the result.
   * The query is run again only when a commit touched what the last run has read, once for the commits of a turn; results
   * come in order, the next when `onChange` (its promise included) has dealt with the one before.
   *
   * @throws InvalidQuery for a wrong query, or one of a transaction or a snapshot; InvalidOption; Closed; StorageError
   *   'NotSupported' where the engine does not tell of its commits. Later errors go to `options.onError`.
   * @example
   * using live = db.users.where({ city: "Oslo" }).live(({ rows, added, removed }) => draw(rows));
   */
  live(onChange: (result: LiveResult<R>) => void | Promise<void>, options?: LiveOptions): LiveQuery;
  /**
   * The same as a stream, for as long as it is consumed: whoever is slow gets the newest result, told against the last
   * one that was given. Fails with Closed when the database is closed.
   */
  live(): StreamKind<C["F"], LiveResult<R>, ReadError>;
  /**
   * The query as a store to subscribe to: what React's useSyncExternalStore takes. Make it once, not for each rendering.
   *
   * @example
   * const adults = db.users.where({ age: { gte: 18 } }).store();
   * const rows = useSyncExternalStore(adults.subscribe, adults.getSnapshot);
   */
  store(options?: LiveOptions): LiveStore<R>;
  /**
   * How the query would run, about how many rows it would read, which index would serve it better, which counts and
   * sums over its documents would be read from cells, and how what it includes would be found; with `analyze` it runs,
   * and the figures are there too, those of its own rows.
   *
   * @example
   * const { text, advice } = await db.users.where({ city: "Oslo", age: 7 }).explain({ analyze: true });
   */
  explain(options?: { readonly analyze?: boolean }): Kind<C["F"], Explanation, ReadError>;
}

/** The documents of a query in groups. */
export interface Grouped<C extends Context, P extends string> {
  aggregate<const A extends Aggregates<Doc<C>>>(
    figures: A,
  ): Kind<
    C["F"],
    Simplify<{ [Q in P]: GroupValue<Doc<C>, Q> } & AggregateResult<Doc<C>, A>>[],
    ReadError
  >;
}

/** A query: an immutable value, see ReadQuery. What it finds can be changed, too. */
export interface Query<C extends Context, R> extends ReadQuery<C, R> {
  /**
   * Changes all documents of the query, or none, in one transaction, and gives how many there were. At once: two documents
   * may swap unique values. Order and limit count. Needs a condition: for all documents it is `where({})`.
   *
   * @throws InvalidQuery without a condition; StorageError 'TransactionTooLarge' for more than a transaction takes.
   * @example
   * const closed = await db.tasks.where({ state: "open", due: { lt: now } }).update({ state: "late" });
   */
  update(change: Change<C>): Kind<C["F"], number, ReadError | WriteError>;
  /** Deletes all documents of the query in one transaction, and gives how many there were. Needs a condition, as update(). */
  delete(): Kind<C["F"], number, ReadError | WriteError>;
}

/** A scan over one named index; the range methods take the type of the field after the prefix. */
export interface IndexQuery<C extends Context, Next> extends Query<C, Doc<C>> {
  gt(value: Next): IndexQuery<C, Next>;
  gte(value: Next): IndexQuery<C, Next>;
  lt(value: Next): IndexQuery<C, Next>;
  lte(value: Next): IndexQuery<C, Next>;
  /** From `from` (inclusive) to `to` (exclusive). */
  between(from: Next, to: Next): IndexQuery<C, Next>;
  startsWith(prefix: Next extends string ? string : never): IndexQuery<C, Next>;
}

type ValuesOfIndex<C extends Context, N extends string> =
  IndexValues<Doc<C>, OnOf<Indexes<C>[N & keyof Indexes<C>]>> extends infer V extends
    readonly unknown[]
    ? V
    : never;

/** What names one document: its id, or all fields of a unique index. */
export type UniqueWhere<C extends Context> =
  | { readonly id: IdOf<C["D"]> }
  | {
      [K in UniqueIndexName<Indexes<C>>]: {
        readonly [P in Strip<OnOf<Indexes<C>[K]>[number]>]: NonNullable<ValueAt<Doc<C>, P>>;
      };
    }[UniqueIndexName<Indexes<C>>];

/** New values for some fields, or a function from the document to them; `undefined` removes an optional field. */
export type Change<C extends Context> = Patch<Doc<C>> | ((document: Doc<C>) => Patch<Doc<C>>);

/** A collection of documents. It is also a query over all of them. */
export interface Collection<C extends Context> extends ReadQuery<C, Doc<C>> {
  readonly name: C["D"]["name"];
  get(id: IdOf<C["D"]>): Kind<C["F"], Doc<C> | undefined, ReadError>;
  getOrThrow(id: IdOf<C["D"]>): Kind<C["F"], Doc<C>, ReadError | NotFound>;
  /** In the order asked; undefined where there is none. */
  getMany(ids: readonly IdOf<C["D"]>[]): Kind<C["F"], (Doc<C> | undefined)[], ReadError>;
  /** By the id or by all fields of a unique index; one that is being built is waited for (in a transaction: IndexNotReady). */
  find(unique: UniqueWhere<C>): Kind<C["F"], Doc<C> | undefined, ReadError>;
  /** Stores a new document and gives it back with its id and defaults. */
  insert(document: InsertOf<C["D"]>): Kind<C["F"], Doc<C>, WriteError>;
  /** All or none, in one commit. A ValidationError's paths begin with the position of the document that does not fit. */
  insertMany(documents: readonly InsertOf<C["D"]>[]): Kind<C["F"], Doc<C>[], WriteError>;
  update(id: IdOf<C["D"]>, change: Change<C>): Kind<C["F"], Doc<C>, WriteError | NotFound>;
  replace(
    id: IdOf<C["D"]>,
    document: InsertOf<C["D"]>,
  ): Kind<C["F"], Doc<C>, WriteError | NotFound>;
  /**
   * Updates the document that `where` names, or creates it. Finds it as find() does. What is created has the key that
   * `where` names, behind the schema too (which may lower its case), so that the next upsert() finds it: else
   * ValidationError.
   */
  upsert(
    where: UniqueWhere<C>,
    values: { readonly create: InsertOf<C["D"]>; readonly update: Change<C> },
  ): Kind<C["F"], Doc<C>, WriteError | IndexNotReady>;
  /**
   * True if it was there. What refers to it by a relation with `onDelete` is deleted or changed in the same commit, or
   * keeps it: ReferenceViolation.
   */
  delete(id: IdOf<C["D"]>): Kind<C["F"], boolean, WriteError>;
  /**
   * What commits do to the documents of this collection, in the order of commits, each commit once, without end: from now
   * on, or behind `since`. For this the database is opened with the option `changeLog`. What was changed before is not
   * kept, only what was stored: compare with your own copy.
   *
   * For a copy, take `rows` and `version` of the first result of `live()` and follow with that version as `since`. To
   * follow without a gap, also over the end of the process: keep `version` of each change with `endsCommit` together
   * with what you did about it, and begin with it as `since`.
   *
   * What was told survives a power cut, as long as the database is opened with the durability 'durable'; under a weaker one
   * a power cut may take back the newest commits, told or not.
   *
   * Fails with StorageError 'NotSupported' without a change log; 'TooOld' where the log no longer reaches back to `since`,
   * or the database was written without one meanwhile: then read the collection anew. With Closed when the database is
   * closed, with the reason of `signal` when it aborts. InvalidQuery in a transaction or a snapshot.
   *
   * @example
   * for await (const change of db.users.changes({ since })) {
   *   if (change.type === "delete") copy.delete(change.id);
   *   else copy.set(change.id, change.after);
   *   if (change.endsCommit) since = change.version;
   * }
   */
  changes(options?: ChangesOptions): StreamKind<C["F"], ChangeOf<Doc<C>>, ReadError>;
  /**
   * All documents as text, in chunks, in the order of their ids and all from one state of the data: NDJSON (one document a
   * line) or one JSON array. Little of it is in memory at a time. What import() reads back are the same documents, of
   * whatever values: a date is its ISO text, a bigint its digits and bytes are base64 where the schema says the type;
   * where it does not, and for what else JSON lacks, an object of one field such as `{"$date":"2026-01-31T12:00:00.000Z"}`
   * tells it ($bigint, $bytes, $number, $string, $undefined). Data of that form is written with one "$" more.
   *
   * @throws InvalidOption for an unknown option.
   * @example
   * await pipeline(db.users.export(), createWriteStream("users.ndjson"));
   */
  export(options?: ExportOptions): StreamKind<C["F"], string, ReadError>;
  /**
   * Imports documents from a text as export() writes it; one without an `id` gets a new one. The text comes in chunks of
   * any size, strings or UTF-8. Every document goes through the schema, as a stored one would: with codecs in the schema,
   * a field has the form in which it is stored.
   *
   * All is imported in one transaction or nothing, so that the text may have as many bytes as a transaction (256 MiB; it is
   * in memory until then, and StorageError 'TransactionTooLarge' refuses more); `partial: true` imports in batches and has
   * no such limit. Lines that are no documents, that have an id which is there already or a unique key that is taken, or
   * that refer to nothing by a relation with `onDelete`, fail the import with ImportFailed, which names them; see the
   * options. Lines are written one after the other: what one refers to is there already, or stands in a line before it.
   *
   * @throws ImportFailed, InvalidOption.
   * @example
   * const { imported, replaced } = await db.users.import(createReadStream("users.ndjson"), { onExisting: "replace" });
   */
  import(
    source: TextSource,
    options?: ImportOptions,
  ): Kind<C["F"], ImportResult, WriteError | ImportFailed>;
  /**
   * Fills the collection, which must be empty: the fastest way in for millions of documents, indexes included. They are
   * checked like those of insert(), become sorted tables of the engine without passing its log, and are all there when it
   * resolves, durable whatever `durability` says; after an error, an abort or a crash none is. Memory holds as much as the
   * engine sorts at a time. An array, a generator or any other source of documents will do.
   *
   * Until it ends, every other operation on the collection waits for it; a transaction that has written to it, and is not
   * committed yet, runs again. In a transaction or a snapshot there is no load. Where relations with `onDelete` join it to
   * other collections, writes to those wait as well.
   *
   * What such relations refer to must be there: in another collection before the load, in this one among the documents, in
   * any order. That costs a look-up for each reference, those of a thousand documents at once; for references within the
   * collection a pass over its rows on top, at the end.
   *
   * @throws CollectionNotEmpty where there are documents; ValidationError, its paths beginning with the document's position;
   *   UniqueViolation where an id or a unique key comes twice. `existingId` is "" where it is not known which id it was:
   *   where ids of your own come in no order. ReferenceViolation for a document that refers to nothing; `position` is its
   *   place among the documents.
   * @example
   * await db.cities.load(allCities.map(({ name, population }) => ({ name, population })));
   */
  load(
    documents: Iterable<InsertOf<C["D"]>> | AsyncIterable<InsertOf<C["D"]>>,
    options?: LoadOptions,
  ): Kind<C["F"], LoadResult, WriteError | CollectionNotEmpty>;
  /**
   * Scans one index: `prefix` fixes its leading fields, the range methods bound the next one. One that is being built is
   * waited for; in a transaction or a snapshot that shows it unfinished that is IndexNotReady.
   */
  index<const N extends IndexName<Indexes<C>>, const P extends PrefixOf<ValuesOfIndex<C, N>>>(
    name: N,
    ...prefix: P
  ): IndexQuery<C, NextOf<ValuesOfIndex<C, N>, P>>;
}

/** A typed view of each collection of a list of definitions, under the list's names. */
export type Collections<F extends Run, Ds, Rs = {}> = {
  readonly [K in keyof Ds & string]: Collection<{
    F: F;
    D: Ds[K] extends Def ? Ds[K] : never;
    W: { Ds: Ds & object; Rs: Rs & object; K: K };
  }>;
};
export type Defs = { readonly [name: string]: Def };
