/** Rows and engines for the tests of bulk load. */
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import type { LsmEngine, LsmOptions } from "../../../../src/engine/lsm/index.ts";
import type { Bytes } from "../../../../src/base/index.ts";
import { TINY, bytes, entriesOf } from "../support.ts";
import type { SimulatedHost } from "../../../../src/testing/index.ts";

export type TextRow = readonly [key: string, value: string];
type Row = readonly [key: Bytes, value: Bytes];

const PATH = "/db";
/** A buffer of some ten rows, so that a hundred rows are many runs. */
const TINY_LOAD: Omit<LsmOptions, "path" | "host"> = { ...TINY, loadBytesMax: 1_024 };

export function openTiny(
  host: SimulatedHost,
  options: Partial<LsmOptions> = {},
): Promise<LsmEngine> {
  return openLsmEngine({ path: PATH, host, ...TINY_LOAD, ...options });
}

/** The rows in pieces of so many. */
export async function* inPieces(rows: readonly TextRow[], size = 7): AsyncGenerator<Row[]> {
  for (let at = 0; at < rows.length; at += size) {
    yield rows.slice(at, at + size).map(([key, value]) => [bytes(key), bytes(value)] as const);
    await Promise.resolve();
  }
}

export function sortedRows(map: ReadonlyMap<string, string>): [string, string][] {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

export function rowsFrom(count: number, prefix = "row"): TextRow[] {
  return Array.from({ length: count }, (_, i) => [
    `${prefix}/${String(i).padStart(5, "0")}`,
    `value ${i} ${"x".repeat(20)}`,
  ]);
}

export async function everythingIn(engine: LsmEngine): Promise<[string, string][]> {
  const snapshot = engine.snapshot();
  try {
    return await entriesOf(snapshot);
  } finally {
    snapshot.close();
  }
}

/** What lies in the directory beside logs and manifests. */
export function tableFiles(host: SimulatedHost): readonly string[] {
  return host.files.list(PATH).filter((name) => name.endsWith(".sst"));
}
