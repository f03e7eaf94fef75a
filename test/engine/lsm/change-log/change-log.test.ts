/** The commits of the past, in order: whole, once each, across flushes, openings and power cuts, until they are too old. */
import { expect, test } from "vitest";
import { Closed } from "../../../../src/base/index.ts";
import { StorageError } from "../../../../src/engine/contract/index.ts";
import type { ChangeSet, Version, WriteOp } from "../../../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import type { LsmEngine, LsmOptions } from "../../../../src/engine/lsm/index.ts";
import { ROUNDS, TINY, bytes, del, delRange, entriesOf, put, text } from "../support.ts";
import { Dice, applied, sorted } from "../workload.ts";
import type { State } from "../workload.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

const PATH = "/db";
const open = (host: SimulatedHost, options: Partial<LsmOptions> = {}): Promise<LsmEngine> =>
  openLsmEngine({ path: PATH, host, ...TINY, changeLog: {}, ...options });
const at = (sequence: number): Version => String(sequence) as Version;

/** All commits after `after` up to the newest one that can be read. */
async function changesAfter(engine: LsmEngine, after: number): Promise<readonly ChangeSet[]> {
  const newest = Number(engine.snapshot().version);
  const found: ChangeSet[] = [];
  if (newest <= after) return found;
  for await (const batch of engine.changes!(at(after))) {
    found.push(...batch);
    if (Number(found.at(-1)!.version) >= newest) break;
  }
  return found;
}

const wordsOf = (ops: readonly WriteOp[]): string =>
  ops
    .map((op) => {
      if (op.op === "put") return `${text(op.key)}=${text(op.value)}`;
      if (op.op === "delRange") return `-${text(op.range.start)}..${text(op.range.end) ?? "end"}`;
      return `-${text(op.key)}`;
    })
    .join(" ");

function randomOps(dice: Dice, i: number): WriteOp[] {
  const key = `k${dice.below(20)}`;
  const ops: WriteOp[] = [put(`n`, `${i}`)];
  if (dice.below(5) === 0) ops.push(del(key));
  else ops.push(put(key, `${i}${"x".repeat(dice.below(100))}`));
  if (dice.below(9) === 0) ops.push(delRange("k1", dice.below(2) === 0 ? "k15" : undefined));
  return ops;
}

test("is there only where it is asked for, and keeps nothing where it is not", async () => {
  const host = new SimulatedHost();
  const engine = await openLsmEngine({ path: PATH, host, ...TINY });
  expect(engine.changes).toBeUndefined();
  expect(engine.capabilities.changes).toBe("wakeup");
  for (let i = 0; i < 100; i++)
    await engine.write({ ops: [put("k", "x".repeat(90))], requires: [] });
  await engine.flush();
  expect(host.paths().filter((path) => path.endsWith(".log"))).toHaveLength(1);
  await engine.close();
});

test("every commit comes once, whole and in order, with range deletes, from any version on", async () => {
  const host = new SimulatedHost();
  const dice = new Dice(4);
  const engine = await open(host);
  const wanted: string[] = [];
  for (let i = 1; i <= 150; i++) {
    const ops = randomOps(dice, i);
    await engine.write({ ops, requires: [] });
    wanted.push(wordsOf(ops));
  }
  expect(engine.stats()["flushes"]).toBeGreaterThan(3);
  for (const after of [0, 1, 30, 75, 149, 150]) {
    const found = await changesAfter(engine, after);
    expect(found.map(({ version }) => Number(version))).toEqual(
      wanted.slice(after).map((_, i) => after + i + 1),
    );
    expect(found.map(({ ops }) => wordsOf(ops))).toEqual(wanted.slice(after));
  }
  await engine.close();
});

test("merges are given with the value they led to", async () => {
  const host = new SimulatedHost();
  const engine = await open(host);
  const one = new Uint8Array([0, 0, 0, 0, 0, 0, 0, 1]);
  for (let i = 0; i < 3; i++) {
    const ops = [{ op: "merge", key: bytes("n"), how: "addInt", operand: one }] as const;
    await engine.write({ ops, requires: [] });
  }
  const found = await changesAfter(engine, 0);
  expect(found.map(({ ops }) => ops[0]?.op === "put" && ops[0].value[7])).toEqual([1, 2, 3]);
  await engine.close();
});

test("a reader that has caught up waits, is woken by commits, and ends by its signal or with the database", async () => {
  const host = new SimulatedHost();
  const engine = await open(host);
  await engine.write({ ops: [put("before", "")], requires: [] });
  const stop = new AbortController();
  const found: string[] = [];
  const follow = async (signal?: AbortSignal): Promise<unknown> => {
    try {
      for await (const batch of engine.changes!(
        undefined,
        signal === undefined ? {} : { signal },
      )) {
        for (const { ops } of batch) found.push(wordsOf(ops));
      }
      return undefined;
    } catch (error) {
      return error;
    }
  };
  const aborted = follow(stop.signal);
  const closed = follow();
  for (const key of ["a", "b"]) await engine.write({ ops: [put(key, "")], requires: [] });
  while (found.length < 4) await new Promise((resolve) => setImmediate(resolve));
  expect(found.toSorted()).toEqual(["a=", "a=", "b=", "b="]);
  stop.abort(new Error("enough"));
  expect(await aborted).toMatchObject({ message: "enough" });
  await engine.close();
  expect(await closed).toBeInstanceOf(Closed);
});

