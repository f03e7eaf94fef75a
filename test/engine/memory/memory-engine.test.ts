import { describe, expect, it } from "vitest";
import type { CommitListener, WriteOp } from "../../../src/engine/contract/index.ts";
import { PORTABLE_LIMITS } from "../../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";

const key = (text: string): Uint8Array => new TextEncoder().encode(text);
const put = (name: string, value = name): WriteOp => ({
  op: "put",
  key: key(name),
  value: key(value),
});

async function write(engine: MemoryEngine, ...ops: WriteOp[]): Promise<void> {
  await engine.write({ ops, requires: [] });
}

describe("the memory engine", () => {
  it("answers without promises", () => {
    const engine = new MemoryEngine();
    const answers = [engine.begin(), engine.snapshot(), engine.write({ ops: [], requires: [] })];
    expect(answers.some((answer) => answer instanceof Promise)).toBe(false);
  });

  it("keeps an old version only while a view sees it", async () => {
    const engine = new MemoryEngine();
    await write(engine, put("a", "1"));
    const first = engine.snapshot();
    for (let i = 0; i < 10; i++) await write(engine, put("a", `${i}`));
    expect(engine.stats()).toMatchObject({ rows: 1, versions: 2 });
    const second = engine.snapshot();
    await write(engine, { op: "del", key: key("a") });
    expect(engine.stats()).toMatchObject({ rows: 1, versions: 3 });
    first.close();
    expect(engine.stats()).toMatchObject({ rows: 1, versions: 2 });
    second.close();
    expect(engine.stats()).toMatchObject({ rows: 0, versions: 0, bytes: 0, openViews: 0 });
  });

  it("notices a change of a key that was inserted and deleted again since it was read", async () => {
    const engine = new MemoryEngine();
    const transaction = await engine.begin();
    expect(transaction.get(key("a"))).toBeUndefined();
    await write(engine, put("a"));
    await write(engine, { op: "del", key: key("a") });
    const plan = { readKeys: [key("a")], readRanges: [], ops: [put("b")], requires: [] };
    expect(() => transaction.commit(plan)).toThrow("Another transaction changed");
    expect(engine.stats()).toMatchObject({ rows: 0 });
  });

  it("refuses a plan that changes a key twice, before anything happens", () => {
    const engine = new MemoryEngine();
    const ops = [put("a"), put("b"), { op: "del" as const, key: key("a") }];
    expect(() => engine.write({ ops, requires: [] })).toThrow("no key occurs twice");
    expect(engine.stats()).toMatchObject({ rows: 0 });
  });

  it("refuses to merge into what is no number cell, before anything happens", async () => {
    const engine = new MemoryEngine();
    await write(engine, put("a", "text"));
    const merge: WriteOp = {
      op: "merge",
      key: key("a"),
      how: "addInt",
      operand: new Uint8Array(8),
    };
    expect(() => engine.write({ ops: [put("b"), merge], requires: [] })).toThrow("8 bytes");
    expect(engine.stats()).toMatchObject({ rows: 1 });
  });

  it("takes the limits that hold everywhere when asked to", () => {
    const engine = new MemoryEngine({ limits: "portable" });
    expect(engine.limits).toBe(PORTABLE_LIMITS);
    const ops: WriteOp[] = [{ op: "put", key: new Uint8Array(1_025), value: new Uint8Array(0) }];
    expect(() => engine.write({ ops, requires: [] })).toThrow("larger than the engine's limit");
    expect(new MemoryEngine().limits).toMatchObject({ keyBytes: 4_096, valueBytes: 33_554_432 });
  });

  it("tells listeners of all commits of one turn in one call", async () => {
    const engine = new MemoryEngine();
    const calls: Parameters<CommitListener>[0][] = [];
    engine.onCommit((touched) => {
      calls.push(touched);
    });
    await Promise.all([put("a"), put("b")].map((op) => write(engine, op)));
    await Promise.resolve();
    expect(calls).toEqual([{ keys: [key("a"), key("b")], ranges: [] }]);
  });

  it("sends those away who wait for an exclusive transaction when it is closed", async () => {
    const engine = new MemoryEngine();
    await engine.begin({ exclusive: true });
    const waiting = [(async () => engine.begin({ exclusive: true }))(), write(engine, put("a"))];
    await engine.close();
    const outcomes = await Promise.allSettled(waiting);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  it("loads a hundred thousand rows in random order within seconds", async () => {
    const engine = new MemoryEngine();
    const rows = 100_000;
    for (let start = 0; start < rows; start += 5_000) {
      const numbers = Array.from({ length: 5_000 }, (_, i) => ((start + i) * 7_919) % rows);
      await write(engine, ...numbers.map((number) => put(`row ${number}`)));
    }
    expect(engine.stats()).toMatchObject({ rows, versions: rows });
    expect(await engine.verify()).toEqual([]);
  }, 20_000);
});
