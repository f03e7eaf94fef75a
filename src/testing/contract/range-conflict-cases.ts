/** Cases about ranges that one transaction read and another commit changed (law 6). */
import { nextKey } from "../../base/index.ts";
import type { WriteOp } from "../../engine/contract/index.ts";
import { retried } from "../kit/index.ts";
import type { TrackedTransaction } from "../kit/index.ts";
import {
  bytesOf,
  contractCase,
  expectEqual,
  expectNotBoth,
  outcomeOf,
  planOf,
} from "./contract-case.ts";
import type { ContractCase, Place } from "./contract-case.ts";

/** t1 reads something of `r…` and writes x; t2 reads x and does `ops`. Both cannot stand. */
async function readAgainst(
  place: Place,
  read: (transaction: TrackedTransaction) => Promise<unknown>,
  ops: (place: Place) => readonly WriteOp[],
): Promise<void> {
  for (const first of ["reader", "changer"] as const) {
    await place.write([{ op: "delRange", range: place.range() }]);
    await place.seed({ r1: "1", r2: "2", r3: "3", x: "0" });
    const reader = await place.begin();
    const changer = await place.begin();
    await read(reader);
    await changer.get(place.key("x"));
    reader.put(place.key("x"), bytesOf("1"));
    const commits = [
      () => outcomeOf(() => reader.commit()),
      () => outcomeOf(() => changer.inner.commit({ ...changer.plan, ops: ops(place) })),
    ];
    if (first === "changer") commits.reverse();
    const outcomes = [await commits[0]!(), await commits[1]!()];
    expectNotBoth(outcomes, `the ${first} commits first`);
  }
}

const readRange = (place: Place) => (transaction: TrackedTransaction) =>
  transaction.entries(place.range("r"));

/**
 * A commit that contradicts an open transaction which has read what `entries` change and is to write x: this one has read
 * x as it was, so it belongs before that transaction, whose reads belong before this one. A change alone contradicts
 * nobody: who has read the state before it may still be the first of the two, and commit.
 */
async function seedSeeingX(place: Place, entries: Readonly<Record<string, string>>): Promise<void> {
  const changer = await place.begin();
  await changer.get(place.key("x"));
  for (const [name, value] of Object.entries(entries)) {
    changer.put(place.key(name), bytesOf(value));
  }
  await changer.commit();
}

const phantomDelete = contractCase(
  "a row that goes from a range that was read is a conflict",
  [6],
  (place) => readAgainst(place, readRange(place), () => [place.del("r2")]),
);

const phantomUpdate = contractCase(
  "a row that changes in a range that was read is a conflict",
  [6],
  (place) => readAgainst(place, readRange(place), () => [place.put("r3", "9")]),
);

const phantomMerge = contractCase(
  "a merge of a cell that was read, by key or by range, is a conflict",
  [6],
  async (place) => {
    const merge = (): WriteOp[] => [
      { op: "merge", key: place.key("r-cell"), how: "addInt", operand: new Uint8Array(8).fill(1) },
    ];
    await readAgainst(place, readRange(place), merge);
    await readAgainst(place, (transaction) => transaction.get(place.key("r-cell")), merge);
  },
);

const rangeDeleteAgainstKey = contractCase(
  "a range delete conflicts with who read a key inside it",
  [6],
  (place) =>
    readAgainst(
      place,
      (transaction) => transaction.get(place.key("r2")),
      () => [{ op: "delRange", range: place.between("r1", "r3") }],
    ),
);

const rangeDeleteAgainstRange = contractCase(
  "a range delete conflicts with who read a range that overlaps it",
  [6],
  async (place) => {
    const ops = (): WriteOp[] => [{ op: "delRange", range: place.between("r2", "r9") }];
    await readAgainst(place, readRange(place), ops);
    await readAgainst(
      place,
      (transaction) => transaction.entries(place.between("r1", "r22"), { reverse: true }),
      ops,
    );
  },
);

