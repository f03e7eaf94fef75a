/** A collection's definition as a type, and the document types that follow from it. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { CollectionDefinition } from "./collection-definition.ts";
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
