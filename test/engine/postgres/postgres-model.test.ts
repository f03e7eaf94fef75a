/**
 * PostgreSQL against the memory engine: the same batches, number cells among them and written over in every way, lead to
 * the same bytes, however they are read.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hex } from "../../../src/base/index.ts";
import type { Bytes } from "../../../src/base/index.ts";
import { Conflict } from "../../../src/engine/contract/index.ts";
import type {
  BlindPlan,
  KeyRange,
  MergeHow,
  Page,
  ReadView,
  ScanOptions,
  StorageEngine,
  WriteOp,
} from "../../../src/engine/contract/index.ts";
import { fullView } from "../../../src/transaction/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";
import { postgres } from "../../../src/engine/postgres/index.ts";
import { freshTable, sharedServer, skipReason } from "../../support/postgres/shared-server.ts";

/** Few keys, so that they meet: the empty one, prefixes of each other, and the ends of the order. */
const KEYS: readonly Bytes[] = [
  [],
  [0],
  [0, 0],
  [1],
  [0x61],
  [0x61, 0],
  [0x61, 0xff],
  [0xff],
  [0xff, 0xff],
].map((k) => Uint8Array.from(k));
/** One cell is always merged in the same way. */
const HOWS: readonly MergeHow[] = ["addInt", "addFloat", "min", "max"];
const key = fc.nat(KEYS.length - 1);
const number = fc.oneof(
  fc.double().map((n) => cellOf((view) => view.setFloat64(0, n))),
  fc
    .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    .map((n) => cellOf((view) => view.setBigInt64(0, n))),
);
const range = fc.tuple(fc.option(key, { nil: undefined }), fc.option(key, { nil: undefined }));

type Step =
  | { readonly op: "put" | "cell" | "merge"; readonly key: number; readonly value: Bytes }
  | { readonly op: "del"; readonly key: number }
  | { readonly op: "delRange"; readonly range: KeyRange };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant("merge" as const), key, value: number }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("cell" as const), key, value: number }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("put" as const),
      key,
      value: fc.uint8Array({ maxLength: 40 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("del" as const), key }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant("delRange" as const), range: range.map(rangeOf) }),
  },
);

function cellOf(fill: (view: DataView) => void): Bytes {
  const bytes = new Uint8Array(8);
  fill(new DataView(bytes.buffer));
  return bytes;
}

function rangeOf([start, end]: readonly [number | undefined, number | undefined]): KeyRange {
  return { start: KEYS[start ?? 0]!, end: end === undefined ? undefined : KEYS[end]! };
}

/** A plan is a set: of the steps on one key the last one counts. A text is never merged into: that is a mistake. */
function planOf(steps: readonly Step[], texts: Set<number>): BlindPlan {
  const ops = new Map<number, WriteOp>();
  const ranges: WriteOp[] = [];
  for (const one of steps) {
    if (one.op === "delRange") ranges.push(one);
    else if (one.op === "del") ops.set(one.key, { op: "del", key: KEYS[one.key]! });
    else if (one.op !== "merge")
      ops.set(one.key, { op: "put", key: KEYS[one.key]!, value: one.value });
    else if (!texts.has(one.key)) {
      const how = HOWS[one.key % HOWS.length]!;
      ops.set(one.key, { op: "merge", key: KEYS[one.key]!, how, operand: one.value });
    }
  }
  for (const [at, op] of ops) {
    if (op.op === "put" && op.value.length !== 8) texts.add(at);
    else if (op.op !== "merge") texts.delete(at);
  }
  return { ops: [...ranges, ...ops.values()], requires: [] };
}

function linesOf(page: Page): string[] {
  return Array.from({ length: page.rows }, (_, i) => {
    const name = hex(page.buffer.subarray(page.keyStart[i], page.keyEnd[i]));
    const start = page.valueStart[i];
    if (start === undefined) return name;
    return `${name}=${hex(page.buffer.subarray(start, page.valueEnd[i]))}`;
  });
}

async function scanned(view: ReadView, where: KeyRange, options: ScanOptions): Promise<string[]> {
  const scan = view.scan(where, options);
  const lines: string[] = [];
  for (;;) {
    const page = await scan.next();
    lines.push(...linesOf(page));
    if (page.done) return lines;
  }
}

