/**
 * The border check made for one shape: looks only where a validated document can still hold what cannot be stored.
 *
 * Strings may have lone surrogates, numbers may be -0 (and a default may be anything of its type: defaults are not
 * validated); what the schema knows nothing of is looked through whole. Booleans, bigints, literals and nulls are not
 * looked at. A validated document of 7 fields takes about 50 ns (bench/micro/validate.ts).
 */
import { isDate, isWellFormed } from "../key/value-order.ts";
import type { FieldShape, LeafShape, ObjectShape } from "./field-shape.ts";
import { membersOf } from "./field-shape.ts";
import { isPlainObject, isSafeInput, isStorable, isStorableNumber } from "./storable.ts";

/** May a value of the shape be stored as it stands? Always the same answer as isStorable on what the schema lets through. */
export type StorableCheck = (value: unknown, depth: number) => boolean;

/** undefined: nothing needs a look. */
export function compileStorableCheck(shape: FieldShape): StorableCheck | undefined {
  const present = membersOf(shape).filter(
    (member) => member.kind !== "null" && member.kind !== "undefined",
  );
  const [only, second] = present;
  if (only === undefined) return undefined;
  if (second !== undefined) {
    const quiet = present.every(
      (member) => isLeaf(member) && compileLeafCheck(member) === undefined,
    );
    return quiet ? undefined : isStorable;
  }
  if (only.kind === "unknown") return isStorable;
  if (only.kind === "object") return compileObjectCheck(only);
  if (only.kind === "array") return compileArrayCheck(only.element);
  return compileLeafCheck(only);
}

function isLeaf(shape: FieldShape): shape is LeafShape {
  return shape.kind !== "object" && shape.kind !== "array" && shape.kind !== "unknown";
}

function compileLeafCheck(leaf: LeafShape): StorableCheck | undefined {
  if (leaf.kind === "number") return isStorableNumeric;
  if (leaf.kind === "date") return isStorableDate;
  const isText = leaf.kind === "string" || leaf.kind === "id";
  return isText && leaf.values === undefined ? isStorableText : undefined;
}

// What is not of the type that the schema promised is looked at as a whole: nullish values, and defaults that lie.
const isStorableText: StorableCheck = (value, depth) =>
  typeof value === "string" ? isWellFormed(value) : isStorable(value, depth);
const isStorableNumeric: StorableCheck = (value, depth) =>
  typeof value === "number" ? isStorableNumber(value) : isStorable(value, depth);
const isStorableDate: StorableCheck = (value, depth) =>
  isDate(value) ? value.getTime() === value.getTime() : isStorable(value, depth);

/** HOT: bench/micro/validate. Once for each document that is written. */
function compileObjectCheck(shape: ObjectShape): StorableCheck | undefined {
  if (shape.open) return isStorable;
  const names: string[] = [];
  const checks: StorableCheck[] = [];
  for (const [name, field] of shape.fields) {
    const check = compileStorableCheck(field);
    if (check === undefined) continue;
    names.push(name);
    checks.push(check);
  }
  if (names.length === 0) return undefined;
  return (value, depth) => {
    if (typeof value !== "object" || value === null) return isStorable(value, depth);
    const fields = value as Readonly<Record<string, unknown>>;
    for (let i = 0; i < names.length; i++) {
      if (!checks[i]!(fields[names[i]!], depth + 1)) return false;
    }
    return true;
  };
}

function compileArrayCheck(element: FieldShape): StorableCheck | undefined {
  const check = compileStorableCheck(element);
  if (check === undefined) return undefined;
  return (value, depth) => {
    if (!Array.isArray(value)) return isStorable(value, depth);
    for (let i = 0; i < value.length; i++) {
      if (!check(value[i], depth + 1)) return false;
    }
    return true;
  };
}

/** May an input come before the schema? Where it says no, inputIssues() says why. */
export type InputCheck = (input: unknown) => boolean;

/**
 * isSafeInput made for one shape, which looks only where a schema of that shape would not look itself: at arrays, whose
 * holes a validator would count one by one, and at open parts. undefined: nothing needs a look.
 */
export function compileInputCheck(shape: FieldShape): InputCheck | undefined {
  return hasOpenParts(shape) ? isSafeInput : compileDenseCheck(shape);
}

function compileDenseCheck(shape: FieldShape): InputCheck | undefined {
  const [only, second] = membersOf(shape).filter((member) => !isLeaf(member));
  if (second !== undefined) return isSafeInput;
  if (only?.kind === "array") return denseArrayCheck(compileDenseCheck(only.element));
  return only?.kind === "object" ? denseFieldsCheck(only) : undefined;
}

function denseArrayCheck(element: InputCheck | undefined): InputCheck {
  return (input) => {
    if (!Array.isArray(input)) return true;
    for (let i = 0; i < input.length; i++) {
      const value: unknown = input[i];
      if (value === undefined && !Object.hasOwn(input, i)) return false;
      if (element !== undefined && !element(value)) return false;
    }
    return true;
  };
}

/** HOT: bench/micro/validate. Once for each document that is written. */
function denseFieldsCheck(shape: ObjectShape): InputCheck | undefined {
  const names: string[] = [];
  const checks: InputCheck[] = [];
  for (const [name, field] of shape.fields) {
    const check = compileDenseCheck(field);
    if (check === undefined) continue;
    names.push(name);
    checks.push(check);
  }
  if (names.length === 0) return undefined;
  return (input) => {
    if (!isPlainObject(input)) return true;
    for (let i = 0; i < names.length; i++) {
      if (!checks[i]!(input[names[i]!])) return false;
    }
    return true;
  };
}

/**
 * May a document hold parts that the schema lets through without a look: open objects, unknown values? Also of a schema
 * that contains itself, whose shape is unknown where it begins again.
 */
function hasOpenParts(shape: FieldShape): boolean {
  return membersOf(shape).some((member) => {
    if (member.kind === "unknown") return true;
    if (member.kind === "array") return hasOpenParts(member.element);
    if (member.kind !== "object") return false;
    return member.open || [...member.fields.values()].some(hasOpenParts);
  });
}
