/** Single puts and durable ones; batched fills stand in run.ts, where the order of things is. */
import type { Ground } from "./ground.ts";
import { BATCH_ROWS, wrongAnswer } from "./ground.ts";
import { getRows } from "./reads.ts";
import { shuffled, uniform } from "./rows.ts";

export async function putOneByOne(ground: Ground): Promise<void> {
  const { counts, recorder, rows, store } = ground;
  const order = uniform(rows.count, counts.puts, 51);
  await recorder.each("put, awaited", order.length, (i) => {
    const n = order[i]!;
    return store.put(rows.key(n), rows.nextValue(n));
  });
  await getRows(ground, order.subarray(0, 1_000));
}

/** Every acknowledged put is on the disk: one writer, then many at a time. */
export async function putDurably(ground: Ground): Promise<void> {
  const { counts, recorder, rows, store } = ground;
  const order = shuffled(rows.count, 52);
  await recorder.each("put, durable", counts.syncs, (i) => {
    const n = order[i % order.length]!;
    return store.put(rows.key(n), rows.nextValue(n));
  });
  await putTogether(ground, order, 64, counts.syncsTogether);
  await getRows(ground, order.subarray(0, Math.min(1_000, counts.syncs)));
}

async function putTogether(
  { recorder, rows, store }: Ground,
  order: Uint32Array,
  writers: number,
  count: number,
): Promise<void> {
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < count) {
      const n = order[next++ % order.length]!;
      await store.put(rows.key(n), rows.nextValue(n));
    }
  };
  await recorder.rate(`put, durable, ${writers} writers`, count, async () => {
    await Promise.all(Array.from({ length: writers }, writer));
  });
}

/** Half of the rows, in an order without pattern, batched. They are gone afterwards. */
export async function removeHalf({ recorder, rows, store }: Ground): Promise<void> {
  const order = shuffled(rows.count, 53).subarray(0, rows.count >> 1);
  await recorder.rate("delete, batched", order.length, async () => {
    for (let from = 0; from < order.length; from += BATCH_ROWS) {
      const keys = Array.from(order.subarray(from, from + BATCH_ROWS), (n) => rows.key(n));
      const answer = store.remove(keys);
      if (answer instanceof Promise) await answer;
    }
  });
  for (const n of order.subarray(0, 1_000)) {
    const stamp = await store.stamp(rows.key(n));
    if (stamp !== -1) throw wrongAnswer(`get of deleted row ${n}`, -1, stamp);
  }
}
