/** Deleted rows by the hundred, looked at again and again: walked over once, and never a row lost with them. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Snapshot, WriteOp } from "../../../../src/engine/contract/index.ts";
import { EmptySpans } from "../../../../src/engine/lsm/read/empty-spans.ts";
import { ROUNDS, bytes, del, drain, put, range } from "../support.ts";
import { applied, sorted } from "../workload.ts";
import type { State } from "../workload.ts";
import { filled, keyOf, openOn, readsDuring } from "./slow-kit.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

const KEYS = 1_200;

interface Step {
  readonly do: "delete" | "put" | "scan" | "snapshot" | "flush" | "compact";
  readonly from: number;
  readonly count: number;
  readonly every: number;
}
const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom("delete", "delete", "put", "scan", "scan", "snapshot", "flush", "compact"),
  from: fc.integer({ min: 0, max: KEYS - 1 }),
  count: fc.integer({ min: 1, max: KEYS }),
  every: fc.integer({ min: 1, max: 40 }),
});

/** Deletes come in runs; puts are strewn, so that rows appear in spans that were found empty. */
function opsOf({ do: what, count, every, from }: Step, at: number): WriteOp[] {
  const ops: WriteOp[] = [];
  const stride = what === "delete" ? 1 : every;
  for (let i = from; i < Math.min(KEYS, from + count); i += stride) {
    ops.push(what === "delete" ? del(keyOf(i)) : put(keyOf(i), `${at}`));
  }
  return ops;
}

test(
  "views of all ages see their rows, though spans full of deletes are passed over",
  async () => {
    let learned = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 40, size: "max" }),
        fc.boolean(),
        async (steps, isSlow) => {
          const engine = await openOn(new SimulatedHost(), {
            flushBytesMax: 16_384,
            tableBytesTarget: 8_192,
            sliceMillis: 1,
            slowReadMicros: isSlow ? 0 : 1_000_000,
          });
          let state: State = new Map();
          const held: { readonly view: Snapshot; readonly state: State }[] = [];
          const write = async (ops: WriteOp[]): Promise<void> => {
            await engine.write({ ops, requires: [] });
            state = applied(state, ops);
          };
          await write(Array.from({ length: KEYS }, (_, i) => put(keyOf(i), "first")));
          for (const [at, one] of steps.entries()) {
            if (one.do === "delete" || one.do === "put") await write(opsOf(one, at));
            else if (one.do === "flush") await engine.flush();
            else if (one.do === "compact") await engine.compact();
            else if (one.do === "snapshot") held.push({ view: engine.snapshot(), state });
            else {
              const now = { view: engine.snapshot(), state };
              for (const { state: wanted, view } of [now, ...held]) {
                const rows = sorted(wanted).filter(([key]) => key >= keyOf(one.from));
                const over = range(keyOf(one.from), undefined);
                expect(await drain(view.scan(over))).toEqual(rows);
                const back = view.scan(over, { reverse: true });
                expect(await drain(back)).toEqual(rows.toReversed());
              }
              now.view.close();
            }
          }
          learned += engine.stats()["emptySpans"]!;
          for (const { view } of held) view.close();
          await engine.close();
        },
      ),
      { numRuns: 25 * ROUNDS },
    );
    expect(learned).toBeGreaterThan(10);
  },
  60_000 * ROUNDS,
);

test("deleted rows in front of a queue are read from the disk once, not with every look at it", async () => {
  const host = new SimulatedHost();
  const rows = 10_000;
  const engine = await filled(host, rows, {
    slowReadMicros: 1_000_000,
    flushBytesMax: 64 << 20,
    l0TablesTrigger: 64,
    tableBytesTarget: 64 << 20,
    levelBaseBytes: 1 << 30,
  });
  await engine.write({
    ops: Array.from({ length: rows - 10 }, (_, i) => del(keyOf(i))),
    requires: [],
  });
  await engine.flush();
  const look = async (): Promise<number> => {
    const view = engine.snapshot();
    const { blocking } = await readsDuring(host, async () => {
      const found = await drain(view.scan(range("", undefined), { limit: 1 }));
      expect(found.map(([key]) => key)).toEqual([keyOf(rows - 10)]);
    });
    view.close();
    return blocking;
  };
  expect(await look()).toBeGreaterThan(200);
  expect(await look()).toBeLessThan(10);
  await engine.write({ ops: [put("k0", "a row again")], requires: [] });
  await engine.write({ ops: [del("k0")], requires: [] });
  expect(await look()).toBeLessThan(10);
  await engine.close();
});

test("few spans are remembered, and one that holds another takes its place", () => {
  const spans = new EmptySpans();
  for (let i = 0; i < 40; i++) spans.learn(range(keyOf(i * 10), keyOf(i * 10 + 5)), i);
  expect(spans.count).toBe(16);
  const key = bytes(keyOf(392));
  const covers = (sequence: number): number =>
    spans.within(range("", undefined)).covers(key, 0, key.length, sequence + 1 / 2);
  // Learned at 39: it hides what was there at 39, from readers at 39 and later.
  expect([covers(38), covers(39), covers(100)]).toEqual([0, 39.5, 39.5]);
  spans.learn(range(keyOf(100), undefined), 50);
  expect(spans.count).toBe(1);
  expect(covers(49)).toBe(0);
  expect(spans.within(range(keyOf(0), keyOf(100))).isEmpty).toBe(true);
  spans.learn(range("b", "b"), 60);
  expect(spans.count).toBe(1);
});
