/**
 * Filters as frozen trees: what parsing gives, and what the evaluator, the planner and partial indexes work on.
 *
 * Always true:
 * (1) Logic is two-valued: a document matches or it does not. A missing field and null are one value (nullish).
 * (2) compare with gt, gte, lt or lte matches only values of the operand's type class, so never nullish ones; the operand
 *     is never nullish or boolean.
 * (3) `values` of `in` are at least two, sorted and distinct by compareValues.
 * (4) Paths of compare, in, startsWith and size lead to one value; those of has and some go through each element.
 * (5) Trees are simplified: no `and` in `and`, no `or` in `or`, no `not` of `not`, no `all` or `none` below the root
 *     other than inside of `some`.
 */
import type { FieldPath } from "../path/field-path.ts";
import type { Scalar } from "../schema/document-type.ts";

export type CompareOp = "eq" | "gt" | "gte" | "lt" | "lte";

export interface CompareNode {
  readonly kind: "compare";
  readonly path: FieldPath;
  readonly op: CompareOp;
  readonly value: Scalar;
}
export interface InNode {
  readonly kind: "in";
  readonly path: FieldPath;
  readonly values: readonly Scalar[];
}
export interface StartsWithNode {
  readonly kind: "startsWith";
  readonly path: FieldPath;
  readonly prefix: string;
}
/** One element of an array of scalars equals the value. */
export interface HasNode {
  readonly kind: "has";
  /** 'tags[]' */
  readonly path: FieldPath;
  readonly value: Scalar;
}
/** The field is an array of so many elements. */
interface SizeNode {
  readonly kind: "size";
  readonly path: FieldPath;
  readonly size: number;
}
/** One element of an array of objects matches the node, whose paths begin at the element. */
export interface SomeNode {
  readonly kind: "some";
  /** 'items[]' */
  readonly path: FieldPath;
  readonly node: FilterNode;
}
export interface GroupNode {
  readonly kind: "and" | "or";
  readonly nodes: readonly FilterNode[];
}
interface NotNode {
  readonly kind: "not";
  readonly node: FilterNode;
}
export type FilterNode =
  | { readonly kind: "all" }
  | { readonly kind: "none" }
  | GroupNode
  | NotNode
  | CompareNode
  | InNode
  | StartsWithNode
  | HasNode
  | SizeNode
  | SomeNode;

export const ALL: FilterNode = Object.freeze({ kind: "all" });
export const NONE: FilterNode = Object.freeze({ kind: "none" });
