/**
 * The border between values of the language and what can be stored and found again without loss.
 *
 * Storable are strings without lone surrogates, numbers but NaN, booleans, bigints, valid dates, Uint8Array, null,
 * undefined, and plain objects and arrays of these, nested at most `documentDepthMax` deep.
 *
 * Always true:
 * (1) -0 is stored as 0, the value it equals.
 * (2) Nothing is dropped or renamed in silence: holes of arrays, symbol keys, the key __proto__ and long keys that begin
 *     with a byte order mark are refused.
 */
import { compareBytes } from "../../base/index.ts";
import { isDate, isWellFormed } from "../key/value-order.ts";
import type { ValidationIssue } from "../collection-error.ts";

/** Deeper than people nest documents; bounded so that no recursion runs out of stack, and a cycle ends. */
export const documentDepthMax = 100;

/** msgpackr reads a longer string by a TextDecoder, which takes a byte order mark away. */
const MARKED_BYTES_MAX = 64;
const LONG_MARKED_NAME = `a name of more than ${MARKED_BYTES_MAX} bytes that begins with a byte order mark`;

const TOO_DEEP = `a value nested more than ${documentDepthMax} deep, or in itself,`;

/** More issues than anyone reads; and a value that contains itself would have them without end. */
const issuesMax = 100;

/**
 * Is the value storable as it stands? False also where only a -0 stands in the way.
 *
 * HOT: the plain twin is storableCopy (bench/micro/validate.ts).
 */
export function isStorable(value: unknown, depth = 0): boolean {
  switch (typeof value) {
    case "string":
      return isWellFormed(value);
    case "number":
      return isStorableNumber(value);
    case "boolean":
    case "bigint":
    case "undefined":
      return true;
    case "object":
      return value === null || isStorableObject(value, depth);
    case "function":
    case "symbol":
      return false;
  }
}

export function isStorableNumber(value: number): boolean {
  return value === 0 ? 1 / value > 0 : value === value;
}

/** Would the string, as it is, not come back as it is? A value is stored with two marks then; a name is refused. */
export function isLongMarked(text: string): boolean {
  return text.startsWith("\ufeff") && Buffer.byteLength(text) > MARKED_BYTES_MAX;
}

function isStorableObject(value: object, depth: number): boolean {
  if (depth >= documentDepthMax) return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const element: unknown = value[i];
      if (element === undefined && !Object.hasOwn(value, i)) return false;
      if (!isStorable(element, depth + 1)) return false;
    }
    return true;
  }
  if (isDate(value)) return !Number.isNaN(value.getTime());
  if (value instanceof Uint8Array) return true;
  if (!isPlainObject(value) || Object.getOwnPropertySymbols(value).length > 0) return false;
  for (const name of Object.keys(value)) {
    if (name === "__proto__" || !isWellFormed(name) || isLongMarked(name)) return false;
    if (!isStorable(value[name], depth + 1)) return false;
  }
  return true;
}

/** An object that keeps nothing but its own fields: not an instance of a class. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A copy with 0 for each -0. What cannot be stored is added to `issues` by its path, and the copy is then of no use. */
export function storableCopy(
  value: unknown,
  issues: ValidationIssue[],
  path: readonly PropertyKey[] = [],
): unknown {
  if (issues.length >= issuesMax) return undefined;
  switch (typeof value) {
    case "string":
      if (!isWellFormed(value)) refuse(issues, path, "a string with a lone surrogate");
      return value;
    case "number":
      if (Number.isNaN(value)) refuse(issues, path, "NaN");
      return value + 0;
    case "object":
      return value === null ? null : copyOfObject(value, issues, path);
    case "function":
    case "symbol":
      refuse(issues, path, `a ${typeof value}`);
      return undefined;
    case "bigint":
    case "boolean":
    case "undefined":
      return value;
  }
}

function copyOfObject(
  value: object,
  issues: ValidationIssue[],
  path: readonly PropertyKey[],
): unknown {
  if (path.length >= documentDepthMax) return refuse(issues, path, TOO_DEEP);
  if (Array.isArray(value)) return copyOfArray(value, issues, path);
  if (isDate(value)) {
    return Number.isNaN(value.getTime()) ? refuse(issues, path, "an invalid date") : value;
  }
  if (value instanceof Uint8Array) return value;
  if (!isPlainObject(value)) {
    return refuse(issues, path, `an instance of ${classNameOf(value)}`);
  }
  const copy: Record<string, unknown> = {};
  for (const name of Reflect.ownKeys(value)) {
    if (typeof name === "symbol") refuse(issues, [...path, name], "a key that is a symbol");
    else if (name === "__proto__") refuse(issues, [...path, name], "a field called __proto__");
    else if (!isWellFormed(name)) refuse(issues, [...path, name], "a name with a lone surrogate");
    else if (isLongMarked(name)) refuse(issues, [...path, name], LONG_MARKED_NAME);
    else if (Object.prototype.propertyIsEnumerable.call(value, name)) {
      copy[name] = storableCopy(value[name], issues, [...path, name]);
    }
  }
  return copy;
}

