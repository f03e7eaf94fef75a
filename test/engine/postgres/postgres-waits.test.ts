/** A server that goes and comes back, hosts that are not there, a way that falls silent; and what is counted of it. */
import { collection, open } from "kotobadb";
import { z } from "zod";
import { describe, expect, it, vi } from "vitest";
import { nodeHost } from "../../../src/engine/lsm/host/index.ts";
import { postgres } from "../../../src/engine/postgres/index.ts";
import {
  bytes,
  closing,
  engineAt,
  failureOf,
  plan,
  proxyToShared,
  put,
} from "../../support/postgres/engine-kit.ts";
import { freshTable, sharedServer, skipReason } from "../../support/postgres/shared-server.ts";
import { startServer } from "../../support/postgres/start-server.ts";

vi.setConfig({ testTimeout: 60_000 });

/** Host and port of the server of this run. */
function place(): string {
  return new URL(sharedServer().tcpUrl).host;
}

describe.skipIf(skipReason !== undefined)("a server that is away", () => {
  it("for a restart only is waited for, by reads and by transactions, and none of them fails", async () => {
    const server = await startServer({ durable: true });
    closing.push({ close: () => server.stop() });
    const Counters = collection("counters", z.object({ count: z.number() }));
    const engine = postgres({ url: server.url });
    await using db = await open({ engine }, { collections: { counters: Counters } });
    const { id } = await db.counters.insert({ count: 0 });
    let isOver = false;
    let counted = 0;
    const writer = (async () => {
      for (; !isOver; counted++)
        await db.counters.update(id, ({ count }) => ({ count: count + 1 }));
    })();
    const reader = (async () => {
      while (!isOver) await db.counters.getOrThrow(id);
    })();

    await expect.poll(() => counted).toBeGreaterThan(20);
    await server.restart();
    const atRestart = counted;
    await expect.poll(() => counted, { timeout: 20_000 }).toBeGreaterThan(atRestart + 20);
    isOver = true;
    await Promise.all([writer, reader]);

    expect((await db.counters.getOrThrow(id)).count).toBe(counted);
    expect(engine.stats!()["connectionsLost"]).toBeGreaterThan(0);
  });

  it("for longer than acquireMillis is told as what it is, and not as too few connections", async () => {
    const proxy = await proxyToShared();
    const engine = engineAt({ url: proxy.url, acquireMillis: 400 });
    await engine.write(plan(put("a", "1")));
    await proxy.close();
    await expect
      .poll(async () => failureOf(engine.write(plan(put("a", "2")))))
      .toMatchObject({
        code: "Unavailable",
        details: { code: "ECONNREFUSED" },
        committed: "no",
      });

    const start = performance.now();
    const error = await failureOf(engine.write(plan(put("a", "2"))));

    expect(error).toMatchObject({ code: "Unavailable", details: { code: "ECONNREFUSED" } });
    expect(performance.now() - start).toBeGreaterThan(300);
  });

  it("without a word is given up: its machine, or the way to it, may be gone", async () => {
    const proxy = await proxyToShared();
    const host = nodeHost();
    const asked: number[] = [];
    const timers = {
      ...host.timers,
      // Half a minute is a second here: less would be silence on a machine that is busy.
      later: (millis: number, task: () => void) => {
        asked.push(millis);
        return host.timers.after(millis / 30, task);
      },
    };
    const engine = engineAt({ url: proxy.url, statementMillis: 25_000, host: { ...host, timers } });
    await engine.write(plan(put("a", "1")));
    const view = await engine.begin();
    await view.get(bytes("a"));

    proxy.isSilent = true;
    const read = await failureOf(view.get(bytes("a")));
    view.abort();
    proxy.isSilent = false;
    await engine.write(plan(put("a", "2")));
    proxy.isSilent = true;
    const written = await failureOf(engine.write(plan(put("a", "3"))));

    expect(read).toMatchObject({ code: "Unavailable", committed: "no" });
    expect(written).toMatchObject({ code: "CommitUnknown", committed: "unknown" });
    expect(new Set(asked)).toEqual(new Set([30_000]));
  });
});

