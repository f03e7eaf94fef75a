/** Indexes with `expire`: which documents go, and when. */
import {
  Closed,
  collection,
  InvalidDefinition,
  NestedTransaction,
  open,
  StorageError,
  UniqueViolation,
} from "kotobadb";
import { MemoryEngine } from "kotobadb/engine";
import { conflictFirst, fixedHost, SimulatedHost } from "kotobadb/testing";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { nodeTimers } from "../../../src/engine/lsm/host/index.ts";
import { turns } from "../../prove/kit/turns.ts";
import { promisedEngine } from "../../query/promised-engine.ts";
import { isElsewhere } from "../../support/elsewhere.ts";
import { dateIn, DAY, kinds, MINUTE, pass, SECOND, Sessions, targetOf, warned } from "./support.ts";

const collections = { sessions: Sessions };
/** What goes by turns of the loop, in which engines of this process have done their work, and what is about folders. */
const testOfOwnEngines = test.skipIf(isElsewhere());

describe.each(kinds)("in a database of the kind %s", (kind) => {
  const openOn = (host: SimulatedHost) => open(targetOf(kind), { collections, host });

  test("a document is deleted when its time has come, and none before", async () => {
    const host = new SimulatedHost();
    await using db = await openOn(host);
    const now = dateIn(host);
    await db.sessions.insertMany([
      { user: "old", lastSeen: dateIn(host, -30 * DAY) },
      { user: "almost", lastSeen: dateIn(host, -30 * DAY + 1) },
      { user: "new", lastSeen: now },
      { user: "due", lastSeen: now, expiresAt: now },
      { user: "later", lastSeen: now, expiresAt: dateIn(host, 1) },
      { user: "never", lastSeen: now, expiresAt: null },
      { user: "kept", lastSeen: dateIn(host, -300 * DAY), kept: true },
    ]);
    expect(await db.sessions.count()).toBe(7);
    expect(await db.expire()).toBe(2);
    const users = async () => (await db.sessions.orderBy("user").all()).map(({ user }) => user);
    expect(await users()).toEqual(["almost", "kept", "later", "never", "new"]);
    expect(await db.expire()).toBe(0);
    await host.timers.sleep(1);
    expect(await db.expire()).toBe(2);
    expect(await users()).toEqual(["kept", "never", "new"]);
    expect(await db.sessions.where({}).count()).toBe(3);
    expect(await db.sessions.where({ user: "old" }).count()).toBe(0);
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
    expect(warned(host)).toEqual([]);
  });

  testOfOwnEngines("nobody has to ask: it sleeps until the first one is due", async () => {
    const host = new SimulatedHost();
    await using db = await openOn(host);
    await db.sessions.insert({ user: "a", lastSeen: dateIn(host, -30 * DAY + 20 * SECOND) });
    await db.sessions.insert({ user: "b", lastSeen: dateIn(host, -30 * DAY + 40 * SECOND) });
    await pass(host, 1 * SECOND);
    await pass(host, 18 * SECOND);
    expect(await db.sessions.count()).toBe(2);
    await pass(host, 1 * SECOND);
    expect((await db.sessions.all()).map(({ user }) => user)).toEqual(["b"]);
    await pass(host, 20 * SECOND);
    expect(await db.sessions.count()).toBe(0);
  });

  testOfOwnEngines("what came while it slept is deleted within a minute of its time", async () => {
    const host = new SimulatedHost();
    await using db = await openOn(host);
    await db.sessions.insert({ user: "a", lastSeen: dateIn(host) });
    await pass(host, 1 * SECOND);
    await db.sessions.insert({
      user: "b",
      lastSeen: dateIn(host),
      expiresAt: dateIn(host, 2 * SECOND),
    });
    await pass(host, 2 * SECOND);
    // It may still be there; a filter of the program's own leaves it out.
    expect(await db.sessions.where({ expiresAt: { gt: dateIn(host) } }).count()).toBe(0);
    await pass(host, MINUTE);
    expect((await db.sessions.all()).map(({ user }) => user)).toEqual(["a"]);
  });

  testOfOwnEngines("a document whose date was moved in time stays", async () => {
    const host = new SimulatedHost();
    await using db = await openOn(host);
    const { id } = await db.sessions.insert({ user: "a", lastSeen: dateIn(host) });
    for (let week = 0; week < 10; week++) {
      await pass(host, 7 * DAY);
      await db.sessions.update(id, { lastSeen: dateIn(host) });
    }
    expect(await db.sessions.count()).toBe(1);
    await pass(host, 30 * DAY);
    expect(await db.sessions.count()).toBe(0);
  });

  test("its unique keys are free again, and its counts are taken back", async () => {
    const host = new SimulatedHost();
    await using db = await openOn(host);
    await db.sessions.insert({ user: "a", lastSeen: dateIn(host), expiresAt: dateIn(host, 5) });
    const again = { user: "a", lastSeen: dateIn(host) };
    await expect(db.sessions.insert(again)).rejects.toThrow(UniqueViolation);
    await host.timers.sleep(5);
    expect(await db.expire()).toBe(1);
    await db.sessions.insert(again);
    expect(await db.sessions.where({ user: "a" }).count()).toBe(1);
    expect(await db.sessions.count()).toBe(1);
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
  });

  testOfOwnEngines("many at once go in batches, and others write in between", async () => {
    const host = new SimulatedHost();
    await using db = await openOn(host);
    const seen = dateIn(host, -40 * DAY);
    await db.sessions.insertMany(
      Array.from({ length: 500 }, (_, n) => ({ user: `u${n}`, lastSeen: seen })),
    );
    const expired = db.expire();
    const counts: number[] = [];
    for (let n = 0; n < 5; n++) {
      await db.sessions.insert({ user: `new ${n}`, lastSeen: dateIn(host) });
      counts.push(await db.sessions.count());
      await turns(2);
    }
    expect(await expired).toBe(500);
    // Some of them saw a part of it.
    expect(counts.filter((count) => count > 5 && count < 500).length).toBeGreaterThan(0);
    expect(await db.sessions.count()).toBe(5);
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
  });

  testOfOwnEngines(
    "a clock that is set back makes documents go later, one that is set forward earlier",
    async () => {
      const host = new SimulatedHost();
      await using db = await openOn(host);
      const clock = host.clock as { nowMillis: () => number };
      const right = clock.nowMillis;
      await db.sessions.insert({
        user: "a",
        lastSeen: dateIn(host),
        expiresAt: dateIn(host, MINUTE),
      });
      clock.nowMillis = () => right() - DAY;
      await pass(host, 10 * MINUTE);
      expect(await db.sessions.count()).toBe(1);
      expect(await db.expire()).toBe(0);
      clock.nowMillis = right;
      await pass(host, MINUTE);
      expect(await db.sessions.count()).toBe(0);
      await db.sessions.insert({ user: "b", lastSeen: dateIn(host) });
      clock.nowMillis = () => right() + 31 * DAY;
      await pass(host, MINUTE);
      expect(await db.sessions.count()).toBe(0);
      expect(warned(host)).toEqual([]);
    },
  );

  testOfOwnEngines("live queries hear of it", async () => {
    const host = new SimulatedHost();
    await using db = await openOn(host);
    await db.sessions.insert({ user: "a", lastSeen: dateIn(host), expiresAt: dateIn(host, 5) });
    const seen: string[][] = [];
    using _live = db.sessions.where({}).live(({ rows }) => {
      seen.push(rows.map(({ user }) => user));
    });
    await turns(20);
    await pass(host, MINUTE);
    expect(seen).toEqual([["a"], []]);
  });

  test("in the body of a transaction it is refused", async () => {
    const host = new SimulatedHost();
    await using db = await openOn(host);
    await expect(db.transaction(() => db.expire())).rejects.toThrow(NestedTransaction);
  });

  testOfOwnEngines("a closed database deletes nothing, and says so when asked", async () => {
    const host = new SimulatedHost();
    const db = await openOn(host);
    await db.sessions.insert({ user: "a", lastSeen: dateIn(host, -40 * DAY) });
    await db.close();
    await pass(host, 10 * MINUTE);
    await expect(db.expire()).rejects.toThrow(Closed);
    expect(warned(host)).toEqual([]);
    if (kind === "memory") return;
    await using again = await openOn(host);
    expect(await again.sessions.count()).toBe(1);
    await pass(host, SECOND);
    expect(await again.sessions.count()).toBe(0);
  });

  testOfOwnEngines(
    "a close in the midst of it leaves whole transactions, and no error",
    async () => {
      for (let wait = 0; wait < 24; wait += 3) {
        const host = new SimulatedHost({ seed: wait, syncMillis: { least: 0, most: 2 } });
        const db = await openOn(host);
        await db.sessions.insertMany(
          Array.from({ length: 300 }, (_, n) => ({
            user: `u${n}`,
            lastSeen: dateIn(host, -40 * DAY),
          })),
        );
        await host.timers.sleep(SECOND);
        await turns(wait);
        await db.close();
        expect(warned(host)).toEqual([]);
        if (kind === "memory") continue;
        await using again = await openOn(host);
        expect([300, 236, 172, 108, 44, 0]).toContain(await again.sessions.count());
        expect(await again.verify()).toEqual({ ok: true, problems: [] });
      }
    },
  );
});

