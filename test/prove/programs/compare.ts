/** Holding answers of the database against those of the model. */
import { inspect } from "node:util";
import type { Outcome } from "./loose.ts";
import { tagOf } from "./loose.ts";
import { picked } from "./plain.ts";
import type { Model } from "./plain.ts";
import { same } from "./values.ts";
import type { Doc, Fields } from "./values.ts";

/**
 * One operation's answer: fails where the model answers otherwise, and does to the model what the operation did. An
 * answer may be held against several states: a transaction's against that it began in and that it committed to.
 */
export type Judge = (model: Model) => void;

/** The model and the database differ: this is what the programs are after. */
export class Mismatch extends Error {}

export function expectSame(found: unknown, wanted: unknown, what: string): void {
  if (same(found, wanted)) return;
  throw new Mismatch(`${what}: found ${shown(found)}\nwanted ${shown(wanted)}`);
}
export function expectThat(holds: boolean, what: () => string): void {
  if (!holds) throw new Mismatch(what());
}
export function shown(value: unknown): string {
  return inspect(value, { depth: 6, breakLength: 160, maxArrayLength: 40, maxStringLength: 400 });
}

export function expectTag(outcome: Outcome<unknown>, tag: string, what: string): void {
  if (!("error" in outcome))
    throw new Mismatch(`${what}: not refused with ${tag}, but gave ${shown(outcome.value)}`);
  if (tagOf(outcome.error) !== tag)
    throw new Mismatch(`${what}: to be refused with ${tag}, not ${String(outcome.error)}`, {
      cause: outcome.error,
    });
}
export function expectStorageError(outcome: Outcome<unknown>, code: string): void {
  const error = "error" in outcome ? (outcome.error as { readonly code?: unknown }) : undefined;
  expectSame(error?.code, code, "the code of a StorageError");
}
/** The value; an error is a mismatch. */
export function valueOf<T>(outcome: Outcome<T>, what: string): T {
  if ("value" in outcome) return outcome.value;
  throw new Mismatch(`${what} failed: ${outcome.error.stack ?? String(outcome.error)}`, {
    cause: outcome.error,
  });
}

/** The first `count` of `rows`, in order if they have one, with the fields that are selected. */
export function expectRows(
  found: readonly Doc[],
  count: number,
  wanted: {
    readonly rows: readonly Doc[];
    readonly ordered: boolean;
    readonly select: readonly string[] | undefined;
    readonly what: string;
  },
): void {
  const { ordered, rows, select, what } = wanted;
  if (ordered) {
    const first = rows.slice(0, count).map((row) => picked(row, select));
    return expectSame(found, first, what);
  }
  // Without an order, whichever rows will do, each as often as it is there.
  expectSame(found.length, count, `${what}: number of rows`);
  const left = new Map<string, number>();
  for (const row of rows) {
    const text = textOf(picked(row, select));
    left.set(text, (left.get(text) ?? 0) + 1);
  }
  for (const row of found) {
    const times = left.get(textOf(row)) ?? 0;
    if (times === 0) throw new Mismatch(`${what}: a row that does not fit: ${shown(row)}`);
    left.set(textOf(row), times - 1);
  }
}

function textOf(row: Fields): string {
  return inspect(row, { depth: 6, sorted: true, maxArrayLength: null, maxStringLength: null });
}