/** Several ranges at once, range by range. */
async function manyScanned(
  view: ReadView,
  ranges: readonly KeyRange[],
  options: ScanOptions & { readonly limitEach?: number },
): Promise<string[]> {
  const lines: string[] = [];
  const full = fullView(view, false);
  const scan = full.scanMany(ranges, options);
  for (let next = await scan.next(); next !== undefined; next = await scan.next()) {
    const { page, range } = next;
    lines.push(...linesOf(page).map((line) => `${range}: ${line}`));
  }
  return lines;
}

/** A reader may lose to a fold that is under way, and reads again. */
async function allRead(engine: StorageEngine, where: KeyRange): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await allReadOnce(engine, where);
    } catch (error) {
      if (!(error instanceof Conflict) || attempt === 10) throw error;
    }
  }
}

async function allReadOnce(engine: StorageEngine, where: KeyRange): Promise<unknown> {
  const view = await engine.begin({ readOnly: true });
  try {
    const scans: string[][] = [];
    for (const reverse of [false, true])
      for (const keysOnly of [false, true])
        for (const limit of [1, 2, 3, undefined])
          scans.push(
            await scanned(view, where, {
              reverse,
              keysOnly,
              ...(limit === undefined ? {} : { limit }),
            }),
          );
    const ranges = [where, rangeOf([3, 6]), rangeOf([0, undefined])];
    const manyScans: string[][] = [];
    for (const reverse of [false, true])
      for (const limits of [
        {},
        { limitEach: 1 },
        { limitEach: 2 },
        { limit: 3 },
        { keysOnly: true },
      ])
        manyScans.push(await manyScanned(view, ranges, { reverse, ...limits }));
    const many = (await view.getMany(KEYS)).map((value) => value && hex(value));
    const gets: (string | undefined)[] = [];
    for (const one of KEYS) {
      const value = await view.get(one);
      gets.push(value && hex(value));
    }
    return { scans, manyScans, many, gets };
  } finally {
    view.abort();
  }
}

describe.skipIf(skipReason !== undefined)("PostgreSQL beside the memory engine", () => {
  const table = freshTable();
  let server: StorageEngine;
  beforeAll(() => {
    server = postgres({ url: sharedServer().url, table });
  });
  afterAll(() => server.close());

  it("gives the same bytes after the same batches, however they are read", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(step, { maxLength: 6 }), { minLength: 1, maxLength: 8 }),
        range,
        async (batches, part) => {
          const memory = new MemoryEngine();
          await server.write({
            ops: [{ op: "delRange", range: rangeOf([0, undefined]) }],
            requires: [],
          });
          const texts = new Set<number>();
          for (const steps of batches) {
            const plan = planOf(steps, texts);
            await memory.write(plan);
            await server.write(plan);
            // A cell whose text was deleted with its range may be merged into again.
            const left = await memory.begin();
            for (const at of texts) if (left.get(KEYS[at]!) === undefined) texts.delete(at);
            left.abort();
          }

          expect(await allRead(server, rangeOf(part))).toEqual(
            await allRead(memory, rangeOf(part)),
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  it("folds cells with many merges to the same bytes", async () => {
    const memory = new MemoryEngine();
    await server.write({ ops: [{ op: "delRange", range: rangeOf([0, undefined]) }], requires: [] });
    for (let i = 0; i < 300; i++) {
      const ops = HOWS.map((how, at): WriteOp => {
        const operand = cellOf((view) => view.setFloat64(0, 0.1 * (i + 1)));
        return { op: "merge", key: KEYS[at + 1]!, how, operand };
      });
      await memory.write({ ops, requires: [] });
      await server.write({ ops, requires: [] });
    }

    const everything = rangeOf([0, undefined]);
    expect(await allRead(server, everything)).toEqual(await allRead(memory, everything));
    // Twice the bound: what is not folded yet was merged while the last fold was under way.
    await expect.poll(() => mergesLeft()).toBeLessThan(2 * 64 * HOWS.length);
  });

  async function mergesLeft(): Promise<number> {
    const { default: pg } = await import("pg");
    const client = new pg.Client({ connectionString: sharedServer().url });
    await client.connect();
    try {
      const { rows } = await client.query(
        `select count(*)::int as count from ${table} where n > 0`,
      );
      return (rows[0] as { readonly count: number }).count;
    } finally {
      await client.end();
    }
  }
});