test("a version before the oldest kept log is TooOld, also for who falls behind while reading, and one that never was is too", async () => {
  const host = new SimulatedHost();
  const engine = await open(host, { changeLog: { bytesMax: 4_096 } });
  const write = (i: number): Promise<unknown> =>
    Promise.resolve(engine.write({ ops: [put(`k${i}`, "x".repeat(100))], requires: [] }));
  for (let i = 0; i < 10; i++) await write(i);
  const slow = engine.changes!(at(0))[Symbol.asyncIterator]();
  expect((await slow.next()).value).not.toHaveLength(0);
  for (let i = 0; i < 200; i++) await write(i);
  await engine.flush();
  const { changeLogBytes } = engine.stats();
  expect(changeLogBytes).toBeLessThanOrEqual(4_096);
  expect(changeLogBytes).toBeGreaterThan(1_000);
  const failed = async (work: () => Promise<unknown>): Promise<unknown> =>
    work().catch((e: unknown) => e);
  for (const error of [
    await failed(() => slow.next()),
    await failed(() => changesAfter(engine, 0)),
    await failed(() => changesAfter(engine, Number.NaN)),
    await failed(async () => engine.changes!(at(100_000))[Symbol.asyncIterator]().next()),
  ]) {
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: "TooOld" });
  }
  expect((await changesAfter(engine, 200)).length).toBe(10);
  await engine.close();
});

test("logs are kept for as long as asked, also across openings", async () => {
  const host = new SimulatedHost();
  const options = { changeLog: { millisMax: 1_000 } };
  let engine = await open(host, options);
  await engine.write({ ops: [put("old", "")], requires: [] });
  await engine.flush();
  await engine.close();
  await host.timers.sleep(600);
  engine = await open(host, options);
  await engine.write({ ops: [put("young", "")], requires: [] });
  expect(await changesAfter(engine, 0)).toHaveLength(2);
  await engine.close();
  await host.timers.sleep(600);
  engine = await open(host, options);
  await expect(changesAfter(engine, 0)).rejects.toMatchObject({ code: "TooOld" });
  expect(await changesAfter(engine, 1)).toHaveLength(1);
  await engine.close();
  // Without the option the logs go; with it again, the log begins anew.
  engine = await openLsmEngine({ path: PATH, host, ...TINY });
  await engine.write({ ops: [put("unseen", "")], requires: [] });
  await engine.close();
  engine = await open(host, options);
  await expect(changesAfter(engine, 1)).rejects.toMatchObject({ code: "TooOld" });
  await engine.close();
});

test("whatever change a power cut comes before, the log tells the story of the state that is there, and goes on", async () => {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const host = new SimulatedHost({ seed });
    const dice = new Dice(seed);
    const states: State[] = [new Map()];
    const words: string[] = [];
    const cuts: { disk: SimulatedHost; what: string }[] = [];
    host.onCall = ({ change, path, what }) => {
      if (change === undefined || change % 2 === 1) return;
      const way = (["seeded", "lost", "kept"] as const)[change % 3]!;
      cuts.push({
        disk: host.afterPowerCut(way, change),
        what: `${change} ${what} ${path} ${way}`,
      });
    };
    let engine = await open(host);
    for (let i = 1; i <= 60; i++) {
      const ops = randomOps(dice, i);
      states.push(applied(states.at(-1)!, ops));
      words.push(wordsOf(ops));
      await engine.write({ ops, requires: [] });
      if (i % 25 !== 0) continue;
      await engine.close();
      engine = await open(host);
    }
    await engine.close();
    expect(cuts.length).toBeGreaterThan(80);
    for (const { disk, what } of cuts) {
      const where = `seed ${seed}, cut before ${what}`;
      for (let round = 0; round < 2; round++) {
        const survivor = await open(disk);
        const rows = await entriesOf(survivor.snapshot());
        const newest = Number(new Map(rows).get("n") ?? 0);
        expect(rows, where).toEqual(sorted(states[newest]!));
        const found = await changesAfter(survivor, 0);
        expect(
          found.map(({ ops }) => wordsOf(ops)),
          where,
        ).toEqual(words.slice(0, newest));
        if (round === 1) {
          await survivor.write({ ops: [put("n", "after")], requires: [] });
          const [last] = await changesAfter(survivor, newest);
          expect(last, where).toMatchObject({ version: String(newest + 1) });
        }
        await survivor.close();
      }
    }
  }
});

test("a commit is not given before it is written, where commits are acknowledged at once", async () => {
  const host = new SimulatedHost();
  const engine = await open(host, { durability: "memory" });
  const reader = engine.changes!(at(0))[Symbol.asyncIterator]();
  void engine.write({ ops: [put("a", "")], requires: [] });
  const { value } = await reader.next();
  expect((value as readonly ChangeSet[]).map(({ ops }) => wordsOf(ops))).toEqual(["a="]);
  expect(
    host.contentOf(host.paths().find((path) => path.endsWith(".log"))!).length,
  ).toBeGreaterThan(40);
  await engine.close();
});

test("a reader of an engine that failed is given what there is, then told that no more will come", async () => {
  for (const durability of ["durable", "memory"] as const) {
    const host = new SimulatedHost();
    const engine = await open(host, { durability });
    await engine.write({ ops: [put("a", "1")], requires: [], durability: "durable" });
    const found: string[] = [];
    const follow = async (): Promise<unknown> => {
      try {
        for await (const batch of engine.changes!(at(0))) {
          for (const { ops } of batch) found.push(wordsOf(ops));
        }
        return undefined;
      } catch (error) {
        return error;
      }
    };
    const told = follow();
    while (found.length === 0) await new Promise((resolve) => setImmediate(resolve));
    host.failAt(host.calls + 1, "EIO");
    const write = async (): Promise<unknown> =>
      engine.write({ ops: [put("b", "2")], requires: [], durability: "durable" });
    await write().catch(() => undefined);
    expect(await told).toMatchObject({ _tag: "StorageError", code: "ReadOnly" });
    expect(found).toEqual(["a=1"]);
    await engine.close().catch(() => undefined);
  }
});
