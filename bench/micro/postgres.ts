/**
 * How long operations of the typed store take on PostgreSQL, on a cable of no length and on one of 2 ms there and back.
 *
 *   npx tsx bench/micro/postgres.ts [documents]
 *
 * The server is the one that the tests start, on this machine, and waits for its disk at each commit. One operation after
 * the other; medians of milliseconds, the least of three rounds.
 */
import { postgres } from "../../src/engine/postgres/index.ts";
import { operations, storeWith } from "../../test/engine/postgres/store-operations.ts";
import { proxyTo } from "../../test/support/postgres/proxy.ts";
import { startServer } from "../../test/support/postgres/start-server.ts";

const ROWS = Number(process.argv[2] ?? 20);
const ROUNDS = 3;
const TIMES = 60;
/** In each direction. */
const DELAYS_MILLIS = [0, 1];

const server = await startServer({ tcp: true, durable: true });
const figures = new Map<string, number[]>();
try {
  for (let round = 0; round < ROUNDS; round++) {
    for (const [at, delayMillis] of DELAYS_MILLIS.entries()) {
      await measure(delayMillis, (name, millis) => {
        const row = figures.get(name) ?? [];
        row[at] = Math.min(row[at] ?? Infinity, millis);
        figures.set(name, row);
      });
    }
  }
} finally {
  await server.stop();
}
console.log(`| operation, ${ROWS} documents | no delay, ms | 2 ms a round trip, ms |`);
console.log("| --- | --- | --- |");
for (const [name, row] of figures)
  console.log(`| ${name} | ${row.map((millis) => millis.toFixed(2)).join(" | ")} |`);

async function measure(
  delayMillis: number,
  found: (name: string, millis: number) => void,
): Promise<void> {
  const proxy = await proxyTo(server.tcpUrl!);
  proxy.delayMillis = delayMillis;
  const table = `bench_${Math.round(performance.timeOrigin + performance.now())}`;
  const engine = postgres({ url: proxy.url, table });
  const on = await storeWith(engine, Math.max(ROWS, TIMES));
  const meant = { ...on, rows: ROWS };
  try {
    for (const [name, operation] of Object.entries(operations)) {
      const isDelete = name.startsWith("delete");
      const millis: number[] = [];
      for (let n = 0; n < (isDelete ? 1 : TIMES); n++) {
        const start = performance.now();
        await operation(meant);
        millis.push(performance.now() - start);
      }
      found(name, millis.toSorted((a, b) => a - b)[millis.length >> 1]!);
    }
  } finally {
    await on.store.close();
    await proxy.close();
  }
}
