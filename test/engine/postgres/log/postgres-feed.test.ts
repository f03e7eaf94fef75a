/** The change log on a PostgreSQL server: several programs write, and each commit is read once, whole and in its place. */
import pg from "pg";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CONFLICT } from "../../../../src/engine/contract/index.ts";
import type { ChangeSet, Version } from "../../../../src/engine/contract/index.ts";
import { nodeHost } from "../../../../src/engine/lsm/host/index.ts";
import { encodeOps } from "../../../../src/engine/postgres/log/logged-ops.ts";
import { freshTable, sharedServer, skipReason } from "../../../support/postgres/shared-server.ts";
import {
  apply,
  bytes,
  closeAll,
  closedAfterTest,
  engineOn,
  followUntil,
  plainEngineOn,
  plan,
  put,
  rowsOf,
} from "./feed-world.ts";
import type { Feeding, Rows } from "./feed-world.ts";

vi.setConfig({ testTimeout: 60_000 });
afterEach(closeAll);

/** A connection of nobody's engine: a transaction on it can be held where a test wants it. */
async function rawClient() {
  const client = new pg.Client({ connectionString: sharedServer().url });
  await client.connect();
  closedAfterTest({ close: () => client.end() });
  await client.query("select set_config('kotobadb.change_log', 'on', false)");
  return client;
}

/** Writes a row and its place in the log, as the engine does, without committing. */
async function beginWriting(client: pg.Client, table: string, key: string): Promise<void> {
  await client.query("begin isolation level serializable");
  await client.query(`insert into ${table}(k, v) values ($1, $2)`, [
    Buffer.from(key),
    Buffer.from("raw"),
  ]);
  const ops = Buffer.from(encodeOps([put(key, "raw")]));
  await client.query(`insert into ${table}_log(ops) values ($1)`, [ops]);
}

/** Small transactions, several at once: counters that are read and written, rows that come and go, and some that end in nothing. */
async function work(engine: Feeding, who: string, count: number): Promise<number> {
  let conflicts = 0;
  await Promise.all(
    Array.from({ length: 6 }, async (_, worker) => {
      for (let n = 0; n < count; n++) {
        const token = `w/${who}/${worker}/${n}`;
        const counter = bytes(`w/counter ${(worker + n) % 5}`);
        for (;;) {
          const tx = await engine.begin();
          try {
            const before = Number(new TextDecoder().decode((await tx.get(counter)) ?? bytes("0")));
            if (n % 7 === 3) break;
            const own =
              n % 4 === 2
                ? [{ op: "del" as const, key: bytes(`w/${who}/${worker}/${n - 1}`) }]
                : [];
            const ops = [
              put(token, "1"),
              ...own,
              { op: "put" as const, key: counter, value: bytes(String(before + 1)) },
            ];
            await tx.commit({ ops, requires: [], readKeys: [counter], readRanges: [] });
            break;
          } catch (error) {
            if (error !== CONFLICT) throw error;
            conflicts++;
          } finally {
            tx.abort();
          }
        }
      }
    }),
  );
  return conflicts;
}

function tokensOf(sets: readonly ChangeSet[]): readonly string[] {
  return sets.flatMap(({ ops }) =>
    ops.flatMap((op) => {
      const key = op.op === "put" ? new TextDecoder().decode(op.key) : "";
      return /^w\/\w+\/\d+\/\d+$/.test(key) ? [key] : [];
    }),
  );
}

function replay(sets: readonly ChangeSet[], start: Rows = new Map()): Rows {
  for (const set of sets) apply(start, set);
  return new Map([...start].filter(([key]) => key.startsWith("772f")));
}

/** Upkeep comes at once; that a server has fallen silent (35 s) is not to be believed any sooner. */
function sooner(millis: number): number {
  return millis < 30_000 ? Math.min(millis, 5) : millis;
}

