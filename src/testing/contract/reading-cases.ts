/** Cases about what reads and scans of one state give (laws 1, 2, 3 and 12). */
import { compareBytes, concatBytes, copyBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { ReadView, ScanOptions } from "../../engine/contract/index.ts";
import { allEntries } from "../kit/index.ts";
import { contractCase, expectEqual, expectTrue, planOf, textOf } from "./contract-case.ts";
import type { ContractCase, Place } from "./contract-case.ts";

const ROWS = 500;

/** r0000=0 … r0499=499: more than any engine puts on its first page. */
export async function seedRows(place: Place): Promise<string[]> {
  const rows = Array.from({ length: ROWS }, (_, i) => [`r${String(i).padStart(4, "0")}`, `${i}`]);
  await place.seed(Object.fromEntries(rows));
  return rows.map(([name, value]) => `${name}=${value}`);
}

export async function withView(
  place: Place,
  work: (view: ReadView) => Promise<void>,
): Promise<void> {
  const transaction = await place.begin({ readOnly: true });
  try {
    await work(transaction.inner);
  } finally {
    transaction.abort();
  }
}

/** Suffixes that mislead who compares as text, as signed bytes, or by length. */
const TAILS: readonly (readonly number[])[] = [
  [],
  [0],
  [0, 0],
  [0, 1],
  [0, 0xff],
  [1],
  [0x7f],
  [0x7f, 0xff],
  [0x80],
  [0xc3, 0xa9],
  [0xff],
  [0xff, 0],
  [0xff, 0xff],
];

const orderOfKeys = contractCase(
  "keys come in the order of unsigned bytes, both ways, a prefix before its extensions",
  [1, 2],
  async (place) => {
    const keys = TAILS.map((tail) => concatBytes(place.key(), new Uint8Array(tail)));
    await place.write(keys.toReversed().map((key) => ({ op: "put", key, value: key })));
    const ascending = keys.toSorted(compareBytes);
    await withView(place, async (view) => {
      for (const reverse of [false, true]) {
        const found = await allEntries(view, place.range(), { reverse });
        const wanted = reverse ? ascending.toReversed() : ascending;
        expectEqual(
          found.map(({ key, value }) => [key, value]),
          wanted.map((key) => [key, key]),
          reverse ? "in reverse" : "forward",
        );
      }
    });
  },
);

const orderOfInsertion = contractCase(
  "rows come in key order whatever the order they were written in",
  [1, 2],
  async (place) => {
    const names = Array.from({ length: 200 }, (_, i) => `n${(i * 71) % 200}`);
    for (let i = 0; i < names.length; i += 20) {
      await place.write(names.slice(i, i + 20).map((name) => place.put(name, name)));
    }
    const wanted = names.toSorted().map((name) => `${name}=${name}`);
    expectEqual(await place.entries(), wanted, "all rows");
  },
);

const valuesOfAllBytes = contractCase(
  "an empty value and a value of every byte come back as they were written",
  [2],
  async (place) => {
    const every = Uint8Array.from({ length: 256 }, (_, i) => i);
    await place.write([
      { op: "put", key: place.key("empty"), value: new Uint8Array(0) },
      { op: "put", key: place.key("every"), value: every },
    ]);
    await withView(place, async (view) => {
      expectEqual(await view.get(place.key("every")), every, "every byte");
      expectEqual(await view.get(place.key("empty")), new Uint8Array(0), "empty value");
      const found = await allEntries(view, place.range());
      expectEqual(
        found.map(({ value }) => value),
        [new Uint8Array(0), every],
        "scanned values",
      );
    });
  },
);

const absentKeys = contractCase(
  "an absent key is undefined to get, read and getMany, also beside keys that are there",
  [3],
  async (place) => {
    await place.seed({ a: "1", ab: "2", c: "3" });
    await withView(place, async (view) => {
      for (const key of place.keys("", "0", "aa", "abc", "b", "d")) {
        expectEqual(await view.get(key), undefined, "get");
        expectEqual(await view.read(key, () => "decoded"), undefined, "read");
        expectEqual(await view.getMany([key]), [undefined], "getMany");
      }
    });
  },
);

const readDecodes = contractCase(
  "read hands the value to the decoder where it lies and answers with what that returns",
  [9, 12],
  async (place) => {
    await place.seed({ a: "value", empty: "" });
    await withView(place, async (view) => {
      const decode = (buffer: Bytes, start: number, end: number): string =>
        `<${textOf(copyBytes(buffer, start, end))}>`;
      expectEqual(await view.read(place.key("a"), decode), "<value>", "decoded value");
      expectEqual(await view.read(place.key("empty"), decode), "<>", "decoded empty value");
    });
  },
);

const getManyOrder = contractCase(
  "getMany answers in the order asked, with duplicates and with undefined for absent keys",
  [2],
  async (place) => {
    await place.seed({ a: "1", b: "2", c: "3" });
    await withView(place, async (view) => {
      const found = await view.getMany(place.keys("c", "x", "a", "c", "", "b", "a"));
      const wanted = ["3", undefined, "1", "3", undefined, "2", "1"];
      expectEqual(found.map(textOf), wanted, "values");
      expectEqual(await view.getMany([]), [], "no keys");
    });
  },
);

const scanWhole = contractCase(
  "a scan gives every row once and in order over all its pages, both ways, however it is read",
  [2],
  async (place) => {
    const rows = await seedRows(place);
    await withView(place, async (view) => {
      for (const expect of ["iterate", "all"] as const) {
        const forward = await place.entriesOf(view, place.range(), { expect });
        expectEqual(forward, rows, `forward, ${expect}`);
        const backward = await place.entriesOf(view, place.range(), { expect, reverse: true });
        expectEqual(backward, rows.toReversed(), `in reverse, ${expect}`);
      }
    });
  },
);

const scanLimits = contractCase(
  "a scan gives at most as many rows as its limit, the first ones in its direction",
  [2],
  async (place) => {
    const rows = await seedRows(place);
    await withView(place, async (view) => {
      for (const limit of [0, 1, 2, 31, 32, 33, 100, ROWS - 1, ROWS, ROWS + 1]) {
        for (const reverse of [false, true]) {
          for (const keysOnly of [false, true]) {
            const options: ScanOptions = { limit, reverse, keysOnly };
            const found = await place.entriesOf(view, place.range(), options);
            const inOrder = reverse ? rows.toReversed() : rows;
            const wanted = inOrder
              .slice(0, limit)
              .map((row) => (keysOnly ? row.slice(0, row.indexOf("=")) : row));
            expectEqual(found, wanted, JSON.stringify(options));
          }
        }
      }
    });
  },
);

const keysOnlyPages = contractCase("keysOnly gives keys and no values", [2], async (place) => {
  await place.seed({ a: "1", b: "2" });
  await withView(place, async (view) => {
    const page = await view.scan(place.range(), { keysOnly: true }).next();
    expectEqual([page.rows, page.valueStart.length, page.valueEnd.length], [2, 0, 0], "page");
  });
});

const rangeBounds = contractCase(
  "a range has its start and not its end, and may be empty, inverted or open",
  [2],
  async (place) => {
    await place.seed({ a: "1", b: "2", c: "3", d: "4" });
    await withView(place, async (view) => {
      const scan = (start: string, end: string, reverse: boolean): Promise<string[]> =>
        place.entriesOf(view, place.between(start, end), { reverse });
      expectEqual(await scan("b", "d", false), ["b=2", "c=3"], "forward");
      expectEqual(await scan("b", "d", true), ["c=3", "b=2"], "in reverse");
      expectEqual(await scan("aa", "cc", false), ["b=2", "c=3"], "bounds between keys");
      expectEqual(await scan("aa", "cc", true), ["c=3", "b=2"], "bounds between keys, reversed");
      for (const reverse of [false, true]) {
        expectEqual(await scan("b", "b", reverse), [], "empty range");
        expectEqual(await scan("d", "b", reverse), [], "inverted range");
        expectEqual(await scan("x", "z", reverse), [], "range without rows");
      }
      const open = await place.entriesOf(
        view,
        { start: place.key("c"), end: undefined },
        { limit: 2 },
      );
      expectEqual(open, ["c=3", "d=4"], "range without end");
    });
  },
);

const valueOrPromise = contractCase(
  "every answer is a value or a real Promise, and waiting for either gives the same",
  [12],
  async (place) => {
    await place.seed({ a: "1" });
    const transaction = await place.begin();
    const answers: readonly unknown[] = [
      transaction.inner.get(place.key("a")),
      transaction.inner.read(place.key("a"), () => 1),
      transaction.inner.getMany(place.keys("a")),
      transaction.inner.scan(place.range()).next(),
      transaction.inner.commit(planOf({})),
      place.write([place.put("b", "2")]),
    ];
    for (const answer of answers) {
      const thenable = typeof answer === "object" && answer !== null && "then" in answer;
      expectTrue(!thenable || answer instanceof Promise, "what can be waited for is a Promise");
      await answer;
    }
    expectEqual(await place.entries(), ["a=1", "b=2"], "rows");
  },
);

const largeRows = contractCase(
  "rows too large to share a page come whole and in order",
  [2],
  async (place) => {
    const size = Math.min(place.engine.limits.valueBytes, 300_000);
    const names = ["a", "b", "c", "d", "e"];
    for (const [i, name] of names.entries()) {
      await place.write([{ op: "put", key: place.key(name), value: new Uint8Array(size).fill(i) }]);
    }
    await withView(place, async (view) => {
      const found = await allEntries(view, place.range());
      expectEqual(
        found.map(({ value }) => [value.length, value[0], value[size - 1]]),
        names.map((_, i) => [size, i, i]),
        "sizes and bytes",
      );
    });
  },
);

const estimates = contractCase(
  "an estimate is finite and never negative, 0 for an empty range, and given at once",
  [12],
  async (place) => {
    const { engine } = place;
    await seedRows(place);
    const check = (when: string): void => {
      const whole = place.range();
      const ranges = [
        { start: new Uint8Array(0), end: undefined },
        { start: place.key("r0499"), end: undefined },
        { start: place.key("s"), end: undefined },
        whole,
        place.range("r02"),
        place.range("none"),
        place.between("r0007", "r0008"),
        place.between("a", "b"),
      ];
      for (const [i, range] of ranges.entries()) {
        const rows: unknown = engine.estimateRows!(range);
        const isGuess = typeof rows === "number" && rows >= 0 && rows < Infinity;
        expectTrue(isGuess, `${when}, range ${i}: an estimate is a number from 0 on`);
      }
      const { start } = whole;
      for (const [from, to] of [
        [start, start],
        [place.key("r0400"), place.key("r0100")],
        [place.key("z"), start],
      ] as const)
        expectEqual(engine.estimateRows!({ start: from, end: to }), 0, `${when}, an empty range`);
    };
    check("with rows");
    await place.write([place.put("r0001", "other"), place.del("r0002"), place.del("none")]);
    check("with changed rows");
    await place.write([{ op: "delRange", range: place.range() }]);
    check("without rows");
    expectEqual(await place.entries(), [], "rows after estimates");
  },
  {
    skipReason: (engine) => (engine.estimateRows === undefined ? "does not estimate" : undefined),
  },
);

export const readingCases: readonly ContractCase[] = [
  orderOfKeys,
  orderOfInsertion,
  valuesOfAllBytes,
  absentKeys,
  readDecodes,
  getManyOrder,
  scanWhole,
  scanLimits,
  keysOnlyPages,
  rangeBounds,
  valueOrPromise,
  largeRows,
  estimates,
];
