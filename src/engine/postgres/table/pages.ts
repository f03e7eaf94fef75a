/** Rows of the server as the contract's pages: one buffer, and no object for each row of it. */
import { EMPTY_BYTES } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import type { Page } from "../../contract/index.ts";
import { valueOfRows } from "./cell-rows.ts";
import type { KeyRows } from "./range-walk.ts";
import { bytesLength, writeText } from "./values.ts";

const NO_OFFSETS = new Int32Array(0);

/** One row of a page: text of the server, or bytes that were made of it; undefined: nothing is there (see RefPage). */
export interface PageRow {
  readonly key: string;
  readonly value: string | Bytes | undefined;
}

/** What the keys hold; those that hold nothing are left out. Columns are k, how, v. */
export function rowsShown(keys: readonly KeyRows[], keysOnly: boolean): PageRow[] {
  const shown: PageRow[] = [];
  for (const { key, rows } of keys) {
    const value = valueShown(rows, keysOnly);
    if (value !== undefined) shown.push({ key, value });
  }
  return shown;
}

function valueShown(rows: KeyRows["rows"], keysOnly: boolean): string | Bytes | undefined {
  const first = rows[0]!;
  if (first[1] === null) return first[2]!;
  // Without values there is nothing to merge: a key is there if one of its rows holds anything.
  if (keysOnly) return rows.some(([, , v]) => v !== null) ? EMPTY_BYTES : undefined;
  return valueOfRows(rows.map(([, how, v]) => ({ how: how!, v: v! })));
}

export function pageOf(rows: readonly PageRow[], keysOnly: boolean, done: boolean): Page {
  let bytes = 0;
  for (const { key, value } of rows) bytes += bytesLength(key) + (keysOnly ? 0 : sizeOf(value));
  const buffer = new Uint8Array(bytes);
  const target = Buffer.from(buffer.buffer);
  const offsets = (count: number): Int32Array => (count === 0 ? NO_OFFSETS : new Int32Array(count));
  const values = keysOnly ? 0 : rows.length;
  const page = {
    rows: rows.length,
    buffer,
    keyStart: offsets(rows.length),
    keyEnd: offsets(rows.length),
    valueStart: offsets(values),
    valueEnd: offsets(values),
    done,
  };
  let at = 0;
  for (const [i, { key, value }] of rows.entries()) {
    page.keyStart[i] = at;
    at = writeText(key, target, at);
    page.keyEnd[i] = at;
    if (keysOnly) continue;
    page.valueStart[i] = value === undefined ? -1 : at;
    at = writeValue(value, target, at);
    page.valueEnd[i] = value === undefined ? -1 : at;
  }
  return page;
}

function sizeOf(value: string | Bytes | undefined): number {
  if (value === undefined) return 0;
  return typeof value === "string" ? bytesLength(value) : value.length;
}

function writeValue(value: string | Bytes | undefined, target: Buffer, at: number): number {
  if (value === undefined) return at;
  if (typeof value === "string") return writeText(value, target, at);
  target.set(value, at);
  return at + value.length;
}
