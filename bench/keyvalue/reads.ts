/** Gets and scans. Every answer is checked. */
import type { Ground } from "./ground.ts";
import { dataOf, wrongAnswer } from "./ground.ts";
import type { KeyValueStore, ScanRange } from "./key-value-store.ts";
import type { Rows } from "./rows.ts";
import { uniform, zipfian } from "./rows.ts";

/** Gets of these rows, one after the other; a promise is awaited where one is given. */
export async function getRows(
  { rows, store }: { readonly rows: Rows; readonly store: Pick<KeyValueStore, "stamp"> },
  order: Uint32Array,
): Promise<void> {
  const key = Buffer.alloc(rows.keyBytes);
  for (const n of order) {
    rows.writeKey(key, n);
    const answer = store.stamp(key);
    const stamp = typeof answer === "number" ? answer : await answer;
    if (stamp !== rows.stamp(n)) throw wrongAnswer(`get of row ${n}`, rows.stamp(n), stamp);
  }
}

/** Before anything was read: what the store's own caches hold is what opening put there. */
export async function readReopened(ground: Ground): Promise<void> {
  const { counts, recorder, rows } = ground;
  const order = uniform(rows.count, counts.coldGets, 31);
  await recorder.rate("get, reopened", order.length, () => getRows(ground, order), dataOf(ground));
}

const HOT_PARTS = 5;

export async function readPoints(ground: Ground): Promise<void> {
  const { counts, recorder, rows } = ground;
  // A fifth of the rows, side by side: less than any cache.
  const hotCount = Math.ceil(rows.count / HOT_PARTS);
  const hotData = dataOf(ground, 1 / HOT_PARTS);
  const data = dataOf(ground);
  await getRows(ground, uniform(hotCount, hotCount, 32));
  const hot = uniform(hotCount, counts.gets, 33);
  await recorder.rate("get, hot", hot.length, () => getRows(ground, hot), hotData);
  const random = uniform(rows.count, counts.gets, 34);
  await recorder.rate("get, random", random.length, () => getRows(ground, random), data);
  const zipf = zipfian(rows.count, counts.gets, 35);
  await recorder.rate("get, zipfian", zipf.length, () => getRows(ground, zipf), data);
  const missing = uniform(rows.count, counts.gets, 36);
  await recorder.rate("get, missing", missing.length, () => getMissing(ground, missing), data);
}

async function getMissing({ rows, store }: Ground, order: Uint32Array): Promise<void> {
  const key = Buffer.alloc(rows.keyBytes);
  for (const n of order) {
    rows.writeMissingKey(key, n);
    const answer = store.stamp(key);
    const stamp = typeof answer === "number" ? answer : await answer;
    if (stamp !== -1) throw wrongAnswer(`get of a missing key behind row ${n}`, -1, stamp);
  }
}

export async function readScans(ground: Ground): Promise<void> {
  const { counts, recorder, rows } = ground;
  const all = { start: rows.key(0), end: allRowsEnd(rows), limit: Infinity };
  const data = dataOf(ground);
  await scanAll(ground, { ...all, reverse: false });
  await recorder.rate(
    "scan of all",
    rows.count,
    () => scanAll(ground, { ...all, reverse: false }),
    data,
  );
  await recorder.rate(
    "scan of all, reverse",
    rows.count,
    () => scanAll(ground, { ...all, reverse: true }),
    data,
  );
  const hundreds = uniform(Math.floor(rows.count / 100), counts.prefixes, 41);
  await recorder.rate("prefix of 100", hundreds.length, () => scanPrefixes(ground, hundreds), data);
  const starts = uniform(rows.count - 10, counts.seeks, 42);
  await recorder.rate("seek and 10", starts.length, () => seekAndRead(ground, starts, 10), data);
}

/** Behind the last row that there will ever be. */
export function allRowsEnd(rows: Rows): Buffer {
  return Buffer.from([...rows.key(0).subarray(0, rows.keyBytes - 12), 0xff]);
}

export async function scanAll({ rows, store }: Ground, range: ScanRange): Promise<void> {
  const tally = await store.scan(range);
  const sum = rows.sum(0, rows.count);
  if (tally.rows !== rows.count) throw wrongAnswer("a scan of all", rows.count, tally.rows);
  if (tally.sum !== sum) throw wrongAnswer("a scan of all, summed", sum, tally.sum);
}

async function scanPrefixes({ rows, store }: Ground, hundreds: Uint32Array): Promise<void> {
  for (const hundred of hundreds) {
    const start = rows.hundredPrefix(hundred * 100);
    const end = Buffer.from(start);
    // No prefix of digits ends with 0xff.
    end[end.length - 1]!++;
    const answer = store.scan({ start, end, limit: Infinity, reverse: false });
    const tally = answer instanceof Promise ? await answer : answer;
    if (tally.rows !== 100) throw wrongAnswer(`the rows of prefix ${hundred}`, 100, tally.rows);
    if (hundred % 16 === 0) {
      const sum = rows.sum(hundred * 100, hundred * 100 + 100);
      if (tally.sum !== sum) throw wrongAnswer(`the sum of prefix ${hundred}`, sum, tally.sum);
    }
  }
}

/** From a row on, so many. */
export async function seekAndRead(
  { rows, store }: Ground,
  starts: Uint32Array,
  limit: number,
): Promise<void> {
  const start = Buffer.alloc(rows.keyBytes);
  const end = allRowsEnd(rows);
  for (const n of starts) {
    rows.writeKey(start, n);
    const answer = store.scan({ start, end, limit, reverse: false });
    const tally = answer instanceof Promise ? await answer : answer;
    const due = Math.min(limit, rows.count - n);
    if (tally.rows !== due) throw wrongAnswer(`the rows from ${n} on`, due, tally.rows);
    if (n % 16 === 0) {
      const sum = rows.sum(n, n + due);
      if (tally.sum !== sum) throw wrongAnswer(`the sum of the rows from ${n} on`, sum, tally.sum);
    }
  }
}
