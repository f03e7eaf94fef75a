/** Nodes are killed or fall silent, and come back, while histories are recorded, things are counted and changes followed. */
import { setTimeout } from "node:timers/promises";
import { collection, open } from "kotobadb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { andThen, overlaid } from "../../../src/base/index.ts";
import type { Awaitable } from "../../../src/base/index.ts";
import { StorageError } from "../../../src/engine/contract/index.ts";
import type { StorageEngine, WriteOp } from "../../../src/engine/contract/index.ts";
import { checkHistory, recordHistory } from "../../../src/testing/index.ts";
import { allEntries } from "../../../src/testing/kit/index.ts";
import { skipReason, startCluster } from "../../support/etcd/start-cluster.ts";
import type { TestCluster } from "../../support/etcd/start-cluster.ts";
import { EtcdEngine } from "./etcd-engine.ts";

let cluster: TestCluster;

const collections = {
  counters: collection("counters", z.object({ count: z.number() })),
  notes: collection("notes", z.object({ text: z.string() })),
};

const PEACE_MILLIS = 200;

/** How a node is lost and comes back: killed, the leader; or silent for a while, whichever it is. */
const LOSSES = {
  "leaders are killed": async () => {
    const leader = await cluster.leader();
    await cluster.kill(leader);
    await cluster.leader();
    await cluster.restart(leader);
  },
  "nodes fall silent": async (round: number) => {
    const node = round % cluster.urls.length;
    await cluster.pause(node);
    await cluster.leader();
    // What was sent to it meanwhile is given up, and reaches it when it goes on.
    await setTimeout(ANSWER_MILLIS_MAX + 200);
    await cluster.resume(node);
  },
};
const losses = Object.keys(LOSSES) as (keyof typeof LOSSES)[];
const ANSWER_MILLIS_MAX = 500;

function engineNamed(name: string): EtcdEngine {
  return new EtcdEngine({ urls: cluster.urls, name, answerMillisMax: ANSWER_MILLIS_MAX });
}

/** Loses nodes, one after the other, so often or until the work is done. */
async function whileNodesAreLost<T>(
  how: keyof typeof LOSSES,
  roundsMax: number,
  work: (rounds: () => number) => Promise<T>,
): Promise<{ readonly result: T; readonly rounds: number }> {
  let isDone = false;
  let rounds = 0;
  const lose = async (): Promise<void> => {
    while (rounds < roundsMax) {
      await setTimeout(PEACE_MILLIS);
      if (isDone) return;
      await LOSSES[how](rounds);
      rounds++;
    }
  };
  // Work that waits for rounds is not to wait for ever where one fails, nor the next test to begin before a node is back.
  const working = work(() => (isDone ? Infinity : rounds));
  const losing = lose();
  const ended = (): void => {
    isDone = true;
  };
  working.then(ended, ended);
  losing.catch(ended);
  await Promise.allSettled([working, losing]);
  await losing;
  return { result: await working, rounds };
}

describe.skipIf(skipReason !== undefined)("a cluster that loses nodes", () => {
  beforeAll(async () => {
    cluster = await startCluster();
  }, 60_000);
  afterAll(() => cluster?.stop());

  it.each(losses)("has histories with a serial order: %s", async (how) => {
    const name = `history, ${how}`;
    const { result, rounds } = await whileNodesAreLost(how, 3, () =>
      recordHistory(engineNamed(name), {
        transactions: 400,
        reopen: async () => {
          await cluster.leader();
          return engineNamed(name);
        },
      }),
    );

    const report = checkHistory(result);

    expect(report.text).toMatch(/0 problems, 0 cycles/);
    expect(report.committed).toBeGreaterThan(100);
    expect(rounds).toBeGreaterThan(0);
  });

  it.each(losses)("does everything once, and all is known: %s", async (how) => {
    const { counted, counts, notes, written } = await workThrough(how, engineNamed(`work, ${how}`));

    expect(counts).toEqual(counted);
    expect(notes).toEqual(written);
  });

  it("shows it where a lost answer is taken for one that nothing happened", async () => {
    let twice = 0;
    // What is on its way to a silent node nearly always comes to something when the node goes on.
    for (let attempt = 1; attempt <= 3 && twice === 0; attempt++) {
      const engine = forgetful(engineNamed(`forgetful ${attempt}`));
      const { notes, written } = await workThrough("nodes fall silent", engine);
      twice = notes.length - written.length;
    }

    expect(twice).toBeGreaterThan(0);
  });

  it("has feeds that give every commit once, whole and in order", async () => {
    const engine = engineNamed("feed");
    const [replica, versions] = [new Map<string, string>(), [] as string[]];
    const stop = new AbortController();
    const following = follow(engine, replica, versions, stop.signal);
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    const opsOf = (n: number): readonly WriteOp[] => [
      { op: "delRange", range: { start: bytes(`k${n % 7}`), end: bytes(`k${n % 7}~`) } },
      { op: "put", key: bytes(`k${n % 7}/${n}`), value: bytes(String(n)) },
      { op: "put", key: bytes(`k${(n + 1) % 5}`), value: bytes(String(n)) },
    ];

    await whileNodesAreLost("leaders are killed", 2, async (rounds) => {
      for (let n = 0; rounds() < 2; n++)
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

/** Four workers count by reading and writing, and write notes that nothing but their tokens protects, until nodes were lost. */
async function workThrough(how: keyof typeof LOSSES, engine: StorageEngine) {
  const [roundsMax, notesMin] = [3, 40];
  await using db = await open({ engine }, { collections });
  const counters = await db.counters.insertMany([1, 2, 3].map(() => ({ count: 0 })));
  const counted = [0, 0, 0];
  const written: string[] = [];
  const options = { timeoutMillis: 30_000 };
  const work = async (isOver: () => boolean, worker: number): Promise<void> => {
    for (let n = worker; !isOver(); n++) {
      const at = n % counters.length;
      await db.transaction(async (tx) => {
        const { count, id } = await tx.counters.getOrThrow(counters[at]!.id);
        await tx.counters.update(id, { count: count + 1 });
      }, options);
      counted[at]!++;
      const text = `${worker}/${n}`;
      await db.transaction((tx) => tx.notes.insert({ text }), options);
      written.push(text);
    }
  };
  await whileNodesAreLost(how, roundsMax, (rounds) => {
    const isOver = (): boolean => rounds() >= roundsMax && written.length >= notesMin;
    return Promise.all([0, 1, 2, 3].map((worker) => work(isOver, worker)));
  });
  const counts: number[] = [];
  for (const { id } of counters) counts.push((await db.counters.getOrThrow(id)).count);
  const notes = (await db.notes.all()).map(({ text }) => text);
  return { counted, counts, notes: notes.toSorted(), written: written.toSorted() };
}

/** Says of every commit whose answer was lost that nothing of it is or will be. */
function forgetful(engine: StorageEngine): StorageEngine {
  const forgetting = async <T>(commit: Awaitable<T>): Promise<T> => {
    try {
      return await commit;
    } catch (error) {
      const isLost = error instanceof StorageError && error.code === "CommitUnknown";
      throw isLost ? new StorageError("Unavailable") : error;
    }
  };
  return overlaid(engine, {
    begin: (options) =>
      andThen(engine.begin(options), (tx) =>
        overlaid(tx, { commit: (plan) => forgetting(tx.commit(plan)) }),
      ),
    write: (plan) => forgetting(engine.write(plan)),
  });
}

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
