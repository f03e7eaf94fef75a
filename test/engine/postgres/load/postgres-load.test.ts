/** load() on a server: what the contract's cases do not ask, as they know of no connections and no pieces. */
import fc from "fast-check";
import { collection, open } from "kotobadb";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { concatBytes, hex } from "../../../../src/base/index.ts";
import type { Bytes } from "../../../../src/base/index.ts";
import { isTokenKey } from "../../../../src/engine/contract/index.ts";
import type { ReadView, StorageEngine, WriteOp } from "../../../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../../../src/engine/memory/index.ts";
import { postgres } from "../../../../src/engine/postgres/index.ts";
import type { PostgresOptions } from "../../../../src/engine/postgres/index.ts";
import { allEntries } from "../../../../src/testing/kit/index.ts";
import { proxyTo } from "../../../support/postgres/proxy.ts";
import { overtakenCopy } from "../../copy/overtaken-copy.ts";
import { freshTable, sharedServer, skipReason } from "../../../support/postgres/shared-server.ts";
import type { LoadedRow } from "./copy-reader.ts";

const closing: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0).toReversed()) await one.close();
});

const EVERYTHING = { start: new Uint8Array(0), end: undefined };
const bytes = (text: string): Bytes => new TextEncoder().encode(text);

function engineAt(options: Partial<PostgresOptions> = {}): StorageEngine {
  const engine = postgres({ url: sharedServer().url, table: freshTable(), ...options });
  closing.push(engine);
  return engine;
}

async function* inPieces(
  rows: readonly LoadedRow[],
  size = 1_000,
): AsyncGenerator<readonly LoadedRow[]> {
  for (let at = 0; at < rows.length; at += size) yield rows.slice(at, at + size);
}

const numbered = (count: number, value: Bytes = bytes("v")): LoadedRow[] =>
  Array.from({ length: count }, (_, n) => [bytes(`n${String(n).padStart(6, "0")}`), value]);

async function rowsOf(view: ReadView): Promise<string[]> {
  const entries = await allEntries(view, EVERYTHING, { expect: "all" });
  return entries
    .filter(({ key }) => !isTokenKey(key))
    .map(({ key, value }) => `${hex(key)}=${hex(value)}`);
}

async function rowsIn(engine: StorageEngine): Promise<string[]> {
  const view = await engine.snapshot();
  try {
    return await rowsOf(view);
  } finally {
    view.close();
  }
}

async function countIn(engine: StorageEngine): Promise<number> {
  const view = await engine.snapshot();
  try {
    const entries = await allEntries(view, EVERYTHING, { expect: "all", keysOnly: true });
    return entries.filter(({ key }) => !isTokenKey(key)).length;
  } finally {
    view.close();
  }
}

/** Few keys, so that they meet. */
const KEYS: readonly Bytes[] = ["", "a", "a\0", "b", "c", "\u{ff}"].map(bytes);
const key = fc.nat(KEYS.length - 1);
const number = fc.integer({ min: -5, max: 5 }).map((n) => {
  const cell = new Uint8Array(8);
  new DataView(cell.buffer).setBigInt64(0, BigInt(n));
  return cell;
});
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("load" as const),
      rows: fc.array(fc.tuple(key, number), { maxLength: 12 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("merge" as const), key, value: number }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("put" as const), key, value: number }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("del" as const), key }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("delRange" as const), from: key, to: key }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function opOf(one: Exclude<Step, { readonly do: "load" }>): WriteOp {
  if (one.do === "delRange")
    return { op: "delRange", range: { start: KEYS[one.from]!, end: KEYS[one.to]! } };
  const at = KEYS[one.key]!;
  if (one.do === "del") return { op: "del", key: at };
  if (one.do === "put") return { op: "put", key: at, value: one.value };
  return { op: "merge", key: at, how: "addInt", operand: one.value };
}

