/**
 * How a query is answered, as a value: what is read, what is still checked, and where the order comes from. A plan is
 * made once, then printed or run; running it decides nothing.
 */
import type { BoundIndex, FilterNode, Scalar } from "../../collections/index.ts";
import type { Predicate } from "../query-request.ts";
import type { Bound } from "./key-ranges.ts";
import type { Order } from "./order.ts";

/** Reads documents by their ids, in the order of their keys. */
export interface GetAccess {
  readonly kind: "get";
  readonly ids: readonly string[];
}
/** Reads documents in the order of their keys. */
export interface ScanAccess {
  readonly kind: "scan";
  /** All documents are read, not ranges of ids. */
  readonly whole: boolean;
  readonly bounds: readonly Bound[];
}
/** Reads entries of an index, and the documents that they refer to. */
export interface IndexAccess {
  readonly kind: "index";
  readonly index: BoundIndex;
  readonly bounds: readonly Bound[];
  /** The values of fields, by path, that are the same in all results. */
  readonly fixed: ReadonlyMap<string, Scalar>;
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

/** A part of the answer. */
export interface Branch {
  readonly access: Access;
  /** What the access does not answer by itself. */
  readonly residual: FilterNode;
  /** All that holds for this branch's documents. */
  readonly filter: FilterNode;
  /** The filters of the branches before: what fits one of them was given there. */
  readonly except: readonly FilterNode[];
}

export interface Plan {
  readonly collection: string;
  /** Read one after the other. Empty: nothing can fit. */
  readonly branches: readonly Branch[];
  readonly predicates: readonly Predicate[];
  /** The scans run backwards, and the branches from the last to the first. */
  readonly backward: boolean;
  /** merge: the one branch has parts (IndexAccess.parts), of which the least row comes next. */
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