const rangeDeleteAndPut = contractCase(
  "a key that one plan deletes by range and puts again has changed for who read it",
  [6],
  (place) =>
    readAgainst(
      place,
      (transaction) => transaction.get(place.key("r2")),
      () => [{ op: "delRange", range: place.range("r") }, place.put("r2", "again")],
    ),
);

const readThenRangeDelete = contractCase(
  "who read a range and deletes it loses against a row that came into it meanwhile",
  [6],
  async (place) => {
    await place.seed({ r1: "1", r2: "2" });
    const transaction = await place.begin();
    await transaction.entries(place.range("r"));
    await seedSeeingX(place, { r15: "new" });
    transaction.delRange(place.range("r"));
    transaction.put(place.key("x"), bytesOf("2"));
    expectEqual(await outcomeOf(() => transaction.commit()), "Conflict", "outcome");
    expectEqual(await place.entries(), ["r1=1", "r15=new", "r2=2"], "rows");
  },
);

const partOfRange = contractCase(
  "a range that was read in part counts as far as it was read, both ways",
  [6],
  async (place) => {
    const seed = { r1: "1", r3: "3", r5: "5", r7: "7" };
    const inside = { false: ["r0", "r1", "r2", "r3"], true: ["r5", "r6", "r7", "r8"] };
    for (const reverse of [false, true]) {
      for (const name of inside[`${reverse}`]) {
        await place.write([{ op: "delRange", range: place.range() }, ...place.puts(seed)]);
        const reader = await place.begin();
        await reader.entries(place.range("r"), { limit: 2, reverse });
        await seedSeeingX(place, { [name]: "new" });
        reader.put(place.key("x"), bytesOf("1"));
        const what = `${name} was written, read ${reverse ? "in reverse" : "forward"}`;
        expectEqual(await outcomeOf(() => reader.commit()), "Conflict", what);
      }
      // What lies beyond may conflict in a careful engine; running again must succeed.
      let interfered = false;
      await retried(place.engine, async (reader) => {
        await reader.entries(place.range("r"), { limit: 2, reverse });
        if (!interfered) await place.seed({ [reverse ? "r2" : "r6"]: "new" });
        interfered = true;
        reader.put(place.key("x"), bytesOf("1"));
      });
    }
  },
);

const severalRanges = contractCase(
  "each of several keys and ranges that were read counts",
  [6],
  async (place) => {
    const ranges = ["p", "q", "r"];
    for (const changed of [...ranges, "k1", "k2"]) {
      await place.write([{ op: "delRange", range: place.range() }]);
      await place.seed({ p1: "1", q1: "1", r1: "1" });
      const reader = await place.begin();
      for (const range of ranges) await reader.entries(place.range(range));
      await reader.getMany(place.keys("k1", "k2"));
      await seedSeeingX(place, { [changed]: "new" });
      reader.put(place.key("x"), bytesOf("1"));
      expectEqual(await outcomeOf(() => reader.commit()), "Conflict", `${changed} was written`);
    }
  },
);

const rangeOfOneKey = contractCase(
  "a range of one key that was read counts as that key",
  [2, 6],
  async (place) => {
    const reader = await place.begin();
    const range = { start: place.key("m"), end: nextKey(place.key("m")) };
    await reader.inner.get(place.key("m"));
    await seedSeeingX(place, { m: "1" });
    const plan = planOf({ readRanges: [range], ops: [place.put("x", "1")] });
    expectEqual(await outcomeOf(() => reader.inner.commit(plan)), "Conflict", "outcome");
  },
);

export const rangeConflictCases: readonly ContractCase[] = [
  phantomDelete,
  phantomUpdate,
  phantomMerge,
  rangeDeleteAgainstKey,
  rangeDeleteAgainstRange,
  rangeDeleteAndPut,
  readThenRangeDelete,
  partOfRange,
  severalRanges,
  rangeOfOneKey,
];
