/**
 * When documents expire: what `expire` of an index declares, and the time that follows from it for a document.
 *
 * Always true:
 * (1) An index with `expire` has one field, which holds a date as far as the schema tells, and goes through no list.
 * (2) A document has a time only where the index has an entry with a date for it: nothing else ever expires.
 */
import type { Document } from "../document/document.ts";
import { matches } from "../filter/filter-match.ts";
import { isDate } from "../key/value-order.ts";
import { valueAt } from "../path/field-path.ts";
import type { FieldPath } from "../path/field-path.ts";
import { membersOf } from "../schema/field-shape.ts";
import type { ObjectShape } from "../schema/field-shape.ts";
import { shapeAt, withId } from "../schema/shape-lookup.ts";
import type { IndexDefinition } from "./index-definition.ts";

const UNIT_MILLIS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
/** A hundred years: more is a slip of the keyboard. */
const EXPIRE_DAYS_MAX = 36_500;
const DURATION = /^(\d{1,9}(?:\.\d{1,9})?)([smhd])$/;

/** The milliseconds after the date in the only field, 0 for true; or what is wrong with the declaration, in words. */
export function parseExpiry(
  shape: ObjectShape,
  paths: readonly FieldPath[],
  expire: unknown,
): { readonly millis: number } | { readonly problem: string } {
  const [path, ...others] = paths;
  if (path === undefined || others.length > 0) {
    return { problem: "an index with `expire` is over one field" };
  }
  const problem = dateProblem(shape, path);
  if (problem !== undefined) return { problem: `"${path.text}" ${problem}` };
  const millis = expire === true ? 0 : millisOf(expire);
  if (millis === undefined) {
    return {
      problem: `\`expire\` is true, or a time such as "30d": a number above 0, then s, m, h or d; at most ${EXPIRE_DAYS_MAX}d`,
    };
  }
  return { millis };
}

function millisOf(expire: unknown): number | undefined {
  const [, count, unit] = (typeof expire === "string" && DURATION.exec(expire)) || [];
  if (count === undefined || unit === undefined) return undefined;
  const millis = Math.round(Number(count) * UNIT_MILLIS[unit]!);
  const isPossible = millis >= 1 && millis <= EXPIRE_DAYS_MAX * UNIT_MILLIS["d"]!;
  return isPossible ? millis : undefined;
}

/** Where the schema tells nothing, a date may stand there; other values have no time. */
function dateProblem(shape: ObjectShape, path: FieldPath): string | undefined {
  if (path.each) return "goes through the elements of an array ([]): a document has one time";
  const kinds = membersOf(shapeAt(withId(shape), path)!)
    .map((member) => member.kind)
    .filter((kind) => kind !== "null" && kind !== "undefined");
  const [kind] = kinds;
  if (kinds.length === 1 && (kind === "date" || kind === "unknown")) return undefined;
  const found = kinds.length === 0 ? "has no value" : `is ${kinds.join(" or ")}`;
  return `${found}, and documents expire by a date`;
}

/** When the document is to be deleted, in milliseconds since 1970; undefined: not by this index. */
export function dueMillis(
  index: Pick<IndexDefinition, "expireMillis" | "fields" | "where">,
  document: Document,
): number | undefined {
  const { expireMillis, fields, where } = index;
  if (expireMillis === undefined) return undefined;
  if (where !== undefined && !matches(where, document)) return undefined;
  const date = valueAt(document, fields[0]!.path);
  return isDate(date) ? date.getTime() + expireMillis : undefined;
}