testOfOwnEngines(
  "asked for and then closed, it fails with Closed, and what was deleted is deleted",
  async () => {
    const host = new SimulatedHost({ syncMillis: 1 });
    const db = await open("/data", { collections, host });
    await db.sessions.insertMany(
      Array.from({ length: 300 }, (_, n) => ({ user: `u${n}`, lastSeen: dateIn(host, -40 * DAY) })),
    );
    const expired = expect(db.expire()).rejects.toThrow(Closed);
    await turns(6);
    await db.close();
    await expired;
    await using again = await open("/data", { collections, host });
    const left = await again.sessions.count();
    expect(left).toBeLessThan(300);
    expect(await again.expire()).toBe(left);
  },
);

testOfOwnEngines.each(kinds)(
  "a load that never ends keeps no database from closing: %s",
  async (kind) => {
    const host = new SimulatedHost();
    const db = await open(targetOf(kind), { collections, host });
    await db.ready();
    const never = async function* () {
      yield { user: "a", lastSeen: dateIn(host, -40 * DAY) };
      await new Promise(() => undefined);
    };
    void db.sessions.load(never()).catch(() => undefined);
    await pass(host, SECOND);
    const expired = expect(db.expire()).rejects.toThrow(Closed);
    await turns(50);
    await db.close();
    await expired;
    expect(warned(host)).toEqual([]);
  },
);

