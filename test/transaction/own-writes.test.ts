import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes } from "../../src/base/index.ts";
import type { Bytes } from "../../src/base/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import type { KeyRange, MergeHow, ScanOptions } from "../../src/engine/contract/index.ts";
import { transact } from "../../src/transaction/index.ts";
import type { Transaction } from "../../src/transaction/index.ts";
import { engineHere, isElsewhere, runsHere } from "../support/elsewhere.ts";
import {
  bytes,
  drain,
  EngineDouble,
  fill,
  range,
  rowsIn,
  rowsOf,
  rowsOfPage,
  TestHost,
  text,
} from "./support.ts";

// ---------------------------------------------------------------- the plain model

const hex = (key: Bytes): string => Buffer.from(key).toString("hex");
const unhex = (key: string): Bytes => new Uint8Array(Buffer.from(key, "hex"));

/** The rows by hexadecimal key, whose order is the order of the bytes. */
class Model {
  rows: Map<string, Bytes>;
  constructor(rows: Iterable<[string, Bytes]> = []) {
    this.rows = new Map(rows);
  }
  deleteRange(of: KeyRange): void {
    for (const key of this.rows.keys()) if (inside(of, unhex(key))) this.rows.delete(key);
  }
  merge(key: Bytes, operand: bigint): void {
    const cell = this.rows.get(hex(key));
    const sum = (cell === undefined ? 0n : numberOf(cell)) + operand;
    this.rows.set(hex(key), cellOf(BigInt.asIntN(64, sum)));
  }
  scan(
    of: KeyRange,
    { reverse = false, limit = Infinity, keysOnly = false }: ScanOptions,
  ): [string, string][] {
    const rows = [...this.rows]
      .filter(([key]) => inside(of, unhex(key)))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]): [string, string] => [key, keysOnly ? "" : hex(value)]);
    return (reverse ? rows.toReversed() : rows).slice(0, limit);
  }
}

function inside(of: KeyRange, key: Bytes): boolean {
  return (
    compareBytes(key, of.start) >= 0 && (of.end === undefined || compareBytes(key, of.end) < 0)
  );
}
function cellOf(number: bigint): Bytes {
  const cell = Buffer.alloc(8);
  cell.writeBigInt64BE(number);
  return new Uint8Array(cell);
}
const numberOf = (cell: Bytes): bigint => Buffer.from(cell).readBigInt64BE();

// ---------------------------------------------------------------- random programs

const key = fc.uint8Array({ maxLength: 3, max: 3 }).map((k) => new Uint8Array(k));
const keyRange = fc.record({ start: key, end: fc.option(key, { nil: undefined, freq: 4 }) });
const number = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const scanOptions = fc.record(
  { reverse: fc.boolean(), limit: fc.integer({ min: 0, max: 12 }), keysOnly: fc.boolean() },
  { requiredKeys: [] },
);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("put" as const), key, number }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("delete" as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("deleteRange" as const), range: keyRange }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("merge" as const), key, number }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("get" as const),
      keys: fc.array(key, { maxLength: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("scan" as const),
      range: keyRange,
      options: scanOptions,
      /** Pages read at once; the rest of the scan is read after all other steps. */
      pages: fc.integer({ min: 0, max: 3 }),
    }),
  },
);