describe.skipIf(skipReason !== undefined)("a change log on PostgreSQL", () => {
  it("gives every commit of two programs once, and what they lead to, while both write and lose", async () => {
    const table = freshTable();
    const [one, two, reader] = [engineOn(table), engineOn(table), engineOn(table)];
    const start = (await one.write(plan(put("start", "")))).version!;
    const following = followUntil(reader, start, "w/end");

    const conflicts = (await work(one, "one", 30)) + (await work(two, "two", 5));
    const both = await Promise.all([work(one, "a", 40), work(two, "b", 40)]);
    await two.write(plan(put("w/end", "")));
    const sets = await following;

    expect(conflicts + both[0] + both[1]).toBeGreaterThan(0);
    expect(new Set(sets.map(({ version }) => version)).size).toBe(sets.length);
    const tokens = tokensOf(sets);
    expect(new Set(tokens).size).toBe(tokens.length);
    const written = (count: number): number =>
      6 * Array.from({ length: count }, (_, n) => n).filter((n) => n % 7 !== 3).length;
    expect(tokens).toHaveLength(written(30) + written(5) + 2 * written(40));
    const view = await reader.begin({ readOnly: true });
    expect(replay(sets)).toEqual(await rowsOf(view, "w/"));
    view.abort();
  });

  it("goes on from any commit that it gave, without a gap and without a repeat", async () => {
    const table = freshTable();
    const [one, two] = [engineOn(table), engineOn(table)];
    const start = (await one.write(plan(put("start", "")))).version!;
    await Promise.all([work(one, "one", 8), work(two, "two", 8)]);
    await one.write(plan(put("w/end", "")));
    const all = await followUntil(two, start, "w/end");

    for (let i = 0; i < all.length - 1; i += 3) {
      const rest = await followUntil(one, all[i]!.version, "w/end");
      expect(tokensOf(rest)).toEqual(tokensOf(all.slice(i + 1)));
    }
  });

  it("and a snapshot's version meet: what the snapshot has not is what the log gives", async () => {
    const table = freshTable();
    const [one, two, reader] = [engineOn(table), engineOn(table), engineOn(table)];
    const working = Promise.all([work(one, "one", 40), work(two, "two", 40)]);
    const copies: { rows: Rows; version: Version }[] = [];
    for (let i = 0; i < 20; i++) {
      try {
        const snapshot = await reader.snapshot();
        copies.push({ rows: await rowsOf(snapshot, "w/"), version: snapshot.version! });
        snapshot.close();
      } catch (error) {
        // A state of no serial order is not shown.
        expect(error).toMatchObject({ code: "TooOld" });
      }
    }
    await working;
    await one.write(plan(put("w/end", "")));
    const last = await reader.snapshot();
    const rows = await rowsOf(last, "w/");
    last.close();

    expect(copies.some((copy) => copy.rows.size > 0 && copy.rows.size < rows.size)).toBe(true);
    for (const copy of copies) {
      const seen = [...copy.rows.keys()].map((key) => Buffer.from(key, "hex").toString());
      const sets = await followUntil(reader, copy.version, "w/end");
      expect(tokensOf(sets).filter((token) => seen.includes(token))).toEqual([]);
      expect(replay(sets, copy.rows)).toEqual(rows);
    }
  });

  it("does not wait for a transaction that is still open, and gives it when it commits; never if it is rolled back", async () => {
    const table = freshTable();
    const engine = engineOn(table);
    const start = (await engine.write(plan(put("start", "")))).version!;
    const [held, undone] = [await rawClient(), await rawClient()];
    await beginWriting(held, table, "held");
    await beginWriting(undone, table, "undone");
    const feed = engine.changes(start)[Symbol.asyncIterator]();
    const next = async (): Promise<readonly string[]> => {
      const { value } = (await feed.next()) as { value: readonly ChangeSet[] };
      return value.flatMap(({ ops }) =>
        ops.flatMap((op) => (op.op === "put" ? [new TextDecoder().decode(op.key)] : [])),
      );
    };

    await engine.write(plan(put("first", "")));
    const first = await next();
    const between = await engine.snapshot();
    await undone.query("rollback");
    await held.query("commit");
    const second = await next();
    await engine.write(plan(put("third", "")));
    const third = await next();

    expect([first, second, third]).toEqual([["first"], ["held"], ["third"]]);
    const since = await followUntil(engine, between.version, "third");
    expect(since.flatMap(({ ops }) => ops)).toEqual([put("held", "raw"), put("third", "")]);
    between.close();
    await feed.return!(undefined);
  });

  it("gives a key that one has deleted and another inserted in that order, whoever had begun to write first", async () => {
    const table = freshTable();
    const engine = engineOn(table);
    const { version } = await engine.write(plan(put("key", "old")));
    const [first, second] = [await rawClient(), await rawClient()];
    const del = { op: "del" as const, key: bytes("key") };

    await first.query("begin isolation level serializable");
    await first.query(`insert into ${table}(k, v) values ('other', 'x')`);
    await second.query("begin isolation level serializable");
    await second.query(`delete from ${table} where k = 'key'`);
    await second.query(`insert into ${table}_log(ops) values ($1)`, [
      Buffer.from(encodeOps([del])),
    ]);
    const inserting = first.query(`insert into ${table}(k, v) values ('key', 'new')`);
    await second.query("commit");
    await inserting;
    const ops = [put("other", "x"), put("key", "new")];
    await first.query(`insert into ${table}_log(ops) values ($1)`, [Buffer.from(encodeOps(ops))]);
    await first.query("commit");
    await engine.write(plan(put("end", "")));

    const sets = await followUntil(engine, version, "end");
    expect(sets.flatMap((set) => set.ops)).toEqual([del, ...ops, put("end", "")]);
  });

  it("loses its oldest commits when there are too many bytes of them, and says so to who needs them", async () => {
    const table = freshTable();
    const host = nodeHost();
    const later = (millis: number, task: () => void) => host.timers.later(sooner(millis), task);
    const engine = engineOn(table, {
      changeLog: { bytesMax: 100_000 },
      host: { ...host, timers: { ...host.timers, later } },
    });
    const raw = await rawClient();
    const start = (await engine.write(plan(put("start", "")))).version!;
    const late = (await engine.snapshot()).version!;
    const versions: Version[] = [];
    const big = "x".repeat(30_000);
    const kept = async (): Promise<number> => {
      const { rows } = await raw.query<{ readonly bytes: string }>(
        `select sum(octet_length(ops)) as bytes from ${table}_log`,
      );
      return Number(rows[0]!.bytes);
    };

    for (let i = 0; i < 120; i++)
      versions.push((await engine.write(plan(put(`w/${i}`, big)))).version!);
    await vi.waitFor(async () => {
      await engine.write(plan(put("again", "")));
      expect(await kept()).toBeLessThan(130_000);
    });
    await engine.write(plan(put("end", "")));

    for (const version of [start, late, versions[0]!])
      await expect(followUntil(engine, version, "end")).rejects.toMatchObject({ code: "TooOld" });
    const rest = await followUntil(engine, versions.at(-1)!, "end");
    expect(rest.flatMap(({ ops }) => ops).at(-1)).toEqual(put("end", ""));
    const snapshot = await engine.snapshot();
    expect(snapshot.version).toBe(rest.at(-1)!.version);
    snapshot.close();
  });

  it("of another server is not taken for one of this: neither its rows nor its versions", async () => {
    const table = freshTable();
    const engine = engineOn(table);
    const { version } = await engine.write(plan(put("a", "")));
    const later = `${BigInt(version!.split(/[-+]/)[0]!) + 1_000_000n}` as Version;
    await expect(followUntil(engine, later, "a")).rejects.toMatchObject({ code: "TooOld" });

    const raw = await rawClient();
    await raw.query(`insert into ${table}_log(xid, ops) values ('123456789012345', '')`);
    const refused = Promise.resolve(engineOn(table).write(plan(put("b", ""))));

    await expect(refused).rejects.toMatchObject({ code: "NotSupported" });
  });

  it("loses what has become too old", async () => {
    const table = freshTable();
    const host = nodeHost();
    const later = (millis: number, task: () => void) => host.timers.later(sooner(millis), task);
    const engine = engineOn(table, {
      changeLog: { millisMax: 50 },
      host: { ...host, timers: { ...host.timers, later } },
    });
    const start = (await engine.write(plan(put("start", "")))).version!;
    await engine.write(plan(put("a", "")));

    await vi.waitFor(async () => {
      await engine.write(plan(put("later", "")));
      await expect(followUntil(engine, start, "later")).rejects.toMatchObject({ code: "TooOld" });
    });
  });

  it("begins with the first commit after it was asked for, where no version says from where", async () => {
    const engine = engineOn(freshTable());
    await engine.write(plan(put("before", "")));

    const following = followUntil(engine, undefined, "two");
    await engine.write(plan(put("one", "")));
    await engine.write(plan(put("two", "")));

    const sets = await following;
    expect(sets.flatMap(({ ops }) => ops)).toEqual([put("one", ""), put("two", "")]);
  });

  it("ends by its signal and by the end of its engine, and takes no version of another kind", async () => {
    const engine = engineOn(freshTable());
    const { version } = await engine.write(plan(put("start", "")));
    const reason = new Error("enough");
    const ending = new AbortController();
    const aborted = engine.changes(version, { signal: ending.signal })[Symbol.asyncIterator]();
    const closed = engine.changes(version)[Symbol.asyncIterator]();
    const waiting = [aborted.next(), closed.next()].map((one) =>
      one.catch((error: unknown) => error),
    );

    ending.abort(reason);
    expect(await waiting[0]).toBe(reason);
    expect(() => engine.changes("sequence 7" as Version)).toThrow(/too old/);
    await engine.close();

    expect(await waiting[1]).toMatchObject({ _tag: "Closed" });
  });

  it("costs no round trip of a commit", async () => {
    const engine = engineOn(freshTable());
    await engine.write(plan(put("a", "0")));
    const tripsOf = async (work: () => Promise<unknown>): Promise<number> => {
      const before = engine.stats!()["roundTrips"]!;
      await work();
      return engine.stats!()["roundTrips"]! - before;
    };

    const batch = await tripsOf(async () => engine.write(plan(put("a", "1"), put("b", "1"))));
    const transaction = await tripsOf(async () => {
      const tx = await engine.begin();
      await tx.get(bytes("a"));
      await tx.commit({ ...plan(put("a", "2")), readKeys: [bytes("a")] });
    });

    expect([batch, transaction]).toEqual([1, 2]);
  });

  it("refuses the writes of a program that does not keep it, also of one that was there before", async () => {
    const table = freshTable();
    const without = plainEngineOn(table);
    await without.write(plan(put("a", "1")));
    const { version } = await engineOn(table).write(plan(put("b", "1")));

    const refused = await Promise.resolve(without.write(plan(put("c", "1")))).catch(
      (e: unknown) => e,
    );

    expect(refused).toMatchObject({ _tag: "StorageError", code: "NotSupported", committed: "no" });
    const reader = engineOn(table);
    await reader.write(plan(put("end", "")));
    const sets = await followUntil(reader, version, "end");
    expect(sets.flatMap(({ ops }) => ops)).toEqual([put("end", "")]);
  });
});
