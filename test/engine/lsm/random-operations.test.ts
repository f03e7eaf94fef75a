/** Random work on an engine with tiny tables, beside a plain sorted map: every view must read as the map did then. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ScanOptions, Snapshot, WriteOp } from "../../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../../src/engine/lsm/index.ts";
import type { LsmEngine, LsmOptions } from "../../../src/engine/lsm/index.ts";
import { ROUNDS, TINY, bytes, del, delRange, drain, put, range, text } from "./support.ts";
import { PATH, applied, sorted } from "./workload.ts";
import type { State } from "./workload.ts";
import { SimulatedHost } from "../../../src/testing/index.ts";

type Step =
  | { readonly do: "write"; readonly ops: readonly WriteOp[] }
  | { readonly do: "snapshot" | "closeOldest" | "flush" | "compact" | "reopen" | "beginScan" }
  | { readonly do: "pause"; readonly turns: number }
  | {
      readonly do: "read";
      readonly start: string;
      readonly end: string | undefined;
      readonly options: ScanOptions;
    };

const key = fc.integer({ min: 0, max: 199 }).map((i) => `k${String(i).padStart(3, "0")}`);
const bound = fc.option(key, { nil: undefined });
const value = fc.integer({ min: 0, max: 60 }).map((length) => "v".repeat(length));
const point = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(key, value).map(([k, v]) => [k, put(k, v)] as const) },
  { weight: 1, arbitrary: key.map((k) => [k, del(k)] as const) },
);
const ops = fc
  .tuple(
    fc.array(point, { minLength: 1, maxLength: 40, size: "max" }),
    fc.array(fc.tuple(key, bound), { maxLength: 1 }),
    fc.integer({ min: 0, max: 5 }),
  )
  .map(([points, ranges, dice]): WriteOp[] => {
    const set = [...new Map<string, WriteOp>(points).values()];
    return dice > 0 ? set : [...set, ...ranges.map(([start, end]) => delRange(start, end))];
  });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: ops.map((list): Step => ({ do: "write", ops: list })) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("read" as const),
      start: fc.oneof(fc.constant(""), key),
      end: bound,
      options: fc.record(
        {
          reverse: fc.boolean(),
          limit: fc.integer({ min: 1, max: 12 }),
          expect: fc.constantFrom("all" as const, "iterate" as const),
        },
        { requiredKeys: [] },
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("pause" as const),
      turns: fc.integer({ min: 1, max: 40 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom("snapshot", "closeOldest", "flush", "beginScan", "compact", "reopen")
      .map((what): Step => ({ do: what as "flush" })),
  },
);

/** What a view must show. */
interface Held {
  readonly view: Snapshot;
  readonly state: State;
}

const options = fc.record<Partial<LsmOptions>>({
  policy: fc.constantFrom("leveled", "lazy-leveled", "tiered"),
  l0TablesTrigger: fc.integer({ min: 2, max: 5 }),
  minCompactionFiles: fc.constant(2),
  levelFanOut: fc.integer({ min: 2, max: 10 }),
  levelBaseBytes: fc.constantFrom(2_048, 8_192, 32_768),
});

class Run {
  readonly host = new SimulatedHost();
  /** Another opening may choose others. */
  options: readonly Partial<LsmOptions>[] = [];
  #openings = 0;
  engine: LsmEngine | undefined;
  state: State = new Map();
  held: Held[] = [];
  readonly scanned: Snapshot[] = [];
  readonly scans: {
    readonly rest: () => Promise<[string, string][]>;
    readonly wanted: [string, string][];
  }[] = [];

  async do(step: Step): Promise<void> {
    const engine = (this.engine ??= await this.#open());
    switch (step.do) {
      case "write":
        await engine.write({ ops: step.ops, requires: [] });
        this.state = applied(this.state, step.ops);
        break;
      case "snapshot":
        this.held.push({ view: engine.snapshot(), state: this.state });
        break;
      case "closeOldest":
        this.held.shift()?.view.close();
        break;
      case "flush":
        await engine.flush();
        break;
      case "compact":
        await engine.compact();
        break;
      case "pause":
        for (let i = 0; i < step.turns; i++) await this.host.timers.pause();
        break;
      case "beginScan":
        await this.#beginScan(engine);
        break;
      case "read":
        await this.#read(engine, step);
        break;
      case "reopen":
        await this.finish();
        break;
    }
  }

  #open(): Promise<LsmEngine> {
    const chosen = this.options[this.#openings++ % this.options.length] ?? {};
    return openLsmEngine({ path: PATH, host: this.host, ...TINY, ...chosen });
  }

  /** Whatever is held still reads as it did, then everything is closed. */
  async finish(): Promise<void> {
    for (const { rest, wanted } of this.scans.splice(0)) expect(await rest()).toEqual(wanted);
    for (const view of this.scanned.splice(0)) view.close();
    for (const { state, view } of this.held.splice(0)) {
      await expectRows(view, state, "", undefined, {});
      await expectRows(view, state, "", undefined, { reverse: true });
      view.close();
    }
    const engine = this.engine;
    this.engine = undefined;
    if (engine === undefined) return;
    expect(await engine.verify()).toEqual([]);
    expect(engine.stats()["openViews"]).toBe(0);
    await engine.close();
  }

  /** Reads one page now and the rest in the end, whatever happens to the tables in between. */
  async #beginScan(engine: LsmEngine): Promise<void> {
    const view = engine.snapshot();
    const rows = sorted(this.state);
    for (const reverse of [false, true]) {
      const scan = view.scan(range("", undefined), { reverse });
      const first = await scan.next();
      const wanted = (reverse ? rows.toReversed() : rows).slice(first.rows);
      this.scans.push({ rest: () => (first.done ? Promise.resolve([]) : drain(scan)), wanted });
    }
    this.scanned.push(view);
  }

  async #read(engine: LsmEngine, step: Step & { do: "read" }): Promise<void> {
    const reader = await engine.begin({ readOnly: true });
    for (const { state, view } of [{ view: reader, state: this.state }, ...this.held]) {
      await expectRows(view, state, step.start, step.end, step.options);
      const found = await view.get(bytes(step.start));
      expect(text(found)).toBe(state.get(step.start));
    }
    reader.abort();
  }
}

async function expectRows(
  view: Pick<Snapshot, "scan">,
  state: State,
  start: string,
  end: string | undefined,
  options: ScanOptions,
): Promise<void> {
  let wanted = sorted(state).filter(([k]) => k >= start && (end === undefined || k < end));
  if (options.reverse === true) wanted = wanted.toReversed();
  expect(await drain(view.scan(range(start, end), options))).toEqual(
    wanted.slice(0, options.limit),
  );
}

test(
  "every view reads what was committed when it began, whatever was flushed, compacted and reopened since",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 20, maxLength: 100, size: "max" }),
        fc.array(options, { maxLength: 3 }),
        async (steps, chosen) => {
          const run = new Run();
          run.options = chosen;
          for (const one of steps) await run.do(one);
          await run.finish();
        },
      ),
      { numRuns: 30 * ROUNDS },
    );
  },
  60_000 * ROUNDS,
);

test("the random work above does flush, compact and move tables", async () => {
  const run = new Run();
  for (let i = 0; i < 200; i++) {
    const k = `k${String((i * 7) % 31).padStart(2, "0")}`;
    await run.do({ do: "write", ops: [put(k, "v".repeat(100 + (i % 100)))] });
  }
  const stats = run.engine!.stats();
  expect(stats["flushes"]).toBeGreaterThan(10);
  expect(stats["compactions"]).toBeGreaterThan(2);
  await run.finish();
});
