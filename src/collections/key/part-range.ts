/**
 * Ranges of one part of a key: what the planner puts behind an index prefix and the parts before.
 *
 * Always true: a range holds exactly the parts it names, whatever stands behind them in the key, in both directions.
 */
import { assert, prefixEnd } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { Scalar } from "../schema/document-type.ts";
import {
  TAG_BIGINT,
  TAG_BYTES,
  TAG_DATE,
  TAG_FALSE,
  TAG_NULLISH,
  TAG_NUMBER,
  TAG_STRING,
  TAG_TRUE,
} from "./key-format.ts";
import { KeyWriter } from "./key-writer.ts";
import { isOrdered, typeClass } from "./value-order.ts";
import type { TypeClass } from "./value-order.ts";

/** The parts p with start <= p < end; to be set behind what stands before the part in the key. */
export interface PartRange {
  readonly start: Bytes;
  readonly end: Bytes;
}

const tagsOf: Readonly<Record<TypeClass, readonly [first: number, last: number]>> = {
  nullish: [TAG_NULLISH, TAG_NULLISH],
  boolean: [TAG_FALSE, TAG_TRUE],
  number: [TAG_NUMBER, TAG_NUMBER],
  bigint: [TAG_BIGINT, TAG_BIGINT],
  date: [TAG_DATE, TAG_DATE],
  string: [TAG_STRING, TAG_STRING],
  bytes: [TAG_BYTES, TAG_BYTES],
};

/** One value as a part. */
export function encodePart(value: Scalar, descending = false): Bytes {
  return new KeyWriter().value(value, descending).finish();
}

/** The parts of one value. */
export function valuePartRange(value: Scalar, descending = false): PartRange {
  return partsBehind(encodePart(value, descending));
}

/** The parts of all values of a class. */
export function classPartRange(of: TypeClass, descending = false): PartRange {
  const [first, last] = tagsOf[of];
  const lowest = descending ? 0xff - last : first;
  const highest = descending ? 0xff - first : last;
  return { start: Uint8Array.of(lowest), end: Uint8Array.of(highest + 1) };
}

/** The parts of all values that are not nullish. */
export function presentPartRange(descending = false): PartRange {
  return descending
    ? { start: Uint8Array.of(0), end: Uint8Array.of(0xff - TAG_NULLISH) }
    : { start: Uint8Array.of(TAG_NULLISH + 1), end: Uint8Array.of(0xff) };
}

/** The parts of the values of the same class that are greater, less, or that or equal. */
export function comparedPartRange(
  op: "gt" | "gte" | "lt" | "lte",
  value: Scalar,
  descending = false,
): PartRange {
  const of = typeClass(value);
  assert(of !== undefined, "only scalars are compared");
  const all = classPartRange(of, descending);
  const same = valuePartRange(value, descending);
  // In a descending part the greater values come first.
  const upwards = (op === "gt" || op === "gte") !== descending;
  const inclusive = op === "gte" || op === "lte";
  if (upwards) return { start: inclusive ? same.start : same.end, end: all.end };
  return { start: all.start, end: inclusive ? same.end : same.start };
}

/** The parts of all strings that begin with `prefix`. */
export function stringPrefixPartRange(prefix: string, descending = false): PartRange {
  assert(isOrdered(prefix), "ill-formed strings are refused at the border");
  const part = encodePart(prefix, descending);
  // Without the end of the string: what goes on behind it is in the range too.
  return partsBehind(part.subarray(0, part.length - 1));
}

function partsBehind(start: Bytes): PartRange {
  const end = prefixEnd(start);
  assert(end !== undefined, "a part never begins with FF");
  return { start: start.slice(), end };
}
