/** Rows into an engine: by its bulk load, or in batches where it has none. */
import { hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { StorageEngine, WriteOp } from "../../engine/contract/index.ts";

type Row = readonly [key: Bytes, value: Bytes];

/** Of equal keys the last one stays. After a failure a part may be there. */
export async function loadRows(
  engine: StorageEngine,
  rows: AsyncIterable<readonly Row[]>,
): Promise<void> {
  if (engine.load !== undefined) return engine.load(rows);
  for await (const piece of rows) await writeInBatches(engine, piece);
}

async function writeInBatches(engine: StorageEngine, piece: readonly Row[]): Promise<void> {
  // Half of it: what an engine counts beside keys and values fits in the other.
  const bytesMax = engine.limits.transactionBytes / 2;
  let ops = new Map<string, WriteOp>();
  let bytes = 0;
  const write = async (): Promise<void> => {
    if (ops.size > 0) await engine.write({ ops: [...ops.values()], requires: [] });
    ops = new Map();
    bytes = 0;
  };
  for (const [key, value] of piece) {
    if (bytes + key.length + value.length > bytesMax) await write();
    ops.set(hex(key, Infinity), { op: "put", key, value });
    bytes += key.length + value.length;
  }
  await write();
}
