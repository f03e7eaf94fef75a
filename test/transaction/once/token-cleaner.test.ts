import { expect, test } from "vitest";
import type { StorageEngine } from "../../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";
import { allEntries } from "../../../src/testing/kit/index.ts";
import { COMMIT_TOKENS } from "../../../src/engine/contract/index.ts";
import { exactlyOnce, transact } from "../../../src/transaction/index.ts";
import { BATCH_ROWS, LEFT_MILLIS_MIN } from "../../../src/transaction/once/token-cleaner.ts";
import { bytes, pause } from "../support.ts";
import { NUMBER, numberOf, one } from "./explore.ts";
import { FakeHost } from "./fake-host.ts";
import { LossyEngine } from "./lossy-engine.ts";
import type { Fate, Request } from "./lossy-engine.ts";

/** 01 for each commit that took effect, 00 for each fence. */
async function tokensIn(engine: StorageEngine): Promise<readonly number[]> {
  const snapshot = await engine.snapshot();
  const rows = await allEntries(snapshot, COMMIT_TOKENS);
  snapshot.close();
  return rows.map(({ value }) => value[0]!).toSorted((a, b) => a - b);
}

/** A process: it counts up, over a line with these fates. */
class Process {
  readonly host = new FakeHost();
  readonly lossy: LossyEngine;
  readonly engine: StorageEngine;

  constructor(memory: MemoryEngine, fateOf: (request: Request) => Fate = () => "answered") {
    this.lossy = new LossyEngine({ memory, fateOf, onHang: () => this.host.advance(60_000) });
    this.engine = exactlyOnce(this.lossy.engine, this.host);
  }

  async count(times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      await transact(this.host, this.engine, (tx) => tx.merge(NUMBER, "addInt", one()));
    }
    // What is done in the background.
    await pause();
  }

  get cleanings(): number {
    return this.lossy.told.filter((line) => line.startsWith("cleaning")).length;
  }
}

test("tokens of acknowledged commits are deleted in batches, so that a bounded number is there", async () => {
  const memory = new MemoryEngine();
  const process = new Process(memory);

  await process.count(BATCH_ROWS - 1);
  expect(await tokensIn(memory)).toHaveLength(BATCH_ROWS - 1);
  expect(process.cleanings).toBe(0);
  await process.count(1);
  expect(await tokensIn(memory)).toHaveLength(0);
  await process.count(3 * BATCH_ROWS + 7);

  expect(process.cleanings).toBe(4);
  expect(await tokensIn(memory)).toHaveLength(7);
  expect(await numberOf(memory)).toBe(4 * BATCH_ROWS + 7);
});

test("close() deletes the rest, and waits for no server that does not answer", async () => {
  const memory = new MemoryEngine();
  const good = new Process(memory);
  await good.count(3);
  good.lossy.engine.close = async () => undefined;
  expect(await tokensIn(memory)).toHaveLength(3);
  await good.engine.close();
  expect(good.cleanings).toBe(1);

  const other = new MemoryEngine();
  const hanging = new Process(other, (request) => (request === "cleaning" ? "hung" : "answered"));
  await hanging.count(3);
  await hanging.engine.close();
  expect(() => other.begin()).toThrow();
  expect(hanging.host.timers).toBe(0);
});

test.each([
  ["refused", 0],
  ["dropped", 0],
  ["forbidden", 2],
] as const)("a cleaning that is %s is made again with the next batch", async (fate, told) => {
  const memory = new MemoryEngine();
  let failing = true;
  const process = new Process(memory, (request) =>
    request === "cleaning" && failing ? fate : "answered",
  );

  await process.count(2 * BATCH_ROWS);
  expect(process.cleanings).toBe(2);
  // No commit knows of it, and nobody is told of what passes by itself.
  expect(process.host.reported).toHaveLength(told);
  expect(await tokensIn(memory)).toHaveLength(2 * BATCH_ROWS);
  failing = false;
  await process.count(BATCH_ROWS);

  expect(await tokensIn(memory)).toHaveLength(0);
  expect(await numberOf(memory)).toBe(3 * BATCH_ROWS);
});

test("where cleanings fail for long, a process remembers a bounded number and tries a bounded number of times", async () => {
  const memory = new MemoryEngine();
  const process = new Process(memory, (request) =>
    request === "cleaning" ? "refused" : "answered",
  );

  await process.count(10 * BATCH_ROWS);

  expect(await tokensIn(memory)).toHaveLength(10 * BATCH_ROWS);
  expect(process.cleanings).toBeLessThanOrEqual(10);
});

test("fences, and what ended processes left, are deleted by another one that has seen them for an hour", async () => {
  const memory = new MemoryEngine();
  let first = true;
  const ended = new Process(memory, (request) => {
    if (request !== "commit" || !first) return "answered";
    first = false;
    return "dropped";
  });
  await ended.count(4);
  expect(await tokensIn(memory)).toEqual([0, 1, 1, 1, 1]);

  const other = new Process(memory);
  await other.count(1);
  other.host.advance(LEFT_MILLIS_MIN);
  await other.count(1);
  // Seen now for the first time, however long they have been there.
  expect(await tokensIn(memory)).toHaveLength(7);
  other.host.advance(LEFT_MILLIS_MIN - 1);
  await other.count(1);
  expect(await tokensIn(memory)).toHaveLength(8);
  other.host.advance(1);
  await other.count(1);

  // The last two were not there at the first look.
  expect(await tokensIn(memory)).toEqual([1, 1]);
});

test("a fence stands while its commit may still arrive, whatever is cleaned meanwhile", async () => {
  const memory = new MemoryEngine();
  let first = true;
  const process = new Process(memory, (request) => {
    if (request !== "commit" || !first) return "answered";
    first = false;
    return { late: Infinity };
  });
  const tidy = new Process(memory);

  await process.count(2 * BATCH_ROWS);
  tidy.host.advance(LEFT_MILLIS_MIN);
  await tidy.count(2 * BATCH_ROWS);
  await process.lossy.landAll();

  expect(await numberOf(memory)).toBe(4 * BATCH_ROWS);
  expect(await tokensIn(memory)).toContain(0);
});

test("tokens are deleted, and nothing that stands beside them", async () => {
  const memory = new MemoryEngine();
  const process = new Process(memory);
  const near = ["\0c", "\0cusers", "\0n", "\0s\xff", "\0u", "\x01\0", "t", "\0"];
  await transact(process.host, process.engine, (tx) => {
    for (const key of near) tx.put(bytes(key), bytes("there"));
  });
  await process.count(BATCH_ROWS);
  process.host.advance(LEFT_MILLIS_MIN);
  await process.count(1);
  process.host.advance(LEFT_MILLIS_MIN);
  await process.count(1);

  const snapshot = memory.snapshot();
  for (const key of near) expect(snapshot.get(bytes(key))).toBeDefined();
  snapshot.close();
});
