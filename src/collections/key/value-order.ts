/**
 * The order of values: one order for filters, indexes and sorting in memory.
 *
 *   nullish < false < true < numbers < bigints < dates < strings < bytes
 *
 * Always true:
 * (1) null and undefined (also a missing field) are one value.
 * (2) Numbers order by value, -0 equals 0; strings by code point, which is the order of their UTF-8 bytes; bytes as
 *     unsigned, a prefix before its extensions.
 * (3) compareValues(a, b) has the sign of comparing the encoded keys of a and b (key-format.ts).
 * (4) NaN, invalid dates and strings with lone surrogates have no place in the order; they are refused before.
 */
import { assert, compareBytes } from "../../base/index.ts";
import type { Scalar } from "../schema/document-type.ts";

/** Values of different classes are never compared by gt, gte, lt and lte. */
export type TypeClass = "nullish" | "boolean" | "number" | "bigint" | "date" | "string" | "bytes";

/** The classes in their order. */
export const TYPE_CLASSES: readonly TypeClass[] = Object.freeze([
  "nullish",
  "boolean",
  "number",
  "bigint",
  "date",
  "string",
  "bytes",
]);

/** The class of a value; undefined for what has no order (objects, arrays, functions, symbols). */
export function typeClass(value: unknown): TypeClass | undefined {
  switch (typeof value) {
    case "string":
      return "string";
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "undefined":
      return "nullish";
    case "bigint":
      return "bigint";
    case "object":
      if (value === null) return "nullish";
      if (isDate(value)) return "date";
      return value instanceof Uint8Array ? "bytes" : undefined;
    case "function":
    case "symbol":
      return undefined;
  }
}

/** Has the value a place in the order? NaN, invalid dates and ill-formed strings have none. */
export function isOrdered(value: unknown): value is Scalar {
  if (typeof value === "string") return isWellFormed(value);
  if (typeof value === "number") return !Number.isNaN(value);
  if (isDate(value)) return !Number.isNaN(value.getTime());
  return typeClass(value) !== undefined;
}

/** Negative, zero or positive as `a` sorts before, with or after `b`. */
export function compareValues(a: Scalar, b: Scalar): number {
  if (typeof a === "string" && typeof b === "string") return compareStrings(a, b);
  if (typeof a === "number" && typeof b === "number") return a < b ? -1 : a > b ? 1 : 0;
  const classOfA = typeClass(a);
  const classOfB = typeClass(b);
  assert(classOfA !== undefined && classOfB !== undefined, "only scalars are compared");
  if (classOfA !== classOfB) return TYPE_CLASSES.indexOf(classOfA) - TYPE_CLASSES.indexOf(classOfB);
  if (classOfA === "nullish") return 0;
  if (classOfA === "bytes") return compareBytes(a as Uint8Array, b as Uint8Array);
  // Of booleans, bigints and dates the language's own order is ours.
  const [left, right] = [a as bigint, b as bigint];
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * Strings in the order of code points. The language's own `<` orders by UTF-16 units, which puts the characters beyond
 * U+FFFF before U+E000.
 */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const shared = a.length < b.length ? a.length : b.length;
  for (let i = 0; i < shared; i++) {
    const unitOfA = a.charCodeAt(i);
    const unitOfB = b.charCodeAt(i);
    if (unitOfA !== unitOfB) return codePointRank(unitOfA) - codePointRank(unitOfB);
  }
  return a.length - b.length;
}

/** Moves surrogates behind all other units, where the code points that they stand for belong. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

/** Has the string a UTF-8 form: no surrogate stands alone. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

/** The type Date is no clock: only asking it for the time of day is kept out of this floor. */
export function isDate(value: unknown): value is Date {
  // oxlint-disable-next-line eslint/no-restricted-globals
  return value instanceof Date;
}

export function dateOf(millis: number): Date {
  // oxlint-disable-next-line eslint/no-restricted-globals
  return new Date(millis);
}
