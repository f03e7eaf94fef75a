/**
 * A plan cut at a row: what a page after, or before, another one reads. Cutting is pure: it narrows bounds, so that a
 * page in the middle costs what the first one does, and the run below knows nothing of pages.
 */
import { compareBytes, nextKey } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { CollectionLayout, Scalar } from "../../collections/index.ts";
import { isEmptyRange } from "../../engine/contract/index.ts";
import type { Bound } from "../plan/key-ranges.ts";
import type { Order } from "../plan/order.ts";
import type { Access, Branch, IndexAccess, Plan } from "../plan/plan.ts";
import { EntryKeys, idSuffix } from "./entry-key.ts";
import type { EntryKey } from "./entry-key.ts";
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
  // In the order of keys the rows that come lie above the cut, unless the plan runs backwards.
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
    const { access } = branch;
    if (access.kind !== "index")
      return clippedBranch(branch, idSuffix(place.id), above, inclusive, layout);
    const { bounds, fixed } = access;
    const parts = (access.parts ?? [{ bounds, fixed }]).flatMap((part) => {
      const { key, exclusive } = entryAt({ ...access, ...part }, plan.order!, place);
      // Another document may have taken over the row's unique key.
      isExact &&= !exclusive;
      const cut = above === (inclusive || exclusive) ? key : nextKey(key);
      const left = part.bounds.flatMap((bound) => clippedBound(bound, cut, above));
      return left.length === 0 ? [] : [{ ...part, bounds: left }];
    });
    if (parts.length === 0) return [];
    const left = parts.flatMap((part) => part.bounds);
    const isMerge = access.parts !== undefined;
    return [{ ...branch, access: { ...access, bounds: left, parts: isMerge ? parts : undefined } }];
  });
  const cut = { beyond: isExact ? undefined : start, start };
  return { plan: Object.freeze({ ...plan, branches }), cut };
}

/** The entry that a document at this place has. */
function entryAt({ index, fixed }: IndexAccess, order: Order, place: Place): EntryKey {
  const values = index.fields.map(({ path }): Scalar => {
    const at = order.fields.findIndex((field) => field.path.text === path.text);
    return at < 0 ? fixed.get(path.text) : place.values[at];
  });
  return new EntryKeys(index).of(values, place.id);
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
