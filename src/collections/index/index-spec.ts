/** Index declarations as types: plain data in the collection's definition. */
import type { Filter } from "../filter/filter-type.ts";
import type { Path, ValueAt } from "../path/path-type.ts";

type Field<T> = Path<T> | `-${Path<T>}`;
type FieldList<T> = readonly [Field<T>, ...Field<T>[]];

/**
 * One index. A list of paths, outermost first; `-` in front of a path makes it descending, `[]` behind a field makes one
 * entry for each element. The long form adds: `unique` (documents where one of the fields is null or missing do not
 * count), `where` (only the documents that fit the filter have entries), `include` (fields stored in the entry, so that
 * a query that needs no others reads no documents).
 */
export type IndexSpec<T> =
  | FieldList<T>
  | {
      readonly on: FieldList<T>;
      readonly unique?: boolean;
      readonly where?: Filter<T>;
      readonly include?: readonly (keyof T & string)[];
    };
export type IndexSpecs<T> = { readonly [name: string]: IndexSpec<T> };

/** The parts of an index's long form. */
type SpecPart = "on" | "unique" | "where" | "include";
/**
 * Index declarations with no part that is none, such as a misspelt `unique`: the compiler does not look for what is too
 * much in a type that it infers.
 */
export type ExactSpecs<I> = {
  readonly [K in keyof I]: I[K] extends readonly unknown[]
    ? unknown
    : { readonly [P in Exclude<keyof I[K], SpecPart>]: never };
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
export type IndexName<I> = keyof I & string;
export type UniqueIndexName<I> = {
  [K in keyof I]: I[K] extends { readonly on: readonly string[]; readonly unique: true }
    ? K
    : never;
}[keyof I];
