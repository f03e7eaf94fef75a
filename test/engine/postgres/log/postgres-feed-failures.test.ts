/** The change log on PostgreSQL while connections are cut and the server is killed: what is in the table is in the feed. */
import pg from "pg";
import { afterEach, describe, expect, it, vi } from "vitest";
import { proxyTo } from "../../../support/postgres/proxy.ts";
import { freshTable, sharedServer, skipReason } from "../../../support/postgres/shared-server.ts";
import { startServer } from "../../../support/postgres/start-server.ts";
import {
  apply,
  bytes,
  closeAll,
  closedAfterTest,
  engineOn,
  followUntil,
  plan,
  put,
  rowsOf,
} from "./feed-world.ts";
import type { Feeding, Rows } from "./feed-world.ts";

vi.setConfig({ testTimeout: 120_000 });
afterEach(closeAll);

const codeOf = (error: unknown): unknown => (error as { readonly code?: string }).code;

/** Writes rows with names of their own until told to stop, whatever happens, and notes those that were acknowledged. */
async function writeOn(
  engine: Feeding,
  who: string,
  stop: { readonly aborted: boolean },
  acknowledged: string[],
): Promise<void> {
  await Promise.all(
    Array.from({ length: 4 }, async (_, worker) => {
      for (let n = 0; !stop.aborted; n++) {
        const key = `w/${who}/${worker}/${n}`;
        try {
          await engine.write(plan(put(key, "1"), put(`w/last/${worker}`, key)));
          acknowledged.push(key);
        } catch (error) {
          expect(["CommitUnknown", "Unavailable", undefined]).toContain(codeOf(error));
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    }),
  );
}

async function insist(work: () => Promise<unknown>): Promise<void> {
  await vi.waitFor(work, { timeout: 20_000, interval: 20 });
}

/** Two programs write and a third follows, while `disturb` does its worst. */
async function followThrough(
  [one, two, reader]: readonly [Feeding, Feeding, Feeding],
  disturb: (written: () => number) => Promise<void>,
): Promise<void> {
  const start = (await one.write(plan(put("start", "")))).version;
  const following = followUntil(reader, start, "w/end");
  const stop = new AbortController();
  const acknowledged: string[] = [];
  const writing = [
    writeOn(one, "one", stop.signal, acknowledged),
    writeOn(two, "two", stop.signal, acknowledged),
  ];
  await disturb(() => acknowledged.length);
  stop.abort();
  await Promise.all(writing);
  await insist(async () => two.write(plan(put("w/end", ""))));
  const sets = await following;

  expect(acknowledged.length).toBeGreaterThan(50);
  const keys = sets.flatMap(({ ops }) =>
    ops.flatMap((op) => (op.op === "put" ? [new TextDecoder().decode(op.key)] : [])),
  );
  const own = keys.filter((key) => !key.startsWith("w/last/") && key !== "w/end");
  expect(new Set(own).size).toBe(own.length);
  expect(new Set(own)).toEqual(new Set([...own, ...acknowledged]));
  const fed: Rows = new Map();
  for (const set of sets) apply(fed, set);
  await insist(async () => {
    const view = await reader.begin({ readOnly: true });
    const rows = await rowsOf(view, "w/");
    view.abort();
    expect(fed).toEqual(rows);
  });
}

const wait = (millis: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, millis);
  });

describe.skipIf(skipReason !== undefined)("a change log on PostgreSQL that breaks down", () => {
  it("gives every commit once while connections of writers and readers are cut", async () => {
    const proxy = closedAfterTest(await proxyTo(sharedServer().tcpUrl));
    const [table, url] = [freshTable(), proxy.url];
    const engines = [0, 1, 2].map(() => engineOn(table, { url })) as [Feeding, Feeding, Feeding];

    await followThrough(engines, async (written) => {
      for (let i = 0; i < 12; i++) {
        const before = written();
        await wait(60);
        // A slow machine may not have connected yet.
        await insist(async () => expect(written()).toBeGreaterThan(before + 5));
        proxy.cutAll();
      }
    });
  });

  it("gives every commit once while the server is killed and started again", async () => {
    const server = await startServer({ durable: true });
    closedAfterTest({ close: () => server.stop() });
    const [table, { url }] = [freshTable(), server];
    const engines = [0, 1, 2].map(() => engineOn(table, { url })) as [Feeding, Feeding, Feeding];

    await followThrough(engines, async () => {
      for (let i = 0; i < 2; i++) {
        await wait(400);
        await server.restart();
      }
      await wait(400);
    });
  });

  it("gives a commit whose number was drawn before the server was killed, by a transaction that left nothing behind", async () => {
    // What nobody waits for stays in the server's memory until it is killed.
    const settings = { wal_writer_delay: "10s" };
    const server = await startServer({ durable: true, settings });
    closedAfterTest({ close: () => server.stop() });
    const [table, { url }] = [freshTable(), server];
    const [engine, reader] = [engineOn(table, { url }), engineOn(table, { url })];
    const start = (await engine.write(plan(put("start", "")))).version;
    const told: string[] = [];
    reader.onCommit((touched) => {
      told.push(...(touched?.keys ?? []).map((key) => Buffer.from(key).toString()));
    });
    const following = [start, undefined].map((after) => followUntil(reader, after, "end"));
    const raw = new pg.Client({ connectionString: url });
    raw.on("error", () => {});
    await raw.connect();
    for (let i = 0; i < 20; i++) {
      await raw.query("begin");
      await raw.query("select pg_current_xact_id()");
      await raw.query("rollback");
    }
    // The feeds look once more.
    await wait(400);

    await server.restart();
    await insist(async () => engine.write(plan(put("a", ""))));
    await engine.write(plan(put("end", "")));

    for (const sets of await Promise.all(following))
      expect(sets.flatMap(({ ops }) => ops)).toEqual([put("a", ""), put("end", "")]);
    await vi.waitFor(() => expect(told).toEqual(["a", "end"]));
  });

  it("wakes its listeners for what was committed while the server could not be reached", async () => {
    const proxy = closedAfterTest(await proxyTo(sharedServer().tcpUrl));
    const table = freshTable();
    const [away, other] = [engineOn(table, { url: proxy.url }), engineOn(table)];
    await other.write(plan(put("a", "1")));
    const told: string[] = [];
    const takeOff = away.onCommit((touched) => {
      told.push(
        ...(touched?.keys ?? [bytes("anything")]).map((key) => Buffer.from(key).toString()),
      );
    });
    await vi.waitFor(() => expect(told).toEqual(["anything"]));

    proxy.cutsBefore = () => true;
    proxy.cutAll();
    await other.write(plan(put("b", "1")));
    await wait(100);
    proxy.cutsBefore = () => false;

    await vi.waitFor(() => expect(told).toEqual(["anything", "b"]), { timeout: 10_000 });
    takeOff();
  });
});
