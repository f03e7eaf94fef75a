/** A primary that is lost, and a standby that takes its place: three servers, the typed store above them. */
import { collection, inc, open } from "kotobadb";
import { initTable, postgres } from "kotobadb/postgres";
import pg from "pg";
import { afterAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { startCluster } from "../../support/postgres/start-cluster.ts";
import type { TestCluster } from "../../support/postgres/start-cluster.ts";
import { freshTable, skipReason } from "../../support/postgres/shared-server.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const collections = {
  counters: collection("counters", z.object({ count: z.number() })),
  entries: collection("entries", z.object({ name: z.string(), worker: z.number() }), {
    indexes: { byName: { on: ["name"], unique: true }, byWorker: ["worker"] },
  }),
};

const isPossible = skipReason === undefined && process.platform !== "win32";

let running: Promise<TestCluster> | undefined;
const cluster = (): Promise<TestCluster> => (running ??= startCluster());
afterAll(async () => {
  const started = await running;
  await started?.stop();
});

async function sql(url: string, text: string): Promise<readonly unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

describe.skipIf(!isPossible)("a primary and two standbys", () => {
  it("a standby alone is refused, and said to be one", async () => {
    const { standbyUrls } = await cluster();

    const opened = open({ engine: postgres({ url: standbyUrls[0]!, table: freshTable() }) });

    await expect(opened).rejects.toMatchObject({
      code: "Unavailable",
      details: { server: "a standby" },
    });
  });

  it("a table is made by hand on the one of the hosts that is the primary", async () => {
    const { url } = await cluster();
    const table = freshTable();

    const made = await initTable({ url, table });
    await using db = await open({ engine: postgres({ url, table, makeTable: false }) });

    expect(made.table).toBe("made");
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
  });

  it("stale snapshots are read from a standby, others are not", async () => {
    const { primaryUrl, standbyUrls, url } = await cluster();
    const engine = postgres({ url, table: freshTable(), applicationName: "stale-reader" });
    await using db = await open({ engine }, { collections });
    await db.entries.insert({ name: "first", worker: 1 });
    const staleNames = async (): Promise<readonly string[]> => {
      using stale = db.snapshot({ stale: true });
      return (await stale.entries.where({ worker: 1 }).all()).map(({ name }) => name);
    };
    await expect.poll(staleNames).toEqual(["first"]);

    for (const one of standbyUrls) await sql(one, "select pg_wal_replay_pause()");
    await db.entries.insert({ name: "second", worker: 1 });
    const stale = await staleNames();
    using newest = db.snapshot();
    const now = await newest.entries.where({ worker: 1 }).count();
    for (const one of standbyUrls) await sql(one, "select pg_wal_replay_resume()");

    expect(stale).toEqual(["first"]);
    expect(now).toBe(2);
    await expect.poll(staleNames).toEqual(["first", "second"]);
    expect(engine.stats!()["connectionsStale"]).toBe(1);
    const onPrimary = await sql(
      primaryUrl,
      "select count(*)::int as n from pg_stat_activity where application_name = 'stale-reader'",
    );
    expect(onPrimary).toEqual([{ n: engine.stats!()["connections"] }]);
  });

  it("what is acknowledged stays when the primary is killed, each increment happens once, and no read fails", async () => {
    const group = await cluster();
    const engine = postgres({ url: group.url, table: freshTable(), connectionsMax: 8 });
    await using db = await open({ engine }, { collections });
    const counters = await db.counters.insertMany([1, 2, 3, 4].map(() => ({ count: 0 })));
    const acknowledged: string[] = [];
    let isOver = false;
    let reads = 0;
    const writers = counters.map(async ({ id }, worker) => {
      for (let n = 0; !isOver; n++) {
        const name = `${worker}/${n}`;
        await db.transaction(
          async (tx) => {
            await tx.counters.update(id, { count: inc(1) });
            await tx.entries.insert({ name, worker });
          },
          { timeoutMillis: 60_000 },
        );
        acknowledged.push(name);
      }
    });
    const reader = async (): Promise<void> => {
      for (; !isOver; reads++) {
        const { id } = counters[reads % counters.length]!;
        expect((await db.counters.getOrThrow(id)).count).toBeGreaterThanOrEqual(0);
      }
    };
    const readers = [reader(), reader()];
    const untilMore = async (count: number): Promise<void> => {
      const from = acknowledged.length;
      await expect
        .poll(() => acknowledged.length, { timeout: 60_000 })
        .toBeGreaterThan(from + count);
    };

    await untilMore(100);
    await group.failOver();
    const readsAtFailover = reads;
    await untilMore(100);
    isOver = true;
    await Promise.all([...writers, ...readers]);

    const names = new Set((await db.entries.all()).map(({ name }) => name));
    expect(acknowledged.filter((name) => !names.has(name))).toEqual([]);
    expect(names.size).toBe(acknowledged.length);
    const counts = (await db.counters.all()).map(({ count }) => count);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(acknowledged.length);
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
    expect(reads).toBeGreaterThan(readsAtFailover);
    expect(engine.stats!()["connectionsLost"]).toBeGreaterThan(0);
  });
});
