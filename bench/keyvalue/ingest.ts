/**
 * Heavy ingest: puts at full speed, awaited one by one, and how long anybody else in the process has to wait meanwhile. An
 * event loop that is free turns thousands of times a second; the longest time between two of its turns is what a request
 * of somebody else would have waited.
 */
import { TurnWatch } from "../kit/index.ts";
import type { Ground } from "./ground.ts";
import { getRows } from "./reads.ts";
import { shuffled } from "./rows.ts";

/** Puts between two turns of the event loop, for those that answer at once and would never give it one. */
const TURN_EVERY = 16;

export async function ingest(ground: Ground): Promise<void> {
  const { counts, recorder, rows, store } = ground;
  const order = shuffled(rows.count, 61).subarray(0, counts.ingested);
  const turns = new TurnWatch();
  await recorder.each(
    "ingest, put awaited",
    order.length,
    (i) => {
      const n = order[i]!;
      return store.put(rows.key(n), rows.value(n));
    },
    { turnEvery: TURN_EVERY, turns },
  );
  const { longestMillis, p999Millis } = turns.stop();
  recorder.value("ingest, longest stall of the event loop", "ms", longestMillis, "lower");
  recorder.value("ingest, p99.9 turn of the event loop", "ms", p999Millis, "lower");
  await getRows(ground, order.subarray(0, 1_000));
}
