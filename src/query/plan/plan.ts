/**
 * How a query is answered, as a value: what is read, what is still checked, and where the order comes from. A plan is
 * made once, then printed or run; running it decides nothing.
 */
import type { BoundIndex, FilterNode, Scalar } from "../../collections/index.ts";
import type { Predicate } from "../query-request.ts";
import type { Bound } from "./key-ranges.ts";
import type { Order } from "./order.ts";

/** The values of fields, by path, that are the same in all that an access gives. */
export type FixedValues = ReadonlyMap<string, Scalar>;

/** Reads documents by their ids, in the order of their keys. */
export interface GetAccess {
  readonly kind: "get";
  readonly ids: readonly string[];
  readonly fixed: FixedValues;
}
/** Reads documents in the order of their keys. */
export interface ScanAccess {
  readonly kind: "scan";
  /** All documents are read, not ranges of ids. */
  readonly whole: boolean;
  readonly bounds: readonly Bound[];
  readonly fixed: FixedValues;
}
/** Reads entries of an index, and the documents that they refer to. */
export interface IndexAccess {
  readonly kind: "index";
  readonly index: BoundIndex;
  readonly bounds: readonly Bound[];
  readonly fixed: FixedValues;
  /** The index's entries say all that is asked, so that no document is read. */
  readonly covered: boolean;
  /** Where a document may have several entries in these bounds: only the first one in the order of keys counts. */
  readonly firstIn: readonly Bound[] | undefined;
  /**
   * The same bounds in parts, each of which is in the order asked for, so that merging them is. A document has one entry
   * in a part at most. Undefined: not needed, or there are none.
   */
  readonly parts: readonly AccessPart[] | undefined;
}
/** The bounds of one list of values for the leading fields, and those values with all that is fixed anyway. */
export type AccessPart = Pick<IndexAccess, "bounds" | "fixed">;
export type Access = GetAccess | ScanAccess | IndexAccess;

/** What is read side by side of an access that gives an order: its parts, or itself. */
export function partsOf(access: Access): readonly Access[] {
  if (access.kind !== "index" || access.parts === undefined) return [access];
  return access.parts.map((part) => ({ ...access, ...part, parts: undefined }));
}

/** A part of the answer. */
export interface Branch {
  readonly access: Access;
  /** What the access does not answer by itself. */
  readonly residual: FilterNode;
  /** All that holds for this branch's documents. */
  readonly filter: FilterNode;
  /**
   * The filters of the branches before: what fits one of them was given there. Empty in a merge, where a document comes
   * from all of its branches at once.
   */
  readonly except: readonly FilterNode[];
  /** In a merge: it is scanned the other way round than the plan says, for so its index lies. */
  readonly turned: boolean;
}

export interface Plan {
  readonly collection: string;
  /** Read one after the other, or side by side if they are merged. Empty: nothing can fit. */
  readonly branches: readonly Branch[];
  readonly predicates: readonly Predicate[];
  /** The scans run backwards, and the branches from the last to the first. */
  readonly backward: boolean;
  /** merge: each branch, or each of its parts (IndexAccess.parts), is in order; of all of them the least row comes next. */
  readonly sort: "none" | "index" | "merge" | "memory";
  /** Undefined: the order of the scans. */
  readonly order: Order | undefined;
  readonly limit: number | undefined;
  readonly select: readonly string[] | undefined;
  readonly filter: FilterNode;
  /**
   * Of a plan that reads in order and hopes for its limit: the plan by which it is gone on with, behind the last row given,
   * when so many keys were read and the limit is not reached. It has the same rows in the same order.
   */
  readonly instead: { readonly plan: Plan; readonly afterKeys: number } | undefined;
  /** Every document may have to be looked at, although not all are asked for. */
  readonly fullScan: boolean;
  /** Fields of indexes that would help, as in a definition; empty if none is needed, or none would. */
  readonly suggestion: readonly (readonly string[])[];
  readonly warnings: readonly string[];
}