describe.skipIf(skipReason !== undefined)("load() on PostgreSQL", () => {
  it("comes to what puts in the same order come to, over rows, cells and what was deleted", async () => {
    const table = freshTable();
    const server = engineAt({ table });
    // Another program, which knows of no cells.
    const other = engineAt({ table });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        const memory = new MemoryEngine();
        await server.write({ ops: [{ op: "delRange", range: EVERYTHING }], requires: [] });
        for (const [i, one] of steps.entries()) {
          if (one.do !== "load") {
            await memory.write({ ops: [opOf(one)], requires: [] });
            await server.write({ ops: [opOf(one)], requires: [] });
            continue;
          }
          const rows = one.rows.map(([at, value]): LoadedRow => [KEYS[at]!, value]);
          for (const [at, value] of rows)
            await memory.write({ ops: [{ op: "put", key: at, value }], requires: [] });
          await (i % 2 === 0 ? server : other).load!(inPieces(rows, 3));
        }
        expect(await rowsIn(other)).toEqual(await rowsIn(memory));
      }),
      { numRuns: 60 },
    );
  });

  it("takes rows of many pieces in any order, each key twice, and leaves nothing else behind", async () => {
    const engine = engineAt();
    const rows = Array.from({ length: 120 }, (_, n): LoadedRow => {
      const place = (n * 77) % 120;
      return [bytes(`k${String(place % 60).padStart(3, "0")}`), new Uint8Array(150_000).fill(n)];
    });

    await engine.load!(inPieces(rows, 7));

    const last = new Map(rows.map(([at, value]) => [hex(at), hex(value)]));
    const wanted = [...last].map(([at, value]) => `${at}=${value}`).toSorted();
    expect(await rowsIn(engine)).toEqual(wanted);
    const view = await engine.snapshot();
    expect((await allEntries(view, EVERYTHING)).length).toBe(60);
    view.close();
  });

  it("takes a row as large as a row may be, also where it is there", async () => {
    const engine = engineAt();
    const { keyBytes, valueBytes } = engine.limits;
    const at = new Uint8Array(keyBytes).fill(0x6b);
    for (const fill of [1, 2]) {
      const value = new Uint8Array(valueBytes).fill(fill);
      await engine.load!(
        inPieces([
          [bytes("a"), bytes("1")],
          [at, value],
        ]),
      );
      const view = await engine.snapshot();
      expect(Buffer.compare((await view.get(at))!, value)).toBe(0);
      view.close();
    }
  });

  it("shows each piece whole or not at all, to whoever begins meanwhile", async () => {
    const engine = engineAt();
    await engine.write({ ops: [], requires: [{ is: "absent", key: bytes("x") }] });
    const PIECE_ROWS = 20_000;
    const rows = numbered(2.5 * PIECE_ROWS);
    const counts = new Set<number>();
    let isOver = false;
    const watching = (async () => {
      while (!isOver) counts.add(await countIn(engine));
    })();

    await engine.load!(inPieces(rows));
    isOver = true;
    await watching;

    expect(await countIn(engine)).toBe(rows.length);
    const whole = [0, PIECE_ROWS, 2 * PIECE_ROWS, rows.length];
    expect([...counts].filter((count) => !whole.includes(count))).toEqual([]);
    expect(counts.size).toBeGreaterThan(1);
  });

  it("goes on behind a source that throws, and behind one that is never done when the engine is closed", async () => {
    const engine = engineAt({ connectionsMax: 1 });
    const gone = new Error("the source is gone");
    const failing = (async function* (): AsyncGenerator<readonly LoadedRow[]> {
      yield* inPieces(numbered(45_000));
      throw gone;
    })();
    await expect(engine.load!(failing)).rejects.toBe(gone);
    await engine.load!(inPieces(numbered(45_000, bytes("again"))));
    expect(await countIn(engine)).toBe(45_000);
    // The look that has just ended gives its connection back in a moment.
    await expect.poll(() => engine.stats!()).toMatchObject({ connections: 1, connectionsIdle: 1 });

    let wasEnded = false;
    const waiting = engine.load!({
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: async () => {
          wasEnded = true;
          return { done: true, value: undefined };
        },
      }),
    }).catch((error: unknown) => error);
    await engine.close();
    expect(await waiting).toMatchObject({ _tag: "Closed" });
    expect(wasEnded).toBe(true);
    await expect(engine.load!(inPieces([]))).rejects.toMatchObject({ _tag: "Closed" });
  });

  it("is told to readers of the log, every row once, also behind a connection that was cut", async () => {
    const proxy = await proxyTo(sharedServer().tcpUrl);
    closing.push(proxy);
    const engine = engineAt({ url: proxy.url, changeLog: true });
    await engine.write({ ops: [{ op: "put", key: bytes("a"), value: bytes("1") }], requires: [] });
    const before = await engine.snapshot();
    const start = before.version;
    before.close();
    const rows = numbered(45_000, bytes("told"));
    let cuts = 0;
    // The end of a piece: the server has it, and answers to nobody.
    proxy.cutsAfter = (sent) => sent.includes("n030000") && ++cuts === 1;

    await engine.load!(inPieces(rows));
    await engine.write({ ops: [{ op: "put", key: bytes("z"), value: bytes("1") }], requires: [] });

    const told: string[] = [];
    for await (const sets of engine.changes!(start)) {
      const ops = sets.flatMap((set) => set.ops);
      for (const op of ops)
        if (op.op === "put" && !isTokenKey(op.key)) told.push(Buffer.from(op.key).toString());
      if (told.at(-1) === "z") break;
    }
    expect(cuts).toBeGreaterThan(0);
    expect(told).toEqual([...rows.map(([at]) => Buffer.from(at).toString()), "z"]);
  });
});

