/** Cases about load(): where an engine has it, it must lead to what writing the same rows would have led to. */
import type { Bytes } from "../../base/index.ts";
import type { Requirement, StorageEngine } from "../../engine/contract/index.ts";
import { retried, seededRandom } from "../kit/index.ts";
import { bytesOf, contractCase, expectEqual, outcomeOf, planOf } from "./contract-case.ts";
import type { ContractCase, Place } from "./contract-case.ts";

type Row = readonly [key: Bytes, value: Bytes];

const whereLoaded = {
  skipReason: (engine: StorageEngine): string | undefined =>
    engine.load === undefined ? "has no bulk load" : undefined,
};

async function* inPieces(rows: readonly Row[], size = 10): AsyncGenerator<readonly Row[]> {
  for (let at = 0; at < rows.length; at += size) {
    await Promise.resolve();
    yield rows.slice(at, at + size);
  }
}

function rowsOf(place: Place, entries: readonly (readonly [name: string, value: string])[]): Row[] {
  return entries.map(([name, value]) => [place.key(name), bytesOf(value)] as const);
}

function numbered(count: number): [name: string, value: string][] {
  return Array.from({ length: count }, (_, n) => [`n${String(n).padStart(4, "0")}`, `v${n}`]);
}

const loadsAnyOrder = contractCase(
  "rows are loaded in whatever order they come, and of equal keys the last one handed in stays",
  [1, 2],
  async (place) => {
    const sorted = numbered(300);
    const wanted = sorted.map(([name, value]) => `${name}=${value}`);
    await place.engine.load!(inPieces(rowsOf(place, sorted)));
    expectEqual(await place.entries(), wanted, "rows that came in order");
    await place.write([{ op: "delRange", range: place.range() }]);
    const random = seededRandom(5);
    const shuffled = sorted
      .map((row) => ({ row, at: random.below(1_000_000) }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ row }) => row);
    const former = shuffled.map(([name]): [string, string] => [name, "former"]);
    await place.engine.load!(inPieces(rowsOf(place, [...former, ...shuffled])));
    expectEqual(await place.entries(), wanted, "rows that came shuffled, each twice");
    await place.engine.load!(inPieces([]));
    expectEqual(await place.entries(), wanted, "rows after a load of nothing");
  },
  whereLoaded,
);

const replacesAndIsReplaced = contractCase(
  "loaded rows replace what was there, and are replaced and deleted by what is written later",
  [5, 8],
  async (place) => {
    await place.seed({ a: "1", c: "1", e: "1" });
    await place.engine.load!(
      inPieces(
        rowsOf(place, [
          ["b", "2"],
          ["c", "2"],
          ["d", "2"],
        ]),
      ),
    );
    expectEqual(await place.entries(), ["a=1", "b=2", "c=2", "d=2", "e=1"], "rows after the load");
    await place.write([place.put("c", "3"), place.del("d")]);
    expectEqual(await place.entries(), ["a=1", "b=2", "c=3", "e=1"], "rows after writing on");
    await place.write([{ op: "delRange", range: place.between("b", "e") }]);
    expectEqual(await place.entries(), ["a=1", "e=1"], "rows after a range delete");
  },
  whereLoaded,
);

const viewsStay = contractCase(
  "a view that has read does not see what is loaded after, and a transaction that read there conflicts",
  [3, 6],
  async (place) => {
    await place.seed({ b: "old" });
    const reader = await place.begin({ readOnly: true });
    const writer = await place.engine.begin();
    expectEqual(await place.entriesOf(reader.inner, place.range()), ["b=old"], "rows before");
    expectEqual(await place.entriesOf(writer, place.range()), ["b=old"], "rows before");
    await place.engine.load!(
      inPieces(
        rowsOf(place, [
          ["a", "new"],
          ["b", "new"],
        ]),
      ),
    );
    expectEqual(await place.entriesOf(reader.inner, place.range()), ["b=old"], "rows of the view");
    reader.abort();
    // Who reads the new rows, and nothing of the writer's, stands between the two: so the writer cannot have come first.
    await retried(place.engine, (between) => between.entries(place.range()), { readOnly: true });
    const outcome = await outcomeOf(() =>
      writer.commit(planOf({ readRanges: [place.range()], ops: [place.put("c", "1")] })),
    );
    expectEqual(outcome, "Conflict", "a commit that read what the load changed");
    expectEqual(await place.entries(), ["a=new", "b=new"], "rows after");
  },
  whereLoaded,
);

const requiresFirst = contractCase(
  "a load does nothing where what it requires does not hold",
  [7],
  async (place) => {
    await place.seed({ x: "1" });
    const load = (...requires: readonly Requirement[]): Promise<string> =>
      outcomeOf(() => {
        const rows = rowsOf(place, [
          ["a", "2"],
          ["b", "2"],
        ]);
        return place.engine.load!(inPieces(rows), { requires });
      });
    const x = { is: "equal", key: place.key("x") } as const;
    const noY: Requirement = { is: "absent", key: place.key("y") };
    const stale = { ...x, value: bytesOf("0") };
    expectEqual(await load(stale), "RequirementFailed", "equal, but other");
    expectEqual(await load(noY, stale), "RequirementFailed", "the second of two");
    expectEqual(await load({ ...noY, key: x.key }), "RequirementFailed", "absent, but there");
    expectEqual(await place.entries(), ["x=1"], "rows after failures");
    expectEqual(await load({ ...x, value: bytesOf("1") }, noY), "ok", "both hold");
    expectEqual(await place.entries(), ["a=2", "b=2", "x=1"], "rows after the load");
  },
  whereLoaded,
);

const refusesTooLarge = contractCase(
  "a row beyond the limits, and rows that fail, end the load with that error",
  [10],
  async (place) => {
    const { keyBytes, valueBytes } = place.engine.limits;
    const load = (row: Row): Promise<string> =>
      outcomeOf(() => place.engine.load!(inPieces([row])));
    const name = place.key("x");
    const longKey = new Uint8Array(keyBytes + 1);
    longKey.set(name);
    expectEqual(await load([longKey, bytesOf("")]), "KeyTooLarge", "a key that is too long");
    const outcome = await load([name, new Uint8Array(valueBytes + 1)]);
    expectEqual(outcome, "ValueTooLarge", "a value that is too long");
    const gone = new Error("the source is gone");
    const failing = (async function* (): AsyncGenerator<readonly Row[]> {
      yield rowsOf(place, [["z", "1"]]);
      throw gone;
    })();
    const error: unknown = await place.engine.load!(failing).then(
      () => undefined,
      (cause: unknown) => cause,
    );
    expectEqual(error === gone, true, "the error of the rows is handed on");
    await place.engine.load!(inPieces(rowsOf(place, [["y", "1"]])));
    expectEqual(await place.value("y"), "1", "a row that is loaded after");
  },
  whereLoaded,
);

export const loadCases: readonly ContractCase[] = [
  loadsAnyOrder,
  replacesAndIsReplaced,
  viewsStay,
  requiresFirst,
  refusesTooLarge,
];