function copyOfArray(
  array: readonly unknown[],
  issues: ValidationIssue[],
  path: readonly PropertyKey[],
): unknown[] {
  const copy: unknown[] = [];
  for (let i = 0; i < array.length && issues.length < issuesMax; i++) {
    const at = [...path, i];
    if (Object.hasOwn(array, i)) copy.push(storableCopy(array[i], issues, at));
    else {
      // One issue is enough: an array may have billions of holes.
      refuse(issues, at, "a hole in an array");
      break;
    }
  }
  return copy;
}

/**
 * Is there nothing in the input that a validator could drop in silence or never come to an end with: no key called
 * __proto__, no holes in arrays (of which there may be billions), no plain objects and arrays nested too deep?
 *
 * HOT: bench/micro/validate. The plain twin is inputIssues.
 */
export function isSafeInput(input: unknown, depth = 0): boolean {
  if (typeof input !== "object" || input === null) return true;
  if (Array.isArray(input)) {
    if (depth >= documentDepthMax) return false;
    for (let i = 0; i < input.length; i++) {
      const element: unknown = input[i];
      if (element === undefined && !Object.hasOwn(input, i)) return false;
      if (!isSafeInput(element, depth + 1)) return false;
    }
    return true;
  }
  if (!isPlainObject(input)) return true;
  if (depth >= documentDepthMax) return false;
  for (const name of Object.keys(input)) {
    if (name === "__proto__" || !isSafeInput(input[name], depth + 1)) return false;
  }
  return true;
}

/** What is not safe in an input, by its path. */
export function inputIssues(
  input: unknown,
  path: readonly PropertyKey[] = [],
  issues: ValidationIssue[] = [],
): ValidationIssue[] {
  if (issues.length >= issuesMax) return issues;
  if (!Array.isArray(input) && !isPlainObject(input)) return issues;
  if (path.length >= documentDepthMax) {
    refuse(issues, path, TOO_DEEP);
    return issues;
  }
  if (Array.isArray(input)) {
    for (let i = 0; i < input.length && issues.length < issuesMax; i++) {
      const at = [...path, i];
      if (Object.hasOwn(input, i)) inputIssues(input[i], at, issues);
      else {
        // One issue is enough: an array may have billions of holes.
        refuse(issues, at, "a hole in an array");
        break;
      }
    }
    return issues;
  }
  for (const name of Object.keys(input)) {
    if (name === "__proto__") refuse(issues, [...path, name], "a field called __proto__");
    else inputIssues(input[name], [...path, name], issues);
  }
  return issues;
}

function refuse(issues: ValidationIssue[], path: readonly PropertyKey[], what: string): undefined {
  issues.push({ path, message: `${what} cannot be stored` });
}

function classNameOf(value: object): string {
  const prototype = Object.getPrototypeOf(value) as { readonly constructor?: { name?: unknown } };
  const name = prototype.constructor?.name;
  return typeof name === "string" && name !== "" ? name : "a class";
}

/**
 * Are two storable values the same? A field that is undefined is as good as none, and -0 is the 0 that is stored for it.
 *
 * HOT: bench/micro/validate. The plain twin is differenceOf.
 */
export function isSameStorable(a: unknown, b: unknown): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!isSameStorable(a[i], b[i])) return false;
    return true;
  }
  if (!isPlainObject(a) || !isPlainObject(b)) return isSameLeaf(a, b);
  for (const name in a) if (!isSameStorable(a[name], ownOf(b, name))) return false;
  for (const name in b) if (b[name] !== undefined && !Object.hasOwn(a, name)) return false;
  return true;
}

/** A field may be called as what all objects inherit. */
function ownOf(object: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function isSameLeaf(a: object, b: object): boolean {
  if (isDate(a)) return isDate(b) && a.getTime() === b.getTime();
  return a instanceof Uint8Array && b instanceof Uint8Array && compareBytes(a, b) === 0;
}

/** Where two storable values differ first; undefined where they are the same. */
export function differenceOf(
  a: unknown,
  b: unknown,
  path: readonly PropertyKey[] = [],
): readonly PropertyKey[] | undefined {
  const isNested = Array.isArray(a) ? Array.isArray(b) : isPlainObject(a) && isPlainObject(b);
  if (!isNested || (Array.isArray(a) && a.length !== (b as unknown[]).length))
    return isSameStorable(a, b) ? undefined : path;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const name of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const place = differenceOf(ownOf(left, name), ownOf(right, name), [...path, name]);
    if (place !== undefined) return place;
  }
  return undefined;
}