describe.skipIf(skipReason !== undefined)(
  "a load whose connection is cut, or whose range is taken",
  () => {
    const rows = numbered(30_000, concatBytes(bytes("value "), new Uint8Array(200).fill(7)));

    for (const [when, arm] of [
      ["before the server has the whole piece", "cutsBefore"],
      ["before the server can answer", "cutsAfter"],
    ] as const) {
      it(`brings all rows all the same: ${when}`, async () => {
        const proxy = await proxyTo(sharedServer().tcpUrl);
        closing.push(proxy);
        const engine = engineAt({ url: proxy.url });
        await countIn(engine);
        const cut = new Set<string>();
        proxy[arm] = (sent) => {
          // Twice in the first piece, once at the end of the second.
          const mark = ["n000100", "n017000", "n029999"].find((one) => sent.includes(one));
          if (mark === undefined || cut.has(mark)) return false;
          cut.add(mark);
          return true;
        };

        await engine.load!(inPieces(rows));

        expect(cut.size).toBe(3);
        const found = await rowsIn(engine);
        expect(found.length).toBe(rows.length);
        expect(found).toEqual(rows.map(([at, value]) => `${hex(at)}=${hex(value)}`));
      });
    }

    it("is taken back by a program that begins to use the collection, whose documents stay", async () => {
      const table = freshTable();
      const Towns = collection("towns", z.object({ name: z.string() }), {
        indexes: { byName: ["name"] },
      });
      await using loading = await open(
        { engine: engineAt({ table }) },
        { collections: { towns: Towns } },
      );
      await using other = await open(
        { engine: engineAt({ table }) },
        { collections: { towns: Towns } },
      );
      const source = (async function* () {
        for (let n = 0; n < 60_000; n++) {
          if (n === 50_000) await other.towns.insert({ name: "mine" });
          yield { name: `town ${n}` };
        }
      })();

      const failure = await loading.towns.load(source).catch((error: unknown) => error);

      expect(failure).toMatchObject({ _tag: "StorageError", code: "TooOld" });
      expect((await other.towns.all()).map(({ name }) => name)).toEqual(["mine"]);
      expect(await other.verify()).toEqual({ ok: true, problems: [] });
    });

    it("is stopped by another copy that has overtaken it", async () => {
      const engine = engineAt();
      expect(await overtakenCopy(engine)).toMatchObject({ _tag: "CopyOvertaken" });
    });

    it("leaves a collection whole, with its indexes and tallies", async () => {
      const proxy = await proxyTo(sharedServer().tcpUrl);
      closing.push(proxy);
      const Towns = collection("towns", z.object({ name: z.string(), land: z.string() }), {
        indexes: {
          byName: { on: ["name"], unique: true },
          perLand: { count: true, by: ["land"] },
        },
      });
      const engine = engineAt({ url: proxy.url });
      await using db = await open({ engine }, { collections: { towns: Towns } });
      let cuts = 0;
      proxy.cutsAfter = (sent) => sent.includes("town 7000") && ++cuts === 1;
      const towns = Array.from({ length: 8_000 }, (_, n) => ({
        name: `town ${n}`,
        land: n % 2 === 0 ? "here" : "there",
      }));

      expect(await db.towns.load(towns)).toEqual({ loaded: 8_000 });

      expect(cuts).toBeGreaterThan(0);
      expect(await db.towns.where({ land: "here" }).count()).toBe(4_000);
      expect(await db.towns.find({ name: "town 7999" })).toMatchObject({ land: "there" });
      expect(await db.verify()).toEqual({ ok: true, problems: [] });
    });
  },
);
