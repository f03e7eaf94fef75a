/**
 * What may stand where in a collection's documents, as far as the schema tells: what filters, indexes and the catalog
 * know about fields. A shape describes stored documents, so of a codec its output.
 *
 * Always true:
 * (1) A union is flat, has two members or more, at most one of each kind but literals merged in, and no unknown member:
 *     what may be anything is `unknown`.
 * (2) A field that may be missing has `undefined` among its kinds; one that may be null has `null`.
 * (3) Shapes are finite and frozen: a schema that contains itself is `unknown` where it begins again.
 */

export type LeafKind =
  | "string"
  | "number"
  | "boolean"
  | "bigint"
  | "date"
  | "bytes"
  | "id"
  | "null"
  | "undefined";
export type LiteralValue = string | number | bigint | boolean;

/** A value without fields. `id` is a string that is the id of a document in another collection. */
export interface LeafShape {
  readonly kind: LeafKind;
  /** The only values there are; without it all of the kind. */
  readonly values?: readonly LiteralValue[];
  /** Of an id: the collection it points into. */
  readonly collection?: string;
}
export interface ObjectShape {
  readonly kind: "object";
  readonly fields: ReadonlyMap<string, FieldShape>;
  /** May there be other fields too? */
  readonly open: boolean;
  /** What the other fields of an open object hold. */
  readonly rest?: FieldShape;
  /** Fields that an input may leave out although documents always have them. */
  readonly defaults: ReadonlySet<string>;
}
export interface ArrayShape {
  readonly kind: "array";
  readonly element: FieldShape;
}
interface UnionShape {
  readonly kind: "union";
  readonly members: readonly MemberShape[];
}
export interface UnknownShape {
  readonly kind: "unknown";
}
/** What is no union. */
export type MemberShape = LeafShape | ObjectShape | ArrayShape | UnknownShape;
export type FieldShape = MemberShape | UnionShape;

export const UNKNOWN_SHAPE: UnknownShape = Object.freeze({ kind: "unknown" });
export const UNDEFINED_SHAPE: LeafShape = Object.freeze({ kind: "undefined" });
export const NULL_SHAPE: LeafShape = Object.freeze({ kind: "null" });
export const STRING_SHAPE: LeafShape = Object.freeze({ kind: "string" });

export function leafShape(kind: LeafKind, values?: readonly LiteralValue[]): LeafShape {
  if (values === undefined) return Object.freeze({ kind });
  return Object.freeze({ kind, values: Object.freeze([...new Set(values)]) });
}

export function arrayShape(element: FieldShape): ArrayShape {
  return Object.freeze({ kind: "array", element });
}

/** An object; with `rest` it is open. */
export function objectShape(
  fields: Iterable<readonly [string, FieldShape]>,
  options: { readonly rest?: FieldShape | undefined; readonly defaults?: Iterable<string> } = {},
): ObjectShape {
  const { rest } = options;
  return Object.freeze({
    kind: "object",
    fields: new Map(fields),
    open: rest !== undefined,
    ...(rest === undefined ? {} : { rest }),
    defaults: new Set(options.defaults),
  });
}

/** What the documents of a schema look like that says nothing about itself. */
export const OPAQUE_SHAPE: ObjectShape = objectShape([], { rest: UNKNOWN_SHAPE });

/** A shape as the list of its alternatives. */
export function membersOf(shape: FieldShape): readonly MemberShape[] {
  return shape.kind === "union" ? shape.members : [shape];
}