async function runSteps(
  tx: Transaction,
  model: Model,
  steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[],
): Promise<void> {
  const late: (() => Promise<void>)[] = [];
  for (const todo of steps) {
    switch (todo.do) {
      case "put":
        tx.put(todo.key, cellOf(todo.number));
        model.rows.set(hex(todo.key), cellOf(todo.number));
        break;
      case "delete":
        tx.delete(todo.key);
        model.rows.delete(hex(todo.key));
        break;
      case "deleteRange":
        tx.deleteRange(todo.range);
        model.deleteRange(todo.range);
        break;
      case "merge":
        tx.merge(todo.key, "addInt", cellOf(todo.number));
        model.merge(todo.key, todo.number);
        break;
      case "get":
        for (const [i, value] of (await tx.getMany(todo.keys)).entries()) {
          const expected = model.rows.get(hex(todo.keys[i]!));
          expect(value).toEqual(expected);
          expect(await tx.get(todo.keys[i]!)).toEqual(expected);
          expect(await tx.read(todo.keys[i]!, (b, s, e) => b.slice(s, e))).toEqual(expected);
        }
        break;
      case "scan": {
        const expected = model.scan(todo.range, todo.options);
        const scan = tx.scan(todo.range, todo.options);
        const seen = (await drain(scan, todo.options, todo.pages)).map(([k, v]) => [
          hex(k),
          hex(v),
        ]);
        expect(seen).toEqual(expected.slice(0, seen.length));
        late.push(async () => {
          seen.push(...(await drain(scan, todo.options)).map(([k, v]) => [hex(k), hex(v)]));
          expect(seen).toEqual(expected);
        });
        break;
      }
    }
  }
  for (const rest of late) await rest();
  const values = await tx.getMany(allKeys);
  for (const [i, k] of allKeys.entries()) expect(values[i]).toEqual(model.rows.get(hex(k)));
}

/** Every key that a random program may name. */
const allKeys: readonly Bytes[] = [0, 1, 2, 3]
  .reduce<Bytes[]>(
    (shorter) => [
      new Uint8Array(0),
      ...shorter.flatMap((tail) => [0, 1, 2, 3].map((first) => new Uint8Array([first, ...tail]))),
    ],
    [],
  )
  .filter((k) => k.length <= 3);

test("reads of a transaction are those of a plain sorted map, whatever the pages, and so is what it commits", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(key, number), { maxLength: 40 }),
      fc.array(step, { maxLength: 30 }),
      fc.boolean(),
      fc.infiniteStream(fc.integer({ min: 1, max: 6 })),
      async (base, steps, remote, sizes) => {
        const double = new EngineDouble({ remote, pageRows: () => sizes.next().value! });
        const engine = isElsewhere() ? engineHere() : double;
        const rows = new Map(base.map(([k, n]) => [hex(k), cellOf(n)]));
        const ops = [...rows].map(([k, value]) => ({ op: "put", key: unhex(k), value }) as const);
        await engine.write({ ops, requires: [] });
        const model = new Model(rows);

        await transact(new TestHost(), engine, (tx) => runSteps(tx, model, steps));

        const snapshot = await engine.snapshot();
        const all = await drain(snapshot.scan({ start: new Uint8Array(0), end: undefined }));
        expect(all.map(([k, v]) => [hex(k), hex(v)])).toEqual(
          model.scan({ start: new Uint8Array(0), end: undefined }, {}),
        );
        const keys = double.plans.flatMap(({ ops: planned }) =>
          planned.flatMap((op) => (op.op === "delRange" ? [] : [hex(op.key)])),
        );
        expect(new Set(keys).size).toBe(keys.length);
      },
    ),
    { numRuns: runsHere(200) },
  );
});

// ---------------------------------------------------------------- single laws

test("a scan that updates what it scans meets each row once", async () => {
  const engine = engineHere();
  await fill(engine, Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`a${i}`, "x"])));

  const seen = await transact(new TestHost(), engine, async (tx) => {
    const keys: string[] = [];
    const scan = tx.scan(range("a", "b"));
    for (let page = await scan.next(); ; page = await scan.next()) {
      for (const [k] of rowsOfPage(page)) {
        keys.push(text(k)!);
        tx.delete(k);
        tx.put(bytes(`az${text(k)!}`), bytes("moved"));
      }
      if (page.done) return keys;
    }
  });

  expect(seen).toHaveLength(100);
  expect(new Set(seen).size).toBe(100);
  const after = await rowsIn(engine);
  expect(after).toHaveLength(100);
  expect(after.every(([k]) => k.startsWith("az"))).toBe(true);
});

