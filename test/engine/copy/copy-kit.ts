/** Engines, rows and doubles for the tests of copying. */
import fc from "fast-check";
import { compareBytes, hex } from "../../../src/base/index.ts";
import type { Bytes } from "../../../src/base/index.ts";
import type { StorageEngine, WriteOp } from "../../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../../src/engine/lsm/index.ts";
import type { LsmEngine, LsmOptions } from "../../../src/engine/lsm/index.ts";
import { SimulatedHost } from "../../../src/testing/index.ts";
import { TINY } from "../lsm/support.ts";

export type TextRows = readonly (readonly [key: string, value: string])[];

/** Everything that an engine holds, the mark of a copy too, as hexadecimal text. */
export async function rowsIn(engine: StorageEngine): Promise<TextRows> {
  const view = await engine.snapshot();
  const scan = view.scan({ start: new Uint8Array(0), end: undefined });
  const rows: [string, string][] = [];
  try {
    for (let done = false; !done;) {
      const page = await scan.next();
      const { buffer, keyEnd, keyStart, valueEnd, valueStart } = page;
      for (let row = 0; row < page.rows; row++) {
        rows.push([
          hex(buffer.subarray(keyStart[row], keyEnd[row]), Infinity),
          hex(buffer.subarray(valueStart[row], valueEnd[row]), Infinity),
        ]);
      }
      done = page.done;
    }
    return rows;
  } finally {
    scan.close();
    view.close();
  }
}

export async function writeAll(engine: StorageEngine, ops: readonly WriteOp[]): Promise<void> {
  await engine.write({ ops, requires: [] });
}

export function putOf(key: Bytes, value: Bytes): WriteOp {
  return { op: "put", key, value };
}

/** `count` rows, "k000000" and so on, with values of so many bytes. */
export function numbered(count: number, valueBytes = 10, fill = 1): WriteOp[] {
  return Array.from({ length: count }, (_, i) =>
    putOf(keyOf(i), new Uint8Array(valueBytes).fill((i + fill) & 0xff)),
  );
}
export function keyOf(i: number): Bytes {
  return new TextEncoder().encode(`k${String(i).padStart(6, "0")}`);
}

export function tinyLsm(
  host: SimulatedHost = new SimulatedHost(),
  options: Partial<LsmOptions> = {},
): Promise<LsmEngine> {
  return openLsmEngine({ path: "/db", host, ...TINY, backgroundThread: "off", ...options });
}

/** A step of what happens to a source before it is copied. */
export type SourceStep =
  | { readonly kind: "rows"; readonly from: number; readonly count: number; readonly bytes: number }
  | { readonly kind: "row"; readonly key: Bytes; readonly value: Bytes }
  | { readonly kind: "range"; readonly start: Bytes; readonly end: Bytes };

const anyKey = fc.uint8Array({ maxLength: 5 }).map((key) => Uint8Array.from(key));

/** Runs of rows across the borders of pages, single rows with values up to some pages, deletes of ranges. */
export const anySteps: fc.Arbitrary<readonly SourceStep[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant("rows" as const),
      from: fc.nat(3_000),
      count: fc.oneof(fc.nat(40), fc.integer({ min: 990, max: 1_030 })),
      bytes: fc.oneof(fc.nat(30), fc.integer({ min: 200, max: 300 })),
    }),
    fc.record({
      kind: fc.constant("row" as const),
      key: anyKey,
      value: fc
        .oneof(fc.nat(50), fc.integer({ min: 60_000, max: 70_000 }), fc.constant(300_000))
        .map((length) => new Uint8Array(length).fill(length & 0xff)),
    }),
    fc.record({ kind: fc.constant("range" as const), start: anyKey, end: anyKey }),
  ),
  { maxLength: 8 },
);

/** The key of the mark is for copies alone. */
export function opsOf(step: SourceStep): readonly WriteOp[] {
  if (step.kind === "rows") {
    return numbered(step.count, step.bytes).map((op, i) => ({ ...op, key: keyOf(step.from + i) }));
  }
  if (step.kind === "row") {
    return hex(step.key) === "0000" ? [] : [putOf(step.key, step.value)];
  }
  const [start, end] = [step.start, step.end].toSorted(compareBytes) as [Bytes, Bytes];
  return [{ op: "delRange", range: { start, end } }];
}

export class Crash extends Error {}

/** What a double does around the writes of an engine. */
export interface Around {
  /** Called for each commit, batch and load, in their order from 1; may throw, or change the ops. */
  readonly before?: (n: number, ops: readonly WriteOp[]) => readonly WriteOp[];
  /** Called when it has happened. */
  readonly after?: (n: number) => unknown;
  /** With load(): changes pieces, or throws in the middle of them. Absent: the engine has no load(). */
  readonly piece?: (
    n: number,
    rows: readonly (readonly [Bytes, Bytes])[],
  ) => readonly (readonly [Bytes, Bytes])[];
}

/** The engine, with something around its writes. A load keeps what it was handed before a failure, as the contract lets it. */
export function around(engine: StorageEngine, { after, before, piece }: Around): StorageEngine {
  let n = 0;
  const run = async (ops: readonly WriteOp[], write: (ops: readonly WriteOp[]) => unknown) => {
    const mine = ++n;
    const result = await write(before?.(mine, ops) ?? ops);
    await after?.(mine);
    return result;
  };
  const doubled: Partial<StorageEngine> = {
    begin: async (options) => {
      const tx = await engine.begin(options);
      const commit = tx.commit.bind(tx);
      return Object.assign(tx, {
        commit: (plan: Parameters<typeof commit>[0]) =>
          run(plan.ops, (ops) => commit({ ...plan, ops })) as ReturnType<typeof commit>,
      });
    },
    write: (plan) =>
      run(plan.ops, (ops) => engine.write({ ...plan, ops })) as ReturnType<typeof engine.write>,
  };
  if (piece !== undefined) {
    doubled.load = async (rows) => {
      await run([], async () => {
        for await (const given of rows) {
          const ops = piece(n, given).map(([key, value]) => putOf(key, value));
          if (ops.length > 0) await engine.write({ ops, requires: [] });
        }
      });
    };
  }
  return new Proxy(engine, {
    get: (target, name) => {
      if (name in doubled) return doubled[name as keyof StorageEngine];
      if (name === "load") return undefined;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
}
