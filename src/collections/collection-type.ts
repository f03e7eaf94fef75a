/** A collection's definition as a type, and the document types that follow from it. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { CollectionDefinition } from "./collection-definition.ts";
import type { ExactSpecs, IndexSpecs } from "./index/index-spec.ts";
import type { Id, Simplify, WithId } from "./schema/document-type.ts";

/** What `collection()` gives: the definition, with the types of its documents beside it. */
export interface Def<
  N extends string = string,
  In = any, // type kernel: a definition of any documents
  Out = any, // type kernel: a definition of any documents
  I = any, // type kernel: a definition with any indexes
> {
  readonly name: N;
  readonly definition: CollectionDefinition;
  /** Only a type: what insert() takes. */
  readonly "~in"?: In;
  /** Only a type: what is stored and read. */
  readonly "~out"?: Out;
  /** Only a type: the indexes as declared. */
  readonly "~indexes"?: I;
}

/** What `collection()` gives: a definition that can go on to the next version of its schema. */
export interface Definition<
  N extends string = string,
  In = any, // type kernel: a definition of any documents
  Out = any, // type kernel: a definition of any documents
  I = any, // type kernel: a definition with any indexes
> extends Def<N, In, Out, I> {
  /**
   * The next version of the schema. `up` makes of a document of the version before, without its id, what the next schema
   * takes; the id comes second. `options.indexes` are the indexes of the collection from now on, all of them.
   *
   * Documents carry their version. Those of earlier versions are brought up when they are read, step by step, so that
   * queries, indexes, feeds and writes only ever see the newest one. At the first use of the collection every document is
   * tried, and nothing is changed where one fails; then, in the background, all are written anew and every index is built
   * anew, after a crash from where that had come. `ready()` waits for it.
   *
   * `up` is synchronous and gives the same for the same document, whatever the time or the day: as long as a document is
   * not written anew it runs at each reading, and so do the defaults of the next schema.
   *
   * A version stays in the program for as long as there may be a database with documents of it, and its schema stays as
   * it was stored; what needs no step (a field that is optional or has a default, a wider enum, an index) may be added to
   * the last one.
   *
   * @throws InvalidDefinition, as collection() does, and where `up` is no function, or an async one. Reading fails with
   *   EvolutionFailed where `up` throws or gives what the next schema refuses.
   * @example
   * const Users = collection("users", z.object({ fullName: z.string() })).evolve(
   *   z.object({ first: z.string(), last: z.string() }),
   *   ({ fullName }) => ({ first: fullName.split(" ")[0] ?? "", last: fullName.split(" ").at(-1) ?? "" }),
   *   { indexes: { byLast: ["last"] } },
   * );
   */
  evolve<S2 extends ObjectSchema, const I2 extends IndexSpecs<WithId<N, OutputOf<S2>>> = {}>(
    schema: S2,
    up: Upgrade<Out, N, S2>,
    options?: CollectionOptions<I2>,
  ): Definition<N, InputOf<S2>, OutputOf<S2>, I2>;
}
/**
 * The function from a document of one version to an input of the next. A condition, and not the function itself: only so
 * the compiler knows the schema while it looks at what the function gives, and takes "a" for a word of an enum.
 */
type Upgrade<Old, N extends string, S> = S extends ObjectSchema
  ? (old: Old, id: Id<N>) => InputOf<S>
  : never;
/** What a schema takes. */
export type InputOf<S extends ObjectSchema> = StandardSchemaV1.InferInput<S>;
/** What a schema gives, and documents are. */
export type OutputOf<S extends ObjectSchema> = StandardSchemaV1.InferOutput<S>;

export interface CollectionOptions<I> {
  /** Indexes by name. Default: none. */
  readonly indexes?: I & ExactSpecs<I>;
}

/**
 * Any schema that gives objects: zod, or another library that speaks Standard Schema. It answers at once, and a document
 * goes through it unchanged, for it does so again with every update; what it makes of an input is kept, so trimming and
 * defaults are fine, and so is a codec. Indexes and filters are held against the fields of zod's schemas only.
 */
export type ObjectSchema = StandardSchemaV1<unknown, object>;

/** A document of a collection as it is read. */
export type DocOf<D> =
  // type kernel: inference from a definition needs the wildcards
  D extends Def<infer N, any, infer O, any> ? WithId<N, O> : never;
/** A document of a collection as insert() takes it: fields with defaults and the id may be left out. */
export type InsertOf<D> =
  // type kernel: inference from a definition needs the wildcards
  D extends Def<infer N, infer T, any, any>
    ? T extends T
      ? Simplify<{ readonly id?: Id<N> | undefined } & T>
      : never
    : never;
/** The id of a collection's documents. */
export type IdOf<D> =
  // type kernel: inference from a definition needs the wildcards
  D extends Def<infer N, any, any, any> ? Id<N> : never;