test.each<[MergeHow, number]>([
  ["addFloat", 1.5],
  ["min", -3],
  ["max", 7],
])("a %s merge reads back as what the engine makes of it", async (how, operand) => {
  const float = (value: number): Bytes => {
    const cell = Buffer.alloc(8);
    cell.writeDoubleBE(value);
    return new Uint8Array(cell);
  };
  const engine = engineHere();
  const host = new TestHost();
  await engine.write({ ops: [{ op: "put", key: bytes("old"), value: float(2) }], requires: [] });

  const own = await transact(host, engine, (tx) => {
    for (const cell of ["old", "new", "put", "deleted"]) {
      if (cell === "put") tx.put(bytes(cell), float(4));
      if (cell === "deleted") tx.delete(bytes(cell));
      tx.merge(bytes(cell), how, float(operand));
      tx.merge(bytes(cell), how, float(operand * 2));
    }
    return rowsOf(tx).then((rows) => rows.map(String));
  });

  const committed = (await rowsIn(engine)).map(String);
  expect(own).toEqual(committed);
  expect(committed).toHaveLength(4);
});

test("what was put is safe from later changes of the caller's buffers, in both directions", async () => {
  const engine = engineHere();
  const k = bytes("k");
  const value = bytes("v");

  await transact(new TestHost(), engine, async (tx) => {
    tx.put(k, value);
    k[0] = 0;
    value[0] = 0;
    (await tx.get(bytes("k")))![0] = 1;
    expect(text(await tx.get(bytes("k")))).toBe("v");
  });

  expect(await rowsIn(engine)).toEqual([["k", "v"]]);
});

test("values of all sizes are kept apart", async () => {
  const engine = engineHere();
  const sizes = [0, 1, 64, 65, 100, 200, 1_000, 3_000, 16_384, 16_385, 70_000, 300, 66];
  const shared = new Uint8Array(70_000);

  await transact(new TestHost(), engine, async (tx) => {
    for (let i = 0; i < 130; i++) {
      const value = shared.subarray(0, sizes[i % sizes.length]!).fill(i);
      tx.put(bytes(`k${i}`), value);
    }
    expect(await tx.get(bytes("k4"))).toEqual(new Uint8Array(100).fill(4));
  });

  const snapshot = await engine.snapshot();
  for (let i = 0; i < 130; i++) {
    const size = sizes[i % sizes.length]!;
    expect(await snapshot.get(bytes(`k${i}`))).toEqual(new Uint8Array(size).fill(i));
  }
});

test.skipIf(isElsewhere())("what was handed over as owned is not copied", async () => {
  const engine = new EngineDouble();
  const value = bytes("v");

  await transact(new TestHost(), engine, (tx) => {
    tx.put(bytes("k"), value, "owned");
  });

  const [op] = engine.plans[0]!.ops;
  expect(op?.op === "put" && op.value === value).toBe(true);
});

test("ownWrite tells what this transaction did, and nothing of what it found", async () => {
  const engine = engineHere();
  await fill(engine, { a: "1", b: "2", r1: "x" });

  await transact(new TestHost(), engine, (tx) => {
    tx.put(bytes("a"), bytes("3"));
    tx.delete(bytes("c"));
    tx.deleteRange(range("r", "s"));
    tx.put(bytes("r2"), bytes("y"));
    tx.merge(bytes("m"), "addInt", new Uint8Array(8));
    const told = ["a", "b", "c", "r1", "r2", "m"].map((k) => tx.ownWrite(bytes(k)));
    expect(told).toEqual(["put", undefined, "deleted", "deleted", "put", "put"]);
  });
});

test.skipIf(isElsewhere())(
  "a hundred thousand writes in random order, with scans between, take seconds at most",
  { timeout: 30_000 },
  async () => {
    const engine = new MemoryEngine();
    const count = 100_000;
    const start = performance.now();

    const seen = await transact(new TestHost(), engine, async (tx) => {
      for (let i = 0; i < count; i++) {
        const n = Math.imul(i, 0x9e3779b1) >>> 0;
        tx.put(bytes(`k${n}`), bytes("v"));
        if (i % 1_000 === 0) await tx.scan(range(`k${n}`), { limit: 1 }).next();
      }
      return (await rowsOf(tx)).length;
    });

    expect(seen).toBe(count);
    expect(engine.stats()["rows"]).toBe(count);
    // It takes one second; a structure that moves or sorts everything for a write or a scan takes minutes.
    expect(performance.now() - start).toBeLessThan(20_000);
  },
);
