/**
 * The plain twin: the same random program on a quick disk and on slow ones. Many reads are under way at once there, while
 * tables are flushed and compacted below them, and the cache holds next to nothing; all answers are the same.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ReadView, ScanOptions, WriteOp } from "../../../../src/engine/contract/index.ts";
import type { LsmEngine, LsmOptions } from "../../../../src/engine/lsm/index.ts";
import { ROUNDS, bytes, del, delRange, drain, put, range, text } from "../support.ts";
import { openOn } from "./slow-kit.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

type Read =
  | { readonly what: "get"; readonly key: string }
  | { readonly what: "getMany"; readonly keys: readonly string[] }
  | {
      readonly what: "scan";
      readonly start: string;
      readonly end: string | undefined;
      readonly options: ScanOptions;
    };
interface Step {
  readonly ops: readonly WriteOp[];
  readonly after: "nothing" | "flush" | "compact";
  readonly reads: readonly Read[];
  /** The view outlives so many further steps. */
  readonly keep: number;
}

const key = fc.integer({ min: 0, max: 299 }).map((i) => `k${String(i).padStart(3, "0")}`);
const bound = fc.option(key, { nil: undefined });
const point = fc
  .tuple(key, fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 3 }))
  .map(([k, length, dice]) => [k, dice === 0 ? del(k) : put(k, "v".repeat(length))] as const);
const ops = fc
  .tuple(
    fc.array(point, { minLength: 1, maxLength: 60, size: "max" }),
    fc.tuple(key, bound),
    fc.integer({ min: 0, max: 7 }),
  )
  .map(([points, [start, end], dice]): WriteOp[] => {
    const set = [...new Map<string, WriteOp>(points).values()];
    return dice > 0 ? set : [...set, delRange(start, end)];
  });
const read: fc.Arbitrary<Read> = fc.oneof(
  fc.record({ what: fc.constant("get" as const), key }),
  fc.record({ what: fc.constant("getMany" as const), keys: fc.array(key, { maxLength: 40 }) }),
  fc.record({
    what: fc.constant("scan" as const),
    start: fc.oneof(fc.constant(""), key),
    end: bound,
    options: fc.record(
      {
        reverse: fc.boolean(),
        limit: fc.integer({ min: 1, max: 30 }),
        expect: fc.constantFrom("all" as const, "iterate" as const),
      },
      { requiredKeys: [] },
    ),
  }),
);
const step: fc.Arbitrary<Step> = fc.record({
  ops,
  after: fc.constantFrom("nothing", "nothing", "nothing", "flush", "compact"),
  reads: fc.array(read, { maxLength: 6 }),
  keep: fc.integer({ min: 0, max: 3 }),
});

async function answer(view: ReadView, one: Read): Promise<unknown> {
  switch (one.what) {
    case "get":
      return text(await view.get(bytes(one.key)));
    case "getMany":
      return (await view.getMany(one.keys.map(bytes))).map(text);
    case "scan":
      return drain(view.scan(range(one.start, one.end), one.options));
  }
}

async function run(
  steps: readonly Step[],
  host: SimulatedHost,
  options: Partial<LsmOptions>,
): Promise<{ readonly answers: unknown; readonly engine: LsmEngine }> {
  const engine = await openOn(host, {
    sliceMillis: 1,
    tableBytesTarget: 16_384,
    flushBytesMax: 4_096,
    ...options,
  });
  const answers: Promise<unknown>[] = [];
  const background: Promise<unknown>[] = [];
  const views: {
    readonly close: () => void;
    readonly until: number;
    answers: Promise<unknown>[];
  }[] = [];
  for (const [at, { keep, ops: list, reads, after }] of steps.entries()) {
    await engine.write({ ops: list, requires: [] });
    if (after !== "nothing") background.push(after === "flush" ? engine.flush() : engine.compact());
    const view = engine.snapshot();
    // Not awaited here: they run beside each other and beside what follows.
    const asked = reads.map((one) => answer(view, one));
    answers.push(...asked);
    views.push({ close: () => view.close(), until: at + keep, answers: asked });
    for (const ended of views.splice(0)) {
      if (ended.until > at) views.push(ended);
      else {
        await Promise.all(ended.answers);
        ended.close();
      }
    }
  }
  const all = await Promise.all(answers);
  for (const view of views) view.close();
  await Promise.all(background);
  expect(await engine.verify()).toEqual([]);
  expect(engine.stats()["openViews"]).toBe(0);
  await engine.close();
  return { answers: all, engine };
}

test(
  "a slow disk, one that changes its mind, and a quick one give the same answers to the same program",
  async () => {
    let waited = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 20, size: "max" }),
        fc.integer({ min: 1, max: 9 }),
        async (steps, changing) => {
          const quick = await run(steps, new SimulatedHost(), { slowReadMicros: 1_000_000 });
          const slow = await run(steps, new SimulatedHost({ readMillis: 1 }), {});
          const host = new SimulatedHost();
          host.onCall = ({ call }) => {
            host.readMillis = (call >> changing) % 2;
          };
          const both = await run(steps, host, { slowReadMicros: 200 });
          expect(slow.answers).toEqual(quick.answers);
          expect(both.answers).toEqual(quick.answers);
          expect(quick.engine.stats()["blockReadsWaitedFor"]).toBe(0);
          waited += slow.engine.stats()["blockReadsWaitedFor"]!;
        },
      ),
      { numRuns: 15 * ROUNDS },
    );
    expect(waited).toBeGreaterThan(100);
  },
  60_000 * ROUNDS,
);
