/** Leaders of a cluster are killed and come back while histories are recorded, counters counted and changes followed. */
import { setTimeout } from "node:timers/promises";
import { collection, open } from "kotobadb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { StorageEngine, WriteOp } from "../../../src/engine/contract/index.ts";
import { checkHistory, recordHistory } from "../../../src/testing/index.ts";
import { allEntries } from "../../../src/testing/kit/index.ts";
import { skipReason, startCluster } from "../../support/etcd/start-cluster.ts";
import type { TestCluster } from "../../support/etcd/start-cluster.ts";
import { EtcdEngine } from "./etcd-engine.ts";

let cluster: TestCluster;

const PEACE_MILLIS = 200;

/** Kills the leader, waits for another one and starts it again, so often or until the work is done. */
async function whileLeadersDie<T>(
  killsMax: number,
  work: (kills: () => number) => Promise<T>,
): Promise<{ readonly result: T; readonly kills: number }> {
  let isDone = false;
  let kills = 0;
  const working = work(() => kills).finally(() => {
    isDone = true;
  });
  const killing = (async () => {
    while (kills < killsMax) {
      await setTimeout(PEACE_MILLIS);
      if (isDone) return;
      const leader = await cluster.leader();
      await cluster.kill(leader);
      await cluster.leader();
      await cluster.restart(leader);
      kills++;
    }
  })();
  const [result] = await Promise.all([working, killing]);
  return { result, kills };
}

describe.skipIf(skipReason !== undefined)("while leaders die", () => {
  beforeAll(async () => {
    cluster = await startCluster();
  }, 60_000);
  afterAll(() => cluster?.stop());

  it.each([1, 2])("histories have a serial order (seed %i)", async (seed) => {
    const engineOf = (): EtcdEngine =>
      new EtcdEngine({ urls: cluster.urls, name: `history${seed}` });
    const { kills, result } = await whileLeadersDie(3, () =>
      recordHistory(engineOf(), {
        seed,
        transactions: 400,
        reopen: async () => {
          await cluster.leader();
          return engineOf();
        },
      }),
    );

    const report = checkHistory(result);

    expect(report.text).toMatch(/0 problems, 0 cycles/);
    expect(report.committed).toBeGreaterThan(100);
    expect(kills).toBeGreaterThan(0);
  });

  it("every increment happens once, and nobody is told that it is not known", async () => {
    const collections = { counters: collection("counters", z.object({ count: z.number() })) };
    const engine = new EtcdEngine({ urls: cluster.urls, name: "counters" });
    await using db = await open({ engine }, { collections });
    const counters = await db.counters.insertMany([1, 2, 3].map(() => ({ count: 0 })));
    const counted = [0, 0, 0];
    const countUntil = async (isOver: () => boolean, worker: number): Promise<void> => {
      for (let n = worker; !isOver(); n++) {
        const at = n % counters.length;
        await db.transaction(
          async (tx) => {
            const { count, id } = await tx.counters.getOrThrow(counters[at]!.id);
            await tx.counters.update(id, { count: count + 1 });
          },
          { timeoutMillis: 30_000 },
        );
        counted[at]!++;
      }
    };

    const { kills } = await whileLeadersDie(3, (killed) =>
      Promise.all([0, 1, 2, 3].map((worker) => countUntil(() => killed() >= 3, worker))),
    );

    const counts = await Promise.all(
      counters.map(async ({ id }) => (await db.counters.getOrThrow(id)).count),
    );
    expect(counts).toEqual(counted);
    expect(Math.min(...counted)).toBeGreaterThan(20);
    expect(kills).toBeGreaterThanOrEqual(3);
  });

  it("a feed gives every commit once, whole and in order", async () => {
    const engine = new EtcdEngine({ urls: cluster.urls, name: "feed" });
    const [replica, versions] = [new Map<string, string>(), [] as string[]];
    const stop = new AbortController();
    const following = follow(engine, replica, versions, stop.signal);
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    const opsOf = (n: number): readonly WriteOp[] => [
      { op: "delRange", range: { start: bytes(`k${n % 7}`), end: bytes(`k${n % 7}~`) } },
      { op: "put", key: bytes(`k${n % 7}/${n}`), value: bytes(String(n)) },
      { op: "put", key: bytes(`k${(n + 1) % 5}`), value: bytes(String(n)) },
    ];

    await whileLeadersDie(2, async (killed) => {
      for (let n = 0; killed() < 2; n++)
        await engine.write({ ops: opsOf(n), requires: [] }).catch(() => {});
    });
    const { version } = await engine.write({ ops: opsOf(1), requires: [] });
    await expect.poll(() => versions.at(-1), { timeout: 10_000 }).toBe(version);
    stop.abort();
    await following;

    const view = engine.begin({ readOnly: true });
    const rows = await allEntries(view, { start: new Uint8Array(), end: undefined });
    view.abort();
    const text = (part: Uint8Array): string => new TextDecoder().decode(part);
    expect(Object.fromEntries(replica)).toEqual(
      Object.fromEntries(rows.map(({ key, value }) => [text(key), text(value)])),
    );
    expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => Number(a) - Number(b)));
    await engine.close();
  });
});

/** Keeps the replica as the engine's rows are, by its changes alone. */
async function follow(
  engine: StorageEngine,
  replica: Map<string, string>,
  versions: string[],
  signal: AbortSignal,
): Promise<void> {
  const text = (part: Uint8Array): string => new TextDecoder().decode(part);
  try {
    for await (const sets of engine.changes!(undefined, { signal }))
      for (const { ops, version } of sets) {
        versions.push(version);
        for (const op of ops) {
          if (op.op === "put") replica.set(text(op.key), text(op.value));
          if (op.op === "del") replica.delete(text(op.key));
          if (op.op !== "delRange") continue;
          const [start, end] = [text(op.range.start), text(op.range.end!)];
          for (const key of replica.keys()) if (key >= start && key < end) replica.delete(key);
        }
      }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
