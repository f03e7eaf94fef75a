/**
 * A plan cut at a row: what a page after, or before, another one reads. Cutting is pure: it narrows bounds, so that a
 * page in the middle costs what the first one does, and the run below knows nothing of pages.
 */
import { compareBytes, nextKey, prefixEnd } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { compareValues } from "../../collections/index.ts";
import type { CollectionLayout, Scalar } from "../../collections/index.ts";
import { isEmptyRange } from "../../engine/contract/index.ts";
import type { Bound } from "../plan/key-ranges.ts";
import { directionOfDocuments, directionOfIndex } from "../plan/order.ts";
import type { Order } from "../plan/order.ts";
import { partsOf } from "../plan/plan.ts";
import type { Access, Branch, FixedValues, IndexAccess, Plan } from "../plan/plan.ts";
import { EntryKeys, idSuffix } from "./entry-key.ts";
import type { PagePosition } from "./page-cursor.ts";
import type { Place } from "./sort-rows.ts";

/** Only rows behind a place are wanted. */
export interface Beyond {
  readonly place: Place;
  /** The row at the place itself too. */
  readonly inclusive: boolean;
}
/** Where the rows of a run begin, if not with the first one. */
export interface Cut {
  /** What the scans of the plan do not see of the cut. */
  readonly beyond: Beyond | undefined;
  /** The same for a plan that was not cut and has the same order. */
  readonly start: Beyond | undefined;
}
export interface ClippedPlan {
  readonly plan: Plan;
  readonly cut: Cut;
}

/** The same rows in the opposite order. */
export function reversedPlan(plan: Plan): Plan {
  const { instead, order } = plan;
  const turned: Order | undefined =
    order === undefined
      ? undefined
      : {
          fields: order.fields.map(({ path, descending }) => ({ path, descending: !descending })),
          idDescending: !order.idDescending,
        };
  return Object.freeze({
    ...plan,
    backward: !plan.backward,
    order: turned,
    instead: instead === undefined ? undefined : { ...instead, plan: reversedPlan(instead.plan) },
  });
}

/** The rows of the plan that come after the position, in the plan's order. */
export function clippedPlan(
  plan: Plan,
  layout: CollectionLayout,
  position: PagePosition,
): ClippedPlan {
  const inclusive = position.side === "before";
  // In the order of keys the rows that come lie above the cut, unless they are scanned backwards.
  const above = !plan.backward;
  if (position.kind === "scan") {
    const branches = plan.branches.flatMap((branch, i) => {
      if (i !== position.branch) return i > position.branch === above ? [branch] : [];
      return clippedBranch(branch, position.key, above, inclusive, layout);
    });
    const cut = { beyond: undefined, start: undefined };
    return { plan: Object.freeze({ ...plan, branches }), cut };
  }
  const { place } = position;
  const start = { place, inclusive };
  if (plan.sort === "memory") return { plan, cut: { beyond: start, start } };
  let isExact = true;
  const branches = plan.branches.flatMap((branch) => {
    const { access, turned } = branch;
    const parts = partsOf(access).flatMap((part) => {
      const clipped = clippedInOrder(part, plan.order!, start, above !== turned, layout);
      isExact &&= clipped.isExact;
      return clipped.left === undefined ? [] : [clipped.left];
    });
    const [only] = parts;
    if (only === undefined) return [];
    if (access.kind !== "index" || access.parts === undefined) return [{ ...branch, access: only }];
    const left = parts as readonly IndexAccess[];
    const bounds = left.flatMap((part) => part.bounds);
    return [{ ...branch, access: { ...access, bounds, parts: left } }];
  });
  const cut = { beyond: isExact ? undefined : start, start };
  return { plan: Object.freeze({ ...plan, branches }), cut };
}

interface ClippedPart {
  /** Undefined: nothing of it. */
  readonly left: Access | undefined;
  /** Are all rows of it behind the place? */
  readonly isExact: boolean;
}

