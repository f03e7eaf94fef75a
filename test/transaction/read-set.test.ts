import { expect, test } from "vitest";
import type { Bytes } from "../../src/base/index.ts";
import type { ScanOptions } from "../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import { transact } from "../../src/transaction/index.ts";
import type { Transaction } from "../../src/transaction/index.ts";
import { bytes, drain, EngineDouble, fill, range, TestHost, text } from "./support.ts";

/** How often a body ran that another commit of `key` hit after its reads, the first time. */
async function attemptsAgainst(key: string, reads: (tx: Transaction) => unknown): Promise<number> {
  const engine = new MemoryEngine();
  await fill(engine, Object.fromEntries("abcdefghij".split("").map((k) => [k, "old"])));
  await fill(engine, { "x/1": "\u0001c", "x/2": "\u0001d" });
  return transact(new TestHost(), engine, async (tx) => {
    await reads(tx);
    if (tx.attempt === 1) await fill(engine, { [key]: "newvalue" });
    tx.put(bytes("own"), bytes("1"));
    return tx.attempt;
  });
}
const conflicts = async (key: string, reads: (tx: Transaction) => unknown): Promise<boolean> =>
  (await attemptsAgainst(key, reads)) > 1;
const scanned =
  (start: string, end: string, options: ScanOptions = {}, pages = Infinity) =>
  (tx: Transaction): Promise<unknown> =>
    drain(tx.scan(range(start, end), options), options, pages);

test("a key that was read conflicts, present or absent, and its neighbours do not", async () => {
  for (const read of [
    (tx: Transaction) => tx.get(bytes("c")),
    (tx: Transaction) => tx.read(bytes("c"), () => 1),
    (tx: Transaction) => tx.getMany([bytes("b"), bytes("c")]),
  ]) {
    expect(await conflicts("c", read)).toBe(true);
    expect(await conflicts("d", read)).toBe(false);
    expect(await conflicts("cc", read)).toBe(false);
  }
  expect(await conflicts("zz", (tx) => tx.get(bytes("zz")))).toBe(true);
});

test("a range that was read to its end conflicts up to its bounds, gaps and empty ends included", async () => {
  expect(await conflicts("c", scanned("c", "f"))).toBe(true);
  expect(await conflicts("dd", scanned("c", "f"))).toBe(true);
  expect(await conflicts("ezz", scanned("c", "f"))).toBe(true);
  expect(await conflicts("f", scanned("c", "f"))).toBe(false);
  expect(await conflicts("bz", scanned("c", "f"))).toBe(false);
  expect(await conflicts("yz", scanned("y", "z"))).toBe(true);
});

test("a limit ends what was read behind the last row, forward and in reverse", async () => {
  expect(await conflicts("d", scanned("c", "h", { limit: 2 }))).toBe(true);
  expect(await conflicts("cc", scanned("c", "h", { limit: 2 }))).toBe(true);
  expect(await conflicts("dd", scanned("c", "h", { limit: 2 }))).toBe(false);
  expect(await conflicts("g", scanned("c", "h", { limit: 2, reverse: true }))).toBe(true);
  expect(await conflicts("gz", scanned("c", "h", { limit: 2, reverse: true }))).toBe(true);
  expect(await conflicts("f", scanned("c", "h", { limit: 2, reverse: true }))).toBe(true);
  expect(await conflicts("ez", scanned("c", "h", { limit: 2, reverse: true }))).toBe(false);
  expect(await conflicts("c", scanned("c", "h", { limit: 0 }))).toBe(false);
  expect(await conflicts("i", scanned("c", "h", { limit: 100 }))).toBe(false);
  expect(await conflicts("gz", scanned("c", "h", { limit: 100 }))).toBe(true);
});

test("a scan that is closed, or left open, was read as far as its pages went", async () => {
  const key = (n: number): string => `p${String(n).padStart(4, "0")}`;
  for (const leave of ["close", "leave open"]) {
    const engine = new EngineDouble({ pageRows: () => 5 });
    await fill(engine, Object.fromEntries(Array.from({ length: 100 }, (_, n) => [key(n), "x"])));
    await transact(new TestHost(), engine, async (tx) => {
      const scan = tx.scan(range("p", "q"));
      await drain(scan, {}, 2);
      if (leave === "close") scan.close();
      tx.put(bytes("own"), bytes("1"));
    });

    const [read] = engine.plans[0]!.readRanges;
    expect(engine.plans[0]!.readRanges).toHaveLength(1);
    expect(text(read!.start)).toBe("p");
    expect(text(read!.end)).toBe(`${key(9)}\0`);
  }
});

test("a limit ends what was read also where own writes lie between, and at the last row of the range", async () => {
  const limited =
    (own: string, limit: number, reverse = false) =>
    async (tx: Transaction): Promise<void> => {
      tx.put(bytes(own), bytes("mine"));
      expect(await drain(tx.scan(range("c", "h"), { limit, reverse }))).toHaveLength(limit);
    };
  expect(await conflicts("d", limited("cc", 3))).toBe(true);
  expect(await conflicts("cd", limited("cc", 3))).toBe(true);
  expect(await conflicts("dd", limited("cc", 3))).toBe(false);
  expect(await conflicts("cd", limited("cc", 2))).toBe(false);
  expect(await conflicts("gg", limited("gz", 2, true))).toBe(true);
  expect(await conflicts("ff", limited("gz", 2, true))).toBe(false);
  expect(await conflicts("gzz", limited("gz", 6))).toBe(false);
  expect(await conflicts("gzz", limited("gz", 6, true))).toBe(true);
});

