/** All key-value workloads with one store. */
import { join } from "node:path";
import type { Scope } from "../kit/index.ts";
import { Rows } from "./rows.ts";
import type { Row } from "./key-value-store.ts";
import type { KeyValueEntry } from "./stores/index.ts";

const BATCH = 1_000;

export async function runKeyValue(entry: KeyValueEntry, scope: Scope): Promise<void> {
  const rows = new Rows({ keyBytes: 16, valueBytes: 100 }, scope.rows ?? 100_000);
  const store = await entry.open(join(scope.directory, "main"), false);
  const order = rows.shuffled(1);
  await scope.recorder.rate("fillrandom", rows.count, async () => {
    for (let from = 0; from < order.length; from += BATCH) {
      const batch: Row[] = [];
      for (const n of order.subarray(from, from + BATCH)) {
        batch.push({ key: rows.key(n), value: rows.value(n) });
      }
      const answer = store.write(batch);
      if (answer instanceof Promise) await answer;
    }
  });
  await store.close();
}
