/** What a disk is to the other engine: the rows of an engine in memory, for the next one of a program that is opened again. */
import { MemoryEngine } from "kotobadb/engine";
import type { WriteOp } from "kotobadb/engine";

const EVERYTHING = { start: new Uint8Array(0), end: Uint8Array.of(0xff) };

/** As they are at the moment of the call. */
export async function withRowsOf(from: MemoryEngine): Promise<MemoryEngine> {
  const snapshot = from.snapshot();
  const scan = snapshot.scan(EVERYTHING, { expect: "all" });
  const ops: WriteOp[] = [];
  for (let done = false; !done;) {
    const { buffer, keyEnd, keyStart, rows, valueEnd, valueStart, ...page } = await scan.next();
    for (let i = 0; i < rows; i++) {
      const key = buffer.slice(keyStart[i], keyEnd[i]);
      ops.push({ op: "put", key, value: buffer.slice(valueStart[i], valueEnd[i]) });
    }
    done = page.done;
  }
  scan.close();
  snapshot.close();
  const engine = new MemoryEngine();
  await engine.write({ requires: [], ops });
  return engine;
}