testOfOwnEngines(
  "an engine that is far away, and one on which nobody succeeds at once, delete the same",
  async () => {
    for (const engine of [promisedEngine(new MemoryEngine()), conflictFirst(new MemoryEngine())]) {
      const host = new SimulatedHost();
      await using db = await open({ engine }, { collections, host });
      await db.sessions.insertMany(
        Array.from({ length: 150 }, (_, n) => ({
          user: `u${n}`,
          lastSeen: dateIn(host, n < 100 ? -40 * DAY : 0),
        })),
      );
      await pass(host, SECOND);
      await pass(host, MINUTE);
      expect(await db.sessions.count()).toBe(50);
      expect(await db.expire()).toBe(0);
      await pass(host, 30 * DAY);
      expect(await db.sessions.count()).toBe(0);
      expect(await db.verify()).toEqual({ ok: true, problems: [] });
      expect(warned(host)).toEqual([]);
    }
  },
);

testOfOwnEngines("changes() tells of it as of every delete", async () => {
  const host = new SimulatedHost();
  await using db = await open("/data", { collections, host, changeLog: true });
  const feed = db.sessions.changes()[Symbol.asyncIterator]();
  const first = feed.next();
  const { id } = await db.sessions.insert({ user: "a", lastSeen: dateIn(host, -40 * DAY) });
  expect((await first).value).toMatchObject({ type: "insert", id });
  const second = feed.next();
  expect(await db.expire()).toBe(1);
  expect((await second).value).toMatchObject({ type: "delete", id });
  await feed.return?.();
});

