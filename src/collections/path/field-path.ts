/**
 * Where a value stands in a document: 'age', 'address.city', 'tags[]', 'items[].sku'.
 *
 * Always true:
 * (1) Two paths lead to the same place exactly if their texts are equal: a name that is not plain is quoted in the text.
 * (2) Only plain objects and arrays are entered: a path never sees the length of a string or the year of a date, and
 *     never what an object inherits.
 * (3) A place that is not there holds undefined; nothing here throws on a document.
 */
import { isDate } from "../key/value-order.ts";

/** Names from the document inwards. With `each`, `before` leads to an array and `after` goes on in each element. */
export interface FieldPath {
  /** 'address.city', 'items[].sku': unique for the place. */
  readonly text: string;
  readonly before: readonly string[];
  /** The path goes through each element of the array at `before`. */
  readonly each: boolean;
  /** Empty without `each`. */
  readonly after: readonly string[];
}

const NO_NAMES: readonly string[] = Object.freeze([]);

/**
 * Reads the text of a path.
 *
 * @returns undefined if the text is not a path: an empty name, a stray bracket, or [] more than once.
 */
export function parsePath(text: string): FieldPath | undefined {
  const parts = text.split("[]");
  const [head = "", tail] = parts;
  if (parts.length > 2) return undefined;
  const before = namesOf(head);
  if (before === undefined) return undefined;
  if (tail === undefined) return pathOf(before);
  if (tail === "") return pathOf(before, NO_NAMES);
  if (!tail.startsWith(".")) return undefined;
  const after = namesOf(tail.slice(1));
  return after === undefined ? undefined : pathOf(before, after);
}

/** A path from its names; with `after` (which may be empty) it goes through each element of an array. */
export function pathOf(before: readonly string[], after?: readonly string[]): FieldPath {
  const [only] = before;
  if (before.length === 1 && after === undefined) {
    const names = Object.freeze([only!]);
    return Object.freeze({ text: shownName(only!), before: names, each: false, after: NO_NAMES });
  }
  const inside = after ?? NO_NAMES;
  const head = before.map(shownName).join(".");
  const text = after === undefined ? head : [`${head}[]`, ...inside.map(shownName)].join(".");
  return Object.freeze({
    text,
    before: Object.freeze([...before]),
    each: after !== undefined,
    after: Object.freeze([...inside]),
  });
}

/** The value at a path without `each`; with it, the array itself. Undefined where it is missing. */
export function valueAt(document: unknown, path: FieldPath): unknown {
  return walk(document, path.before);
}

/**
 * All values at a path: one without `each` (undefined where it is missing), else one for each element of the array, in
 * its order. Elements that are not objects are left out where the path goes on inside of them.
 */
export function valuesAt(document: unknown, path: FieldPath): unknown[] {
  const value = walk(document, path.before);
  if (!path.each) return [value];
  if (!Array.isArray(value)) return [];
  if (path.after.length === 0) return value.slice();
  return value.filter(isEnterable).map((element) => walk(element, path.after));
}

/** May names be looked up in this value? Only in plain objects, never in arrays, dates and bytes. */
export function isEnterable(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  // Nearly always so, and ten times faster than asking what it is not.
  if (Object.getPrototypeOf(value) === Object.prototype) return true;
  return !Array.isArray(value) && !isDate(value) && !(value instanceof Uint8Array);
}

/** HOT: once for each path and document of a filter (bench/micro/filter.ts). */
function walk(from: unknown, names: readonly string[]): unknown {
  let value = from;
  for (let i = 0; i < names.length; i++) {
    if (!isEnterable(value)) return undefined;
    value = value[names[i]!];
  }
  // Documents hold no functions: this one is inherited, as `constructor` is.
  return typeof value === "function" ? undefined : value;
}

const PLAIN_NAME = /^[^.[\]"]+$/;

function namesOf(text: string): readonly string[] | undefined {
  const names = text.split(".");
  return names.every((name) => PLAIN_NAME.test(name) && name !== "__proto__") ? names : undefined;
}

function shownName(name: string): string {
  return PLAIN_NAME.test(name) ? name : JSON.stringify(name);
}
