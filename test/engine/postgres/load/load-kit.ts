/** What the tests of loads to a real server have in common. */
import { hex } from "../../../../src/base/index.ts";
import type { Bytes } from "../../../../src/base/index.ts";
import { isTokenKey } from "../../../../src/engine/contract/index.ts";
import type { StorageEngine } from "../../../../src/engine/contract/index.ts";
import { allEntries } from "../../../../src/testing/kit/index.ts";
import { bytes } from "../../../support/postgres/engine-kit.ts";
import type { LoadedRow } from "./copy-reader.ts";

export const EVERYTHING = { start: new Uint8Array(0), end: undefined };

export async function* inPieces(
  rows: readonly LoadedRow[],
  size = 1_000,
): AsyncGenerator<readonly LoadedRow[]> {
  for (let at = 0; at < rows.length; at += size) yield rows.slice(at, at + size);
}

/** "n000000" and so on. */
export function numbered(count: number, value: Bytes = bytes("v")): LoadedRow[] {
  return Array.from({ length: count }, (_, n) => [bytes(`n${String(n).padStart(6, "0")}`), value]);
}

export function shown([key, value]: LoadedRow): string {
  return `${hex(key, Infinity)}=${Buffer.from(value).toString("hex")}`;
}

/** All rows but tokens. */
export async function rowsIn(engine: StorageEngine, keysOnly = false): Promise<string[]> {
  const view = await engine.snapshot();
  try {
    const entries = await allEntries(view, EVERYTHING, { expect: "all", keysOnly });
    return entries
      .filter(({ key }) => !isTokenKey(key))
      .map(({ key, value }) => shown([key, value]));
  } finally {
    view.close();
  }
}

export async function countIn(engine: StorageEngine): Promise<number> {
  return (await rowsIn(engine, true)).length;
}