testOfOwnEngines(
  "a full disk is told and tried again, less and less often, until there is room",
  async () => {
    const host = new SimulatedHost();
    await using db = await open("/data", { collections, host });
    await db.sessions.insert({ user: "a", lastSeen: dateIn(host, -40 * DAY) });
    host.failFrom(host.calls + 1, "ENOSPC", ({ what }) => what === "write");
    for (let seconds = 0; seconds < 100; seconds++) await pass(host, SECOND);
    const told = warned(host).filter((text) => text.startsWith("expired documents of sessions: "));
    expect(told.length).toBeGreaterThan(3);
    expect(told.length).toBeLessThan(9);
    expect(host.warnings[0]?.error).toMatchObject({ cause: { _tag: "DiskFull" } });
    await expect(db.expire()).rejects.toMatchObject({ cause: { _tag: "DiskFull" } });
    expect(await db.sessions.count()).toBe(1);
    host.heal();
    for (let minutes = 0; minutes < 5; minutes++) await pass(host, MINUTE);
    expect(await db.sessions.count()).toBe(0);
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
  },
);

testOfOwnEngines(
  "a database that was opened to be read deletes nothing by itself, and refuses to when asked",
  async () => {
    const host = new SimulatedHost();
    const first = await open("/data", { collections, host });
    await first.sessions.insert({ user: "a", lastSeen: dateIn(host, -40 * DAY) });
    await first.close();
    await using db = await open("/data", { collections, host, readOnly: true });
    await pass(host, 10 * MINUTE);
    expect(await db.sessions.count()).toBe(1);
    await expect(db.expire()).rejects.toThrow(StorageError);
    expect(warned(host)).toEqual([]);
  },
);

testOfOwnEngines("two runs of one seed delete the same at the same moments", async () => {
  const run = async (): Promise<string> => {
    const slow = { least: 0, most: 5 };
    const host = new SimulatedHost({ seed: 3, traced: true, syncMillis: slow, readMillis: slow });
    const db = await open("/data", { collections, host });
    for (let n = 0; n < 60; n++) {
      const expiresAt = dateIn(host, (n % 7) * 10 * SECOND);
      await db.sessions.insert({ user: `u${n}`, lastSeen: dateIn(host), expiresAt });
      await host.timers.sleep(3 * SECOND);
    }
    expect(await db.sessions.count()).toBeLessThan(40);
    await db.close();
    return host.trace.join("\n");
  };
  expect(await run()).toBe(await run());
});

testOfOwnEngines(
  "one program has one `expire` for a collection; the next program may have another",
  async () => {
    const define = (expire: "10d" | "60d") =>
      collection("logs", z.object({ at: z.date() }), {
        indexes: { old: { on: ["at"], expire } },
      });
    const host = new SimulatedHost();
    const db = await open("/data", { collections: { logs: define("10d") }, host });
    const options = { indexes: { old: { on: ["at"], expire: "60d" } } } as const;
    expect(() => db.collection("logs", z.object({ at: z.date() }), options)).toThrow(
      InvalidDefinition,
    );
    await db.logs.insertMany([20, 70].map((days) => ({ at: dateIn(host, -days * DAY) })));
    await db.close();
    await using again = await open("/data", { collections: { logs: define("60d") }, host });
    expect(await again.expire()).toBe(1);
    expect(await again.logs.count()).toBe(1);
    expect(await again.verify()).toEqual({ ok: true, problems: [] });
  },
);

testOfOwnEngines(
  "with the clock of fixedHost() an application tests what its users will see",
  async () => {
    const host = fixedHost({ nowMillis: Date.UTC(2026, 0, 1) });
    await using db = await open(":memory:", { collections, host });
    await db.sessions.insert({ user: "a", lastSeen: new Date(host.clock.nowMillis()) });
    host.clock.advance(30 * DAY - 1);
    expect(await db.expire()).toBe(0);
    host.clock.advance(1);
    expect(await db.expire()).toBe(1);
  },
);

testOfOwnEngines("what is done later keeps no process alive", () => {
  const timers = () => process.getActiveResourcesInfo().filter((what) => what === "Timeout");
  const before = timers().length;
  const cancel = nodeTimers.later(60_000, () => undefined);
  expect(timers()).toHaveLength(before);
  const cancelOther = nodeTimers.after(60_000, () => undefined);
  expect(timers()).toHaveLength(before + 1);
  cancel();
  cancelOther();
});
