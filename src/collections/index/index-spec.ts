/** Index declarations as types: plain data in the collection's definition. */
import type { Filter } from "../filter/filter-type.ts";
import type { Path, SinglePath, ValueAt } from "../path/path-type.ts";

type Field<T> = Path<T> | `-${Path<T>}`;
type FieldList<T> = readonly [Field<T>, ...Field<T>[]];

/** The paths of T that hold numbers, or bigints, and nothing else but null and undefined. */
export type NumberPath<T> = {
  [P in SinglePath<T>]: [NonNullable<ValueAt<T, P>>] extends [number]
    ? P
    : [NonNullable<ValueAt<T, P>>] extends [bigint]
      ? P
      : never;
}[SinglePath<T>];
/** The paths of T that hold dates, and nothing else but null and undefined. */
type DatePath<T> = {
  [P in SinglePath<T>]: [NonNullable<ValueAt<T, P>>] extends [Date] ? P : never;
}[SinglePath<T>];
/** How long after a date: '90s', '15m', '1.5h', '30d'. */
type Duration = `${number}${"s" | "m" | "h" | "d"}`;
/** What the long form of an index with entries has beside its fields. */
interface EntryOptions<T> {
  readonly unique?: boolean;
  readonly where?: Filter<T>;
  readonly include?: readonly (keyof T & string)[];
}
/** Which documents a count or sum is of: all, or each group with equal values in `by`; of those that fit `where`. */
interface Grouping<T> {
  readonly by?: readonly SinglePath<T>[];
  readonly where?: Filter<T>;
}

/**
 * One index. A list of paths, outermost first; `-` in front of a path makes it descending, `[]` behind a field makes one
 * entry for each element. The long form adds: `unique` (documents where one of the fields is null or missing do not
 * count), `where` (only the documents that fit the filter have entries), `include` (fields stored in the entry, so that
 * a query that needs no others reads no documents).
 *
 * `expire` makes an index over one date delete documents: with "30d" when thirty days have passed since the date, with true
 * when the date is reached. The unit is s, m, h or d, and the whole at most 36500d. Only documents with an entry expire, so
 * not those that `where` leaves out, nor where the date is null or missing. They are deleted within a minute of their time,
 * later only if so many are due at once that they take longer, or while the database is closed; until then they are there
 * like all others. The time is that of the machine's clock: set wrong by an hour, documents go an hour early or late. What
 * `expire` says may change from one opening to the next, and no entry is built anew for it.
 *
 * With `count: true`, or `sum` and the path of a number or bigint, the index has no entries: it keeps the count, or the
 * exact sum and the count, of all documents or of each group with equal values of the `by` fields. Every write of a
 * document adds to the cells of its group, one cell for a count and two to four for a sum; a group that has lost all its
 * documents keeps them, some 20 bytes each, so `by` is for fields whose values come back.
 */
export type IndexSpec<T> =
  | FieldList<T>
  | (EntryOptions<T> & { readonly on: FieldList<T>; readonly expire?: undefined })
  | (EntryOptions<T> & {
      readonly on: readonly [DatePath<T> | `-${DatePath<T>}`];
      readonly expire: Duration | true;
    })
  | (Grouping<T> & { readonly count: true })
  | (Grouping<T> & { readonly sum: NumberPath<T> });
export type IndexSpecs<T> = { readonly [name: string]: IndexSpec<T> };

/** The parts of an index's long form. */
type SpecPart<S> = S extends { readonly count: unknown }
  ? "count" | "by" | "where"
  : S extends { readonly sum: unknown }
    ? "sum" | "by" | "where"
    : "on" | "unique" | "where" | "include" | "expire";
/**
 * Index declarations with no part that is none, such as a misspelt `unique`: the compiler does not look for what is too
 * much in a type that it infers.
 */
export type ExactSpecs<I> = {
  readonly [K in keyof I]: I[K] extends readonly unknown[]
    ? unknown
    : { readonly [P in Exclude<keyof I[K], SpecPart<I[K]>>]: never };
};

/** The list of paths of a spec. */
export type OnOf<S> = S extends readonly string[]
  ? S
  : S extends { readonly on: infer O extends readonly string[] }
    ? O
    : never;
/** A path without its direction. */
export type Strip<P> = P extends `-${infer Q}` ? Q : P extends string ? P : never;
/** The values of an index's fields as a tuple. */
export type IndexValues<T, O extends readonly string[]> = {
  -readonly [I in keyof O]: NonNullable<ValueAt<T, Strip<O[I]>>>;
};
/** The type of the field after the prefix P. */
export type NextOf<V, P extends readonly unknown[]> = P["length"] extends keyof V
  ? V[P["length"]]
  : `${P["length"]}` extends keyof V
    ? V[`${P["length"]}`]
    : never;
/** All leading parts of a tuple. */
export type PrefixOf<V extends readonly unknown[]> = V extends readonly [...infer H, unknown]
  ? Readonly<V> | PrefixOf<H>
  : readonly [];
/** The names of the indexes that can be scanned: not of those that count or sum. */
export type IndexName<I> = {
  [K in keyof I]: [OnOf<I[K]>] extends [never] ? never : K;
}[keyof I] &
  string;
export type UniqueIndexName<I> = {
  [K in keyof I]: I[K] extends { readonly on: readonly string[]; readonly unique: true }
    ? K
    : never;
}[keyof I];
