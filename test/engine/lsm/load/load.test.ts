/** Bulk load: what readers, writers and the files see of it. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { CONFLICT } from "../../../../src/engine/contract/index.ts";
import { ROUNDS, bytes, del, delRange, entriesOf, put, range, text } from "../support.ts";
import { everythingIn, inPieces, openTiny, rowsFrom, sortedRows, tableFiles } from "./load-kit.ts";
import type { TextRow } from "./load-kit.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

type Step =
  | { readonly do: "load"; readonly rows: readonly TextRow[]; readonly isSorted: boolean }
  | { readonly do: "write"; readonly rows: readonly TextRow[] }
  | { readonly do: "delete"; readonly keys: readonly [string, string] }
  | { readonly do: "flush" | "compact" | "reopen" | "snapshot" };

const key = fc.nat(400).map((n) => `k${String(n * 37).padStart(5, "0")}`);
const row = fc.tuple(key, fc.string({ maxLength: 30 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("load" as const),
      rows: fc.array(row, { maxLength: 150 }),
      isSorted: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("write" as const),
      rows: fc.uniqueArray(row, { maxLength: 20, selector: ([k]) => k }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("delete" as const), keys: fc.tuple(key, key) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "flush" as const,
        "compact" as const,
        "reopen" as const,
        "snapshot" as const,
      ),
    }),
  },
);

test(
  "whatever is loaded, written, deleted, flushed and compacted, every view reads what a map says",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), fc.nat(3), async (steps, l0) => {
        const host = new SimulatedHost();
        const options = { l0TablesTrigger: 2 + l0 };
        let engine = await openTiny(host, options);
        const model = new Map<string, string>();
        let views: { view: ReturnType<typeof engine.snapshot>; rows: [string, string][] }[] = [];
        for (const one of steps) {
          switch (one.do) {
            case "load": {
              const { rows } = one;
              const ordered = one.isSorted
                ? rows.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
                : rows;
              await engine.load!(inPieces(ordered));
              for (const [k, value] of ordered) model.set(k, value);
              break;
            }
            case "write":
              await engine.write({
                ops: one.rows.map(([k, value]) => put(k, value)),
                requires: [],
              });
              for (const [k, value] of one.rows) model.set(k, value);
              break;
            case "delete": {
              const [start, end] = one.keys;
              await engine.write({ ops: [delRange(start, end)], requires: [] });
              for (const k of model.keys()) if (k >= start && k < end) model.delete(k);
              break;
            }
            case "flush":
              await engine.flush();
              break;
            case "compact":
              await engine.compact();
              break;
            case "reopen":
              views = [];
              await engine.close();
              engine = await openTiny(host, options);
              break;
            case "snapshot": {
              const view = engine.snapshot();
              await view.get(bytes("any"));
              views.push({ view, rows: sortedRows(model) });
              break;
            }
          }
          expect(await everythingIn(engine)).toEqual(sortedRows(model));
          for (const { rows, view } of views) expect(await entriesOf(view)).toEqual(rows);
        }
        const reader = await engine.begin({ readOnly: true });
        for (let n = 0; n <= 400; n += 13) {
          const k = `k${String(n * 37).padStart(5, "0")}`;
          expect(text(await reader.get(bytes(k)))).toBe(model.get(k));
        }
        expect(await engine.verify()).toEqual([]);
        for (const { view } of views) view.close();
        await engine.close();
      }),
      { numRuns: 40 * ROUNDS },
    );
  },
  60_000 * ROUNDS,
);

test("sorted rows are written once, to the last level, past the log and the memtable", async () => {
  const host = new SimulatedHost();
  const engine = await openTiny(host);
  const before = engine.stats();
  await engine.load!(inPieces(rowsFrom(500)));
  const after = engine.stats();
  expect(after["logBytesTotal"]).toBe(before["logBytesTotal"]);
  expect(after["memtableBytes"]).toBe(before["memtableBytes"]);
  expect(after).toMatchObject({
    loads: 1,
    loadedRows: 500,
    loadRuns: 1,
    flushes: 0,
    compactions: 0,
  });
  expect(after["level6Tables"]).toBe(after["sstableCount"]);
  expect(after["loadedTables"]).toBe(after["sstableCount"]);
  expect(after["sstableCount"]).toBeGreaterThan(10);
  expect(await everythingIn(engine)).toEqual(rowsFrom(500));
  await engine.close();
});

test("unsorted rows become many runs, are merged in several passes, and leave no file behind", async () => {
  const host = new SimulatedHost();
  const engine = await openTiny(host);
  const rows = rowsFrom(900).toSorted(([a], [b]) =>
    a.split("").toReversed().join("") < b.split("").toReversed().join("") ? -1 : 1,
  );
  await engine.load!(inPieces(rows, 50));
  const stats = engine.stats();
  expect(stats["loadRuns"]).toBeGreaterThan(33);
  expect(stats["loadedTables"]).toBe(stats["sstableCount"]);
  expect(tableFiles(host)).toHaveLength(stats["sstableCount"]!);
  expect(await everythingIn(engine)).toEqual(rowsFrom(900));
  await engine.close();
});

test("of rows with equal keys the last one handed in stays, in one buffer and across runs", async () => {
  const engine = await openTiny(new SimulatedHost());
  const rows = [0, 1, 2].flatMap((round) =>
    rowsFrom(60).map(([k], i): TextRow => [k, `${round} of ${i} ${"y".repeat(round)}`]),
  );
  await engine.load!(inPieces([...rows, ["row/00007", "early"], ["row/00007", "late"]]));
  const found = new Map(await everythingIn(engine));
  expect(found.size).toBe(60);
  expect(found.get("row/00007")).toBe("late");
  expect(found.get("row/00059")).toBe("2 of 59 yy");
  await engine.close();
});

test("a view that was opened before a load never sees it, one that is opened after sees all of it", async () => {
  const engine = await openTiny(new SimulatedHost());
  await engine.write({ ops: [put("row/00003", "old")], requires: [] });
  const snapshot = engine.snapshot();
  await snapshot.get(bytes("x"));
  const counts = new Set<number>();
  const watched = (async function* () {
    for await (const piece of inPieces(rowsFrom(200))) {
      counts.add((await everythingIn(engine)).length);
      yield piece;
    }
  })();
  await engine.load!(watched);
  expect([...counts]).toEqual([1]);
  expect(await entriesOf(snapshot)).toEqual([["row/00003", "old"]]);
  const late = engine.snapshot();
  expect(await entriesOf(late)).toEqual(rowsFrom(200));
  await engine.compact();
  expect(await entriesOf(snapshot)).toEqual([["row/00003", "old"]]);
  expect(text(await snapshot.get(bytes("row/00004")))).toBeUndefined();
  expect(await entriesOf(late)).toEqual(rowsFrom(200));
  snapshot.close();
  late.close();
  await engine.close();
});

test("a transaction that read where a load put rows conflicts, one that read elsewhere does not", async () => {
  const engine = await openTiny(new SimulatedHost());
  const readKey = await engine.begin();
  const readRange = await engine.begin();
  const readElsewhere = await engine.begin();
  await readKey.get(bytes("row/00010"));
  await entriesOf(readRange, range("row/00050x", "row/00051x"));
  await readElsewhere.get(bytes("other"));
  await engine.load!(inPieces(rowsFrom(100)));
  const plan = { ops: [put("mine", "1")], requires: [], readKeys: [], readRanges: [] };
  await expect(async () =>
    readKey.commit({ ...plan, readKeys: [bytes("row/00010")] }),
  ).rejects.toBe(CONFLICT);
  await expect(async () =>
    readRange.commit({ ...plan, readRanges: [range("row/00050x", "row/00051x")] }),
  ).rejects.toBe(CONFLICT);
  await readElsewhere.commit({ ...plan, readKeys: [bytes("other")] });
  await engine.close();
});

test("an exclusive transaction is not disturbed: the load becomes visible after it", async () => {
  const host = new SimulatedHost();
  const engine = await openTiny(host);
  const exclusive = await engine.begin({ exclusive: true });
  expect(await exclusive.get(bytes("row/00001"))).toBeUndefined();
  const loading = engine.load!(inPieces(rowsFrom(20)));
  for (let turn = 0; turn < 300; turn++) await host.timers.pause();
  expect(await everythingIn(engine)).toEqual([]);
  await exclusive.commit({
    ops: [put("row/00001", "exclusive")],
    requires: [],
    readKeys: [bytes("row/00001")],
    readRanges: [],
  });
  await loading;
  expect(await everythingIn(engine)).toEqual(rowsFrom(20));
  await engine.close();
});

test("rows that commits wrote to the same keys while a load ran are replaced, and later ones replace its own", async () => {
  const host = new SimulatedHost();
  let engine = await openTiny(host);
  const rows = rowsFrom(150);
  const busy = (async function* () {
    let n = 0;
    for await (const piece of inPieces(rows)) {
      await engine.write({
        ops: [put(`row/${String(n++).padStart(5, "0")}`, "while"), put(`else/${n}`, "kept")],
        requires: [],
      });
      if (n === 9) await engine.write({ ops: [delRange("row/", "row0")], requires: [] });
      yield piece;
    }
  })();
  await engine.load!(busy);
  expect((await everythingIn(engine)).filter(([k]) => k.startsWith("row"))).toEqual(rows);
  await engine.write({ ops: [put("row/00002", "after"), del("row/00003")], requires: [] });
  await engine.flush();
  const check = async (): Promise<void> => {
    const found = new Map(await everythingIn(engine));
    expect(found.get("row/00002")).toBe("after");
    expect(found.has("row/00003")).toBe(false);
    expect(found.get("row/00004")).toBe(rows[4]![1]);
    expect(found.get("else/4")).toBe("kept");
  };
  await check();
  await engine.close();
  engine = await openTiny(host);
  await check();
  await engine.compact();
  await check();
  expect(await engine.verify()).toEqual([]);
  await engine.close();
});

test("what was flushed to level 0 while a load ran is older than the load, though its file number is higher", async () => {
  const host = new SimulatedHost();
  let engine = await openTiny(host, { l0TablesTrigger: 60 });
  const rows = rowsFrom(150);
  const late = (async function* () {
    yield* inPieces(rows);
    await engine.write({ ops: rows.slice(0, 40).map(([k]) => put(k, "older")), requires: [] });
    await engine.flush();
  })();
  await engine.load!(late);
  expect(engine.stats()["level0Tables"]).toBeGreaterThan(1);
  expect(engine.stats()["level6Tables"]).toBeGreaterThan(1);
  const check = async (): Promise<void> => {
    expect(await everythingIn(engine)).toEqual(rows);
    const reader = await engine.begin({ readOnly: true });
    for (const [k, value] of rows) expect(text(await reader.get(bytes(k)))).toBe(value);
    reader.abort();
  };
  await check();
  await engine.close();
  engine = await openTiny(host, { l0TablesTrigger: 60 });
  await check();
  await engine.close();
});

test("a load is never kept without the commits before it, however weak their durability", async () => {
  const host = new SimulatedHost();
  const engine = await openTiny(host, { durability: "memory" });
  const rows = (async function* () {
    yield* inPieces(rowsFrom(40));
    await engine.write({ ops: [put("before", "1")], requires: [] });
  })();
  await engine.load!(rows);
  const survivor = await openTiny(host.crash("lost"));
  expect(await everythingIn(survivor)).toEqual([["before", "1"], ...rowsFrom(40)]);
  await survivor.close();
});

test("a load that ends while a compaction runs is not put into the midst of what that compaction writes", async () => {
  const engine = await openTiny(new SimulatedHost(), { tableBytesTarget: 1_000_000 });
  await engine.load!(inPieces(rowsFrom(100, "a")));
  await engine.load!(inPieces(rowsFrom(100, "z")));
  const compacted = engine.compact();
  await engine.load!(inPieces(rowsFrom(5, "m")));
  await compacted;
  expect(await engine.verify()).toEqual([]);
  const rows = ["a", "m", "z"].flatMap((prefix) => rowsFrom(prefix === "m" ? 5 : 100, prefix));
  expect(await everythingIn(engine)).toEqual(rows);
  await engine.close();
});

test("listeners hear of a load once, with its ranges", async () => {
  const engine = await openTiny(new SimulatedHost());
  const heard: unknown[] = [];
  engine.onCommit((touched) => heard.push(touched?.ranges.length));
  await engine.load!(inPieces(rowsFrom(100)));
  await new Promise((resolve) => setImmediate(resolve));
  expect(heard).toEqual([engine.stats()["loadedTables"]]);
  await engine.close();
});

test("a key or a value beyond the limits, and rows that fail, leave nothing, and the engine goes on", async () => {
  const host = new SimulatedHost();
  const engine = await openTiny(host);
  const with_ = (bad: readonly [Uint8Array, Uint8Array]) =>
    (async function* () {
      yield* inPieces(rowsFrom(100));
      yield [bad];
    })();
  await expect(engine.load!(with_([new Uint8Array(4_097), bytes("")]))).rejects.toMatchObject({
    code: "KeyTooLarge",
  });
  await expect(
    engine.load!(with_([bytes("k"), new Uint8Array(32 * 1_024 * 1_024 + 1)])),
  ).rejects.toMatchObject({ code: "ValueTooLarge" });
  let isEnded = false;
  const failing = (async function* () {
    try {
      yield* inPieces(rowsFrom(100).toReversed());
      throw new Error("the source is gone");
    } finally {
      isEnded = true;
    }
  })();
  await expect(engine.load!(failing)).rejects.toThrow("the source is gone");
  expect(isEnded).toBe(true);
  expect(tableFiles(host)).toEqual([]);
  await engine.load!(inPieces([]));
  expect(await everythingIn(engine)).toEqual([]);
  await engine.load!(inPieces(rowsFrom(3)));
  expect(await everythingIn(engine)).toEqual(rowsFrom(3));
  await engine.close();
});

test("closing the engine ends a load that waits for its rows, and leaves nothing of it", async () => {
  const host = new SimulatedHost();
  const engine = await openTiny(host);
  const stuck = (async function* () {
    yield* inPieces(rowsFrom(100));
    await new Promise(() => undefined);
  })();
  const loading = engine.load!(stuck);
  const ended = expect(loading).rejects.toMatchObject({ _tag: "Closed" });
  for (let turn = 0; turn < 50; turn++) await host.timers.pause();
  expect(tableFiles(host).length).toBeGreaterThan(0);
  await engine.close();
  await ended;
  expect(tableFiles(host)).toEqual([]);
  expect(() => engine.load!(inPieces([]))).toThrow();
});

test("several loads and commits at once all arrive", async () => {
  const host = new SimulatedHost();
  let engine = await openTiny(host);
  const loads = ["a", "b", "c"].map((prefix) =>
    engine.load!(inPieces(rowsFrom(80, prefix).toReversed())),
  );
  let commits = 0;
  let isLoading = true;
  const loaded = Promise.all(loads).finally(() => {
    isLoading = false;
  });
  while (isLoading) await engine.write({ ops: [put(`d/${commits++}`, "commit")], requires: [] });
  await loaded;
  const expected = ["a", "b", "c"].flatMap((prefix) => rowsFrom(80, prefix));
  const check = async (): Promise<void> => {
    const found = await everythingIn(engine);
    expect(found.filter(([k]) => !k.startsWith("d/"))).toEqual(expected);
    expect(found).toHaveLength(240 + commits);
  };
  await check();
  await engine.close();
  engine = await openTiny(host);
  await check();
  await engine.close();
});
