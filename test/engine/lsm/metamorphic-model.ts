/** The plain twin of an engine: all rows in one sorted array, and every commit as the array that it led to. */
import type { Bytes } from "../../../src/base/index.ts";
import type { KeyRange, ScanOptions, WriteOp } from "../../../src/engine/contract/index.ts";
import type { Op, Row, Span } from "./metamorphic-program.ts";

export type Rows = readonly Row[];

/** One byte a character. */
export function bytesOf(text: string): Bytes {
  const made = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) made[i] = text.charCodeAt(i);
  return made;
}
export function textOf(bytes: Bytes): string {
  let made = "";
  for (const byte of bytes) made += String.fromCharCode(byte);
  return made;
}
export function rangeOf({ end, start }: Span): KeyRange {
  return { start: bytesOf(start), end: end === undefined ? undefined : bytesOf(end) };
}

function isWithin(key: string, { end, start }: Span): boolean {
  return key >= start && (end === undefined || key < end);
}

/** What the engine is told to write. */
export function writeOpOf(op: Op): WriteOp {
  switch (op.op) {
    case "put":
      return { op: "put", key: bytesOf(op.key), value: bytesOf(op.value) };
    case "del":
      return { op: "del", key: bytesOf(op.key) };
    case "delRange":
      return { op: "delRange", range: rangeOf(op.span) };
    case "merge":
      return { op: "merge", key: bytesOf(op.key), how: op.how, operand: bytesOf(cellOf(op)) };
  }
}

type Merge = Extract<Op, { op: "merge" }>;
function cellOf({ by, how }: Pick<Merge, "by" | "how">): string {
  const view = new DataView(new ArrayBuffer(8));
  if (how === "addInt") view.setBigInt64(0, BigInt(by));
  else view.setFloat64(0, by);
  return textOf(new Uint8Array(view.buffer));
}
function numberOf(cell: string, how: Merge["how"]): number {
  const view = new DataView(bytesOf(cell).buffer);
  return how === "addInt" ? Number(view.getBigInt64(0)) : view.getFloat64(0);
}
function merged(cell: string | undefined, op: Merge): string {
  if (cell === undefined) return cellOf(op);
  const now = numberOf(cell, op.how);
  if (op.how === "min") return cellOf({ ...op, by: Math.min(now, op.by) });
  if (op.how === "max") return cellOf({ ...op, by: Math.max(now, op.by) });
  return cellOf({ ...op, by: now + op.by });
}

/** A commit: what was asked, what it came to, and all rows after it. */
export interface ModelCommit {
  readonly ops: readonly Op[];
  /** As a change log tells it: merges as the value they led to, in no order. */
  readonly told: readonly string[];
  readonly rows: Rows;
}

/** Ranges first, then single keys. */
export function applied(rows: Rows, ops: readonly Op[]): ModelCommit {
  const next = new Map(rows);
  const told: string[] = [];
  for (const op of ops) {
    if (op.op !== "delRange") continue;
    told.push(toldOf(writeOpOf(op)));
    for (const key of next.keys()) if (isWithin(key, op.span)) next.delete(key);
  }
  for (const op of ops) {
    if (op.op === "delRange") continue;
    if (op.op === "del") next.delete(op.key);
    else next.set(op.key, op.op === "put" ? op.value : merged(next.get(op.key), op));
    const value = next.get(op.key);
    const { key } = op;
    told.push(
      toldOf(writeOpOf(value === undefined ? { op: "del", key } : { op: "put", key, value })),
    );
  }
  const sorted = [...next].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { ops, told: told.toSorted(), rows: sorted };
}

export function toldOf(op: WriteOp): string {
  const show = (bytes: Bytes | undefined): string =>
    bytes === undefined ? "end" : JSON.stringify(textOf(bytes));
  if (op.op === "put") return `put ${show(op.key)} ${show(op.value)}`;
  if (op.op === "delRange") return `delete ${show(op.range.start)} to ${show(op.range.end)}`;
  return `${op.op} ${show(op.key)}`;
}

/** What a scan gives. */
export function scanned(rows: Rows, span: Span, options: ScanOptions = {}): Rows {
  let wanted = rows.filter(([key]) => isWithin(key, span));
  if (options.reverse === true) wanted = wanted.toReversed();
  wanted = wanted.slice(0, options.limit);
  return options.keysOnly === true ? wanted.map(([key]): Row => [key, ""]) : wanted;
}

export function valueIn(rows: Rows, key: string): string | undefined {
  return rows.find(([one]) => one === key)?.[1];
}

/** Whether a commit of `other` must end a transaction that read these; undefined: it may. */
export function conflicts(
  before: Rows,
  other: readonly Op[],
  keys: readonly string[],
  spans: readonly Span[],
): boolean | undefined {
  if (other.length === 0) return false;
  const wasRead = (key: string): boolean =>
    keys.includes(key) || spans.some((span) => isWithin(key, span));
  if (other.some((op) => op.op !== "delRange" && wasRead(op.key))) {
    // A delete of what was not there, or a put of what was, changes nothing that was read.
    const after = new Map(applied(before, other).rows);
    const former = new Map(before);
    const touched = other.flatMap((op) => (op.op === "delRange" ? [] : [op.key])).filter(wasRead);
    return touched.some((key) => former.get(key) !== after.get(key)) ? true : undefined;
  }
  const isDeleted = (key: string): boolean =>
    other.some((op) => op.op === "delRange" && isWithin(key, op.span));
  if (before.some(([key]) => wasRead(key) && isDeleted(key))) return true;
  const deletes = other.flatMap((op) => (op.op === "delRange" ? [op.span] : []));
  const meets = deletes.some(
    (gone) => keys.some((key) => isWithin(key, gone)) || spans.some((span) => overlap(span, gone)),
  );
  return meets ? undefined : false;
}

function overlap(a: Span, b: Span): boolean {
  return (b.end === undefined || a.start < b.end) && (a.end === undefined || b.start < a.end);
}