describe.skipIf(skipReason !== undefined)("several hosts", () => {
  it("are tried one after the other, until one is there", async () => {
    const url = `postgres://postgres@127.0.0.1:9,${place()}/postgres`;
    const engine = engineAt({ url });

    await engine.write(plan(put("a", "1")));

    expect(engine.stats!()["connections"]).toBe(1);
  });

  it("that are all away are each told with the reason, and no password", async () => {
    const engine = engineAt({ url: "postgres://app:secret@127.0.0.1:9,127.0.0.1:10/app" });

    const error = await failureOf(engine.write(plan(put("a", "1"))));

    expect(error).toMatchObject({
      code: "Unavailable",
      details: { hosts: "127.0.0.1:9: ECONNREFUSED; 127.0.0.1:10: ECONNREFUSED" },
    });
    expect(String(error)).not.toContain("secret");
  });

  it("of which one refuses the role are not asked further: another would, too", async () => {
    const url = `postgres://stranger@${place()},127.0.0.1:9/postgres`;

    expect(await failureOf(engineAt({ url }).write(plan(put("a", "1"))))).toMatchObject({
      code: "NoPermission",
    });
  });
});

describe.skipIf(skipReason !== undefined)("the figures of an engine", () => {
  it("count commits, conflicts, lost answers and connections", async () => {
    const proxy = await proxyToShared();
    const engine = engineAt({ url: proxy.url });
    await engine.write(plan(put("a", "1")));
    const both = [await engine.begin(), await engine.begin()] as const;
    for (const one of both) await one.get(bytes("a"));
    const changed = { ...plan(put("a", "2")), readKeys: [bytes("a")] };

    await both[0].commit(changed);
    const lost = await failureOf(both[1].commit(changed));
    proxy.cutsAfter = (sent) => sent.includes("lost answer");
    await failureOf(engine.write(plan(put("b", "lost answer"))));

    expect(lost).toMatchObject({ _tag: "Conflict" });
    expect(engine.stats!()).toMatchObject({
      commits: 2,
      conflicts: 1,
      batchRetries: 0,
      answersLost: 1,
      connectionsMade: 2,
      connectionsStale: 0,
      waiting: 0,
    });
    // The one whose answer was lost is seen to be so when it is asked for next, or when it is given back.
    expect(engine.stats!()["connectionsLost"]).toBe(1);
  });
});

describe.skipIf(skipReason !== undefined)(
  "a read whose commit cannot be told from others' yet",
  () => {
    it("waits for them in the end, instead of losing for ever", async () => {
      const table = freshTable();
      const engine = engineAt({ table });
      await engine.write(plan(put("a", "1"), put("b", "1")));
      const [first, pivot] = [await engine.begin(), await engine.begin()];
      // The pivot has read what the first one changes, and is the one that the reader would have to come before.
      await pivot.get(bytes("a"));
      await first.get(bytes("c"));
      await first.commit({ ...plan(put("a", "2")), readKeys: [bytes("c")] });
      const reader = await engine.begin({ readOnly: true, isRetry: true });
      const reading = Promise.resolve(reader.getMany([bytes("a"), bytes("b")]));
      let isRead = false;
      void reading.then(() => (isRead = true));

      await new Promise((resolve) => setTimeout(resolve, 200));
      const wasRead = isRead;
      await pivot.commit({ ...plan(put("b", "2")), readKeys: [bytes("a")] });
      const values = await reading;
      await reader.commit({ ...plan(), readKeys: [bytes("a"), bytes("b")] });

      expect(wasRead).toBe(false);
      expect(values.map((value) => new TextDecoder().decode(value!))).toEqual(["2", "2"]);
    });
  },
);