/** Cuts what is in order by itself: an access, or a part of one. */
function clippedInOrder(
  part: Access,
  order: Order,
  beyond: Beyond,
  above: boolean,
  layout: CollectionLayout,
): ClippedPart {
  const { fixed } = part;
  const direction =
    part.kind === "index"
      ? directionOfIndex(order, part.index, fixed)
      : directionOfDocuments(order, fixed);
  // It has one document, for which every order will do; its key says nothing of this one.
  if (direction === undefined) return { left: part, isExact: false };
  const { inclusive, place } = beyond;
  const parting = partingOf(order, fixed, place);
  if (part.kind === "index") {
    const { cut, isExact } = cutOf(part, order, beyond, parting, above);
    const bounds = part.bounds.flatMap((bound) => clippedBound(bound, cut, above));
    return { left: bounds.length === 0 ? undefined : { ...part, bounds }, isExact };
  }
  if (parting !== undefined) return { left: parting.isBehind ? part : undefined, isExact: true };
  const left = clippedAccess(part, idSuffix(place.id), above, inclusive, layout);
  return { left, isExact: true };
}

/** Where all rows of a part have another value than the place in a field of the order. */
interface Parting {
  /** So many fields of the order before it are not the same in all rows. */
  readonly free: number;
  /** The rows that have the place's values in those stand behind it, not before. */
  readonly isBehind: boolean;
}

function partingOf(order: Order, fixed: FixedValues, place: Place): Parting | undefined {
  let free = 0;
  for (const [i, { descending, path }] of order.fields.entries()) {
    if (!fixed.has(path.text)) free++;
    else {
      const difference = compareValues(fixed.get(path.text), place.values[i]);
      if (difference !== 0) return { free, isBehind: difference > 0 !== descending };
    }
  }
  return undefined;
}

/** The key before which, or from which on, the entries of the part are not wanted. */
function cutOf(
  part: IndexAccess,
  order: Order,
  { inclusive, place }: Beyond,
  parting: Parting | undefined,
  above: boolean,
): { readonly cut: Bytes; readonly isExact: boolean } {
  const keys = new EntryKeys(part.index);
  const values = valuesAt(part, order, place, parting);
  if (parting !== undefined) {
    const beginning = keys.beginning(values);
    const cut = above === parting.isBehind ? beginning : prefixEnd(beginning)!;
    return { cut, isExact: true };
  }
  const { exclusive, key } = keys.of(values, place.id);
  // Another document may have taken over the row's unique key.
  const cut = above === (inclusive || exclusive) ? key : nextKey(key);
  return { cut, isExact: !exclusive };
}

/** What the fields of the index are in a row of the part at the place; with a parting, those before it alone. */
function valuesAt(
  { fixed, index }: IndexAccess,
  order: Order,
  place: Place,
  parting: Parting | undefined,
): readonly Scalar[] {
  const values: Scalar[] = [];
  let free = 0;
  for (const { path } of index.fields) {
    const isFixed = fixed.has(path.text);
    if (!isFixed && free++ === parting?.free) break;
    const at = order.fields.findIndex((field) => field.path.text === path.text);
    values.push(isFixed ? fixed.get(path.text) : place.values[at]);
  }
  return values;
}

/** `key` stands behind what all keys of the access begin with. */
function clippedBranch(
  branch: Branch,
  key: Bytes,
  above: boolean,
  inclusive: boolean,
  layout: CollectionLayout,
): readonly Branch[] {
  const access = clippedAccess(branch.access, key, above, inclusive, layout);
  return access === undefined ? [] : [{ ...branch, access }];
}

function clippedAccess(
  access: Access,
  key: Bytes,
  above: boolean,
  inclusive: boolean,
  layout: CollectionLayout,
): Access | undefined {
  if (access.kind === "get") {
    const ids = access.ids.filter((id) => {
      const order = compareBytes(idSuffix(id), key);
      return order === 0 ? inclusive : order > 0 === above;
    });
    return ids.length === 0 ? undefined : { ...access, ids };
  }
  const prefix = access.kind === "index" ? access.index.prefix : layout.documents.start;
  const whole = new Uint8Array(prefix.length + key.length);
  whole.set(prefix);
  whole.set(key, prefix.length);
  const cut = above === inclusive ? whole : nextKey(whole);
  const bounds = access.bounds.flatMap((bound) => clippedBound(bound, cut, above));
  return bounds.length === 0 ? undefined : { ...access, bounds };
}

function clippedBound({ range, text }: Bound, cut: Bytes, above: boolean): readonly Bound[] {
  const { start, end } = range;
  const clipped = above
    ? { start: compareBytes(cut, start) > 0 ? cut : start, end }
    : { start, end: end === undefined || compareBytes(cut, end) < 0 ? cut : end };
  return isEmptyRange(clipped) ? [] : [{ range: clipped, text }];
}
