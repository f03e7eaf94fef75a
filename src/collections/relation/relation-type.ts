/** Relations between collections as types: plain data, declared once for all collections of a database. */
import type { Def, DocOf, IdOf } from "../collection-type.ts";
import type { AllKeys, Prop } from "../schema/document-type.ts";

/** Definitions by the names under which a database has them. */
type Definitions = { readonly [name: string]: Def };

/** The fields of From's documents that hold an id of To's. */
type ReferenceField<From, To> = ReferenceFieldOf<DocOf<From>, IdOf<To>>;
type ReferenceFieldOf<T, Id> = {
  [K in AllKeys<T>]: K extends "id" ? never : NonNullable<Prop<T, K>> extends Id ? K : never;
}[AllKeys<T>];
/** Those of them that may be missing or null. */
type FreeReferenceField<From, To> = FreeReferenceFieldOf<DocOf<From>, ReferenceField<From, To>>;
type FreeReferenceFieldOf<T, K extends string> = K extends K
  ? IsFree<Prop<T, K>> extends true
    ? K
    : never
  : never;

/** May a value be missing or null? */
export type IsFree<V> = undefined extends V ? true : null extends V ? true : false;

/**
 * One relation of the collection `Self`, of one of two kinds.
 *
 * `{ one, via }`: the field `via` of Self's documents holds the id of a document of the collection `one`. Without
 * `onDelete` it is a link, and nothing is promised about the other end. With `onDelete` it is kept whole: a document can
 * only be written if what it refers to exists, and when that is deleted, what refers to it
 * - keeps it from being deleted, by ReferenceViolation ('restrict');
 * - is deleted with it, and so on from there ('cascade');
 * - loses the field ('unset'), which becomes null where it may be null but not missing.
 * That needs an index of Self's collection that begins with `via` and has an entry for every document.
 *
 * `{ many, via }`: the documents of the collection `many` whose field `via` holds Self's id. The other end of the same
 * link; it promises nothing by itself.
 */
export type RelationSpec<Ds, Self extends keyof Ds> = {
  [T in keyof Ds]:
    | {
        readonly one: T;
        readonly via: ReferenceField<Ds[Self], Ds[T]>;
        readonly onDelete?: "restrict" | "cascade";
      }
    | {
        readonly one: T;
        readonly via: FreeReferenceField<Ds[Self], Ds[T]>;
        readonly onDelete: "unset";
      }
    | { readonly many: T; readonly via: ReferenceField<Ds[T], Ds[Self]> };
}[keyof Ds];

/**
 * The relations of a database: for each collection its relations by name.
 *
 * @example
 * const db = await open("./data", {
 *   collections: { users: Users, posts: Posts },
 *   relations: {
 *     users: { posts: { many: "posts", via: "authorId" } },
 *     posts: { author: { one: "users", via: "authorId", onDelete: "cascade" } },
 *   },
 * });
 */
export type RelationSpecs<Ds extends Definitions> = {
  readonly [K in keyof Ds]?: { readonly [relation: string]: RelationSpec<Ds, K> };
};

/** The parts of a relation. */
type SpecPart = "one" | "many" | "via" | "onDelete";
/** Relations without what is none: a collection that is not there, a misspelt `onDelete`. */
export type ExactRelations<Ds, Rs> = {
  readonly [K in keyof Rs]: K extends keyof Ds
    ? {
        readonly [N in keyof Rs[K]]: {
          readonly [P in Exclude<keyof Rs[K][N], SpecPart>]: never;
        };
      }
    : never;
};
