/**
 * Two engines side by side, row by row and byte by byte, each in one state: what proves a copy.
 *
 * Always true: both sides are read to their ends, so that the figures of both are whole whatever differs.
 */
import { compareByteRanges, copyBytes, isPromise } from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import { COPY_MARK_KEY, refuseUnfinishedCopy } from "../contract/index.ts";
import type { ReadView, StorageEngine } from "../contract/index.ts";
import { RowWalk } from "./row-reader.ts";
import type { RowFigures, RowReader } from "./row-reader.ts";

export interface RowDifference {
  readonly key: Bytes;
  /** missing: only the source has the key. extra: only the copy has it. value: both have it, with other values. */
  readonly what: "missing" | "extra" | "value";
}

export interface EngineComparison {
  readonly source: RowFigures;
  readonly copy: RowFigures;
  /** Keys that one side lacks, or that hold another value there. */
  readonly differences: number;
  /** The one with the smallest key; undefined where there is none. */
  readonly first: RowDifference | undefined;
  /** The copy is marked as one that has not come to its end: whatever its rows are, it cannot be used. */
  readonly isUnfinished: boolean;
}

/** After so many rows the caller is told how far it is. */
const TOLD_ROWS = 1_000;

/** Is told how many rows of the source were passed, and waited for. */
export type OnRows = (rows: number) => Awaitable<void>;

/**
 * Compares the newest states of two engines; changes nothing.
 *
 * @throws StorageError 'UnfinishedCopy' if the source is one, CorruptionError where either is damaged.
 */
export async function compareEngines(
  source: StorageEngine,
  copy: StorageEngine,
  options: { readonly onRows?: OnRows } = {},
): Promise<EngineComparison> {
  const sourceView = await source.snapshot();
  try {
    const copyView = await copy.snapshot();
    try {
      refuseUnfinishedCopy(await sourceView.get(COPY_MARK_KEY));
      const isUnfinished = (await copyView.get(COPY_MARK_KEY)) !== undefined;
      return { ...(await compareViews(sourceView, copyView, options.onRows)), isUnfinished };
    } finally {
      copyView.close();
    }
  } finally {
    sourceView.close();
  }
}

export async function compareViews(
  source: ReadView,
  copy: ReadView,
  onRows: OnRows = () => undefined,
): Promise<Omit<EngineComparison, "isUnfinished">> {
  const sides = [new RowWalk(source), new RowWalk(copy)] as const;
  const [from, to] = sides;
  let differences = 0;
  let steps = 0;
  let first: RowDifference | undefined;
  const differs = (at: RowWalk, what: RowDifference["what"]): void => {
    differences++;
    first ??= { key: copyBytes(at.reader.key()), what };
  };
  try {
    await Promise.all([from.begin(), to.begin()]);
    while (from.isThere || to.isThere) {
      const order = compareKeys(from, to);
      if (order < 0) differs(from, "missing");
      else if (order > 0) differs(to, "extra");
      else if (!hasSameValue(from.reader, to.reader)) differs(from, "value");
      for (const side of order === 0 ? sides : [order < 0 ? from : to]) {
        const more = side.advance();
        if (isPromise(more)) await more;
      }
      if (++steps % TOLD_ROWS === 0) await onRows(from.tally.rows);
    }
  } finally {
    for (const side of sides) side.reader.close();
  }
  return { source: from.tally.figures(), copy: to.tally.figures(), differences, first };
}

/** A side that has come to its end is behind every key. */
function compareKeys(a: RowWalk, b: RowWalk): number {
  if (!a.isThere) return 1;
  if (!b.isThere) return -1;
  const [one, other] = [a.reader, b.reader];
  return compareByteRanges(
    one.page.buffer,
    one.page.keyStart[one.row]!,
    one.page.keyEnd[one.row]!,
    other.page.buffer,
    other.page.keyStart[other.row]!,
    other.page.keyEnd[other.row]!,
  );
}

function hasSameValue(a: RowReader, b: RowReader): boolean {
  const order = compareByteRanges(
    a.page.buffer,
    a.page.valueStart[a.row]!,
    a.page.valueEnd[a.row]!,
    b.page.buffer,
    b.page.valueStart[b.row]!,
    b.page.valueEnd[b.row]!,
  );
  return order === 0;
}
