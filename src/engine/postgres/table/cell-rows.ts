/** The rows of a number cell, and what they come to. The arithmetic is the contract's, so the bytes are those of every engine. */
import type { Bytes } from "../../../base/index.ts";
import { mergeCell } from "../../contract/index.ts";
import type { MergeHow } from "../../contract/index.ts";
import { bytesOfText } from "./values.ts";

/** What stands in the column `how` of a merge. Never renumbered. */
const CODES: Readonly<Record<MergeHow, number>> = { addInt: 1, addFloat: 2, min: 3, max: 4 };
const HOWS: ReadonlyMap<string, MergeHow> = new Map(
  (Object.keys(CODES) as MergeHow[]).map((how) => [String(CODES[how]), how]),
);

/** In the column `how`: this row is the base of a cell. */
export const BASE = "0";

export function codeOf(how: MergeHow): number {
  return CODES[how];
}

interface CellRow {
  readonly how: string | null;
  readonly v: string | null;
}

/** What a key holds, of all its rows in the order of n; undefined if nothing. */
export function valueOfRows(rows: readonly CellRow[]): Bytes | undefined {
  let value: Bytes | undefined;
  for (const { how, v } of rows) {
    if (how === null || how === BASE) value = v === null ? undefined : bytesOfText(v);
    else value = mergeCell(value, HOWS.get(how)!, bytesOfText(v!));
  }
  return value;
}