test("a scan that was opened and never asked has read nothing", async () => {
  expect(await conflicts("c", (tx) => void tx.scan(range("a", "z")))).toBe(false);
});

test("what own writes answer was not read", async () => {
  expect(
    await conflicts("c", async (tx) => {
      tx.put(bytes("c"), bytes("mine"));
      await tx.get(bytes("c"));
      await tx.getMany([bytes("c"), bytes("e")]);
    }),
  ).toBe(false);
  expect(
    await conflicts("d", async (tx) => {
      tx.deleteRange(range("c", "f"));
      await tx.get(bytes("d"));
      await drain(tx.scan(range("c", "f")));
    }),
  ).toBe(false);
  expect(
    await conflicts("b", async (tx) => {
      tx.deleteRange(range("c", "f"));
      await drain(tx.scan(range("a", "h")));
    }),
  ).toBe(true);
});

test("a merge that is not read back is no read, and one that is read back is", async () => {
  const cell: Bytes = new Uint8Array(8);
  const merging = (readBack: boolean) => async (tx: Transaction) => {
    tx.merge(bytes("12345678"), "addInt", cell);
    if (readBack) await tx.get(bytes("12345678"));
  };
  expect(await conflicts("12345678", merging(false))).toBe(false);
  const engine = new EngineDouble();
  await transact(new TestHost(), engine, merging(true));
  expect(engine.plans[0]!.readKeys.map(text)).toEqual(["12345678"]);
});

test("what references lead to was read, and nothing else of that collection", async () => {
  const refs = async (tx: Transaction): Promise<void> => {
    if (tx.attempt > 1) return;
    const page = await tx.scanRefs(range("x/", "x0")).next();
    expect(page.found.rows).toBe(2);
  };
  expect(await conflicts("c", refs)).toBe(true);
  expect(await conflicts("d", refs)).toBe(true);
  expect(await conflicts("e", refs)).toBe(false);
  expect(await conflicts("x/15", refs)).toBe(true);
});

test("several ranges were read each as far as its limit", async () => {
  const many = async (tx: Transaction): Promise<void> => {
    const scan = tx.scanMany([range("b", "e"), range("g", "j")], { limitEach: 2 });
    const seen: string[] = [];
    for (let next = await scan.next(); next !== undefined; next = await scan.next())
      seen.push(`${next.range}:${next.page.rows}`);
    expect(seen).toEqual(["0:2", "1:2"]);
  };
  expect(await conflicts("c", many)).toBe(true);
  expect(await conflicts("d", many)).toBe(false);
  expect(await conflicts("h", many)).toBe(true);
  expect(await conflicts("i", many)).toBe(false);
});

test("the read set names each key once and joins its ranges", async () => {
  const engine = new EngineDouble();
  await fill(engine, { a: "1", b: "2", c: "3" });

  await transact(new TestHost(), engine, async (tx) => {
    for (let i = 0; i < 50; i++) {
      await tx.get(bytes("q"));
      await drain(tx.scan(range("a", "b")));
      await drain(tx.scan(range("b", "d")));
      await tx.get(bytes("c"));
    }
    tx.put(bytes("own"), bytes("1"));
  });

  const [plan] = engine.plans;
  expect(plan!.readKeys.map(text)).toEqual(["q"]);
  expect(plan!.readRanges.map(({ start, end }) => [text(start), text(end)])).toEqual([["a", "d"]]);
});

test("keys read in a buffer that the caller uses again are remembered as they were", async () => {
  const engine = new EngineDouble();
  const key = bytes("a");

  await transact(new TestHost(), engine, async (tx) => {
    await tx.get(key);
    key[0] = bytes("b")[0]!;
    await tx.get(key);
    tx.put(bytes("own"), bytes("1"));
  });

  expect(engine.plans[0]!.readKeys.map(text)).toEqual(["a", "b"]);
});

test("nothing is recorded in a read-only transaction, and it never conflicts", async () => {
  const engine = new MemoryEngine();
  await fill(engine, { a: "1" });

  const attempts = await transact(
    new TestHost(),
    engine,
    async (tx) => {
      const first = text(await tx.get(bytes("a")));
      await fill(engine, { a: "2" });
      expect(text(await tx.get(bytes("a")))).toBe(first);
      return tx.attempt;
    },
    { readOnly: true },
  );

  expect(attempts).toBe(1);
});

test("a transaction that wrote nothing never conflicts either", async () => {
  const engine = new EngineDouble();
  await fill(engine, { a: "1" });

  await transact(new TestHost(), engine, async (tx) => {
    await tx.get(bytes("a"));
    await fill(engine, { a: "2" });
  });

  expect(engine.plans).toEqual([{ readKeys: [], readRanges: [], ops: [], requires: [] }]);
});
