/** load() on a server: what the contract's cases do not ask, as they know of no connections and no pieces. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hex } from "../../../../src/base/index.ts";
import type { Bytes } from "../../../../src/base/index.ts";
import { isTokenKey } from "../../../../src/engine/contract/index.ts";
import type { WriteOp } from "../../../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../../../src/engine/memory/index.ts";
import { allEntries } from "../../../../src/testing/kit/index.ts";
import { freshTable, skipReason } from "../../../support/postgres/shared-server.ts";
import type { LoadedRow } from "./copy-reader.ts";
import { bytes, engineAt, proxyToShared } from "../../../support/postgres/engine-kit.ts";
import { EVERYTHING, countIn, inPieces, numbered, rowsIn, shown } from "./load-kit.ts";

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

    const last = new Map(rows.map((row) => [hex(row[0]), shown(row)]));
    const wanted = [...last.values()].toSorted();
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
    const proxy = await proxyToShared();
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
