/** Sizes so small that a handful of commits flushes and a few flushes compact, and words to write tests in. */
import type { Bytes } from "../../../src/base/index.ts";
import type {
  Page,
  ReadView,
  Scan,
  ScanOptions,
  WriteOp,
} from "../../../src/engine/contract/index.ts";
import type { KeyRange } from "../../../src/engine/contract/index.ts";
import type { LsmOptions } from "../../../src/engine/lsm/index.ts";

export const TINY: Omit<LsmOptions, "path" | "host"> = {
  flushBytesMax: 1_024,
  l0TablesTrigger: 2,
  levelBaseBytes: 2_048,
  levelFanOut: 2,
  tableBytesTarget: 1_024,
  blockCacheBytesMax: 128 * 1_024,
  sliceMillis: 0,
};

/** How much more than usual random tests do: KOTOBA_ROUNDS, default 1. */
export const ROUNDS: number = Number(process.env["KOTOBA_ROUNDS"] ?? "1");

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function bytes(text: string): Bytes {
  return encoder.encode(text);
}
export function text(value: Bytes | undefined): string | undefined {
  return value === undefined ? undefined : decoder.decode(value);
}

export function put(key: string, value: string): WriteOp {
  return { op: "put", key: bytes(key), value: bytes(value) };
}
export function del(key: string): WriteOp {
  return { op: "del", key: bytes(key) };
}
export function delRange(start: string, end: string | undefined): WriteOp {
  return { op: "delRange", range: range(start, end) };
}
export function range(start: string, end: string | undefined): KeyRange {
  return { start: bytes(start), end: end === undefined ? undefined : bytes(end) };
}
const EVERYTHING: KeyRange = range("", undefined);

function rowsOf(page: Page): [key: string, value: string][] {
  const rows: [string, string][] = [];
  for (let i = 0; i < page.rows; i++) {
    const key = decoder.decode(page.buffer.subarray(page.keyStart[i], page.keyEnd[i]));
    const value = decoder.decode(page.buffer.subarray(page.valueStart[i], page.valueEnd[i]));
    rows.push([key, value]);
  }
  return rows;
}

/** The rest of a scan. */
export async function drain(scan: Scan): Promise<[key: string, value: string][]> {
  const rows: [string, string][] = [];
  for (;;) {
    const page = await scan.next();
    rows.push(...rowsOf(page));
    if (page.done) return rows;
  }
}

export async function entriesOf(
  view: ReadView,
  over: KeyRange = EVERYTHING,
  options: ScanOptions = {},
): Promise<[key: string, value: string][]> {
  return drain(view.scan(over, options));
}
