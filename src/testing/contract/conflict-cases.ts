/**
 * Cases about two and three transactions at once (laws 3, 5 and 6). In each, the commits contradict each other: in no
 * serial order could all of them stand and have read what they read.
 */
import type { TrackedTransaction } from "../kit/index.ts";
import {
  absentMethod,
  bytesOf,
  contractCase,
  expectEqual,
  expectNotBoth,
  expectTrue,
  outcomeOf,
  textOf,
} from "./contract-case.ts";
import type { ContractCase, Place } from "./contract-case.ts";

interface Skew {
  readonly seed: Readonly<Record<string, string>>;
  readonly read: (transaction: TrackedTransaction, which: 0 | 1) => Promise<unknown>;
  /** Writes something that the other one has read. */
  readonly change: (transaction: TrackedTransaction, which: 0 | 1) => void;
}

/** Two transactions read, then both commit; each changes what the other has read. */
async function expectOneLoses(place: Place, { seed, read, change }: Skew): Promise<void> {
  for (const order of [[0, 1] as const, [1, 0] as const]) {
    await place.write([{ op: "delRange", range: place.range() }, ...place.puts(seed)]);
    const transactions = [await place.begin(), await place.begin()];
    for (const which of order) await read(transactions[which]!, which);
    const outcomes: string[] = [];
    for (const which of order) {
      change(transactions[which]!, which);
      outcomes.push(await outcomeOf(() => transactions[which]!.commit()));
    }
    expectNotBoth(outcomes, `in the order ${order.join()}`);
  }
}

const names = ["a", "b"] as const;

const lostUpdate = contractCase(
  "of two transactions that read and overwrite one key, one loses",
  [6],
  (place) =>
    expectOneLoses(place, {
      seed: { n: "0" },
      read: (transaction) => transaction.get(place.key("n")),
      change: (transaction, which) => transaction.put(place.key("n"), bytesOf(`${which}`)),
    }),
);

const writeSkew = contractCase(
  "of two transactions that read two keys and change one each, one loses",
  [6],
  (place) =>
    expectOneLoses(place, {
      seed: { a: "1", b: "1" },
      read: (transaction) => transaction.getMany(place.keys(...names)),
      change: (transaction, which) => transaction.put(place.key(names[which]), bytesOf(`${which}`)),
    }),
);

const absentSkew = contractCase(
  "reading an absent key counts: of two who insert what the other found absent, one loses",
  [6],
  (place) =>
    expectOneLoses(place, {
      seed: { aa: "1", c: "1" },
      read: (transaction, which) => transaction.get(place.key(which === 0 ? "a" : "b")),
      change: (transaction, which) =>
        transaction.put(place.key(which === 0 ? "b" : "a"), bytesOf("1")),
    }),
);

const emptyRangeSkew = contractCase(
  "reading an empty range counts: of two who insert where both found nothing, one loses",
  [6],
  async (place) => {
    const read = (transaction: TrackedTransaction): Promise<unknown> =>
      transaction.entries(place.range("r"));
    await expectOneLoses(place, {
      seed: {},
      read,
      change: (transaction, which) => transaction.put(place.key(`r${which}`), bytesOf("1")),
    });
    await expectOneLoses(place, {
      seed: { q: "1", s: "1" },
      read,
      change: (transaction, which) =>
        transaction.merge(place.key(`r${which}`), "addInt", new Uint8Array(8)),
    });
  },
);

const phantomInsert = contractCase(
  "of two transactions that count a range and add a row to it, one loses",
  [6],
  (place) =>
    expectOneLoses(place, {
      seed: { r1: "1", r5: "1", r9: "1" },
      read: (transaction) => transaction.entries(place.range("r")),
      change: (transaction, which) => transaction.put(place.key(`r5${which}`), bytesOf("1")),
    }),
);

const blindBatchCounts = contractCase(
  "a batch that reads nothing counts in the order: it cannot be before and after one transaction",
  [5, 6],
  async (place) => {
    await place.seed({ x: "0", y: "0" });
    const before = await place.begin();
    await before.get(place.key("x"));
    await place.seed({ x: "1" });
    const after = await place.begin();
    const seen = (await after.getMany(place.keys("x", "y"))).map(textOf).join();
    before.put(place.key("y"), bytesOf("1"));
    const first = await outcomeOf(() => before.commit());
    after.put(place.key("z"), bytesOf("1"));
    const second = await outcomeOf(() => after.commit());
    expectTrue(
      !(first === "ok" && second === "ok" && seen === "1,0"),
      "the batch came after the first transaction, the second after the batch and before the first",
    );
  },
);

const blindTransactionCounts = contractCase(
  "a transaction that writes without reading counts for those who read",
  [6],
  async (place) => {
    await place.seed({ a: "0" });
    const reader = await place.begin();
    await reader.get(place.key("a"));
    const blind = await place.begin();
    blind.put(place.key("a"), bytesOf("1"));
    await blind.commit();
    reader.put(place.key("b"), bytesOf("1"));
    reader.put(place.key("a"), bytesOf("2"));
    expectEqual(await outcomeOf(() => reader.commit()), "Conflict", "outcome");
    expectEqual(await place.entries(), ["a=1"], "rows");
  },
);

const blindWritesStayWhole = contractCase(
  "blind writes of the same keys stay whole, whichever comes last",
  [5],
  async (place) => {
    const plans = Array.from({ length: 10 }, (_, i) =>
      place.puts({ a: `${i}`, b: `${i}`, c: `${i}` }),
    );
    await Promise.all(plans.map((ops) => outcomeOf(() => place.write(ops))));
    const values = new Set((await place.entries()).map((row) => row.slice(2)));
    expectEqual(values.size, 1, "writers whose values are there");
  },
);

const readOnlyAnomaly = contractCase(
  "a reader cannot see a state that belongs to no serial order of the writers (read-only anomaly)",
  [6],
  async (place) => {
    await place.seed({ x: "0", y: "0" });
    const deposit = await place.begin();
    const withdrawal = await place.begin();
    await withdrawal.getMany(place.keys("x", "y"));
    await deposit.get(place.key("y"));
    deposit.put(place.key("y"), bytesOf("20"));
    const first = await outcomeOf(() => deposit.commit());
    const report = await place.begin({ readOnly: true });
    const seen = (await report.getMany(place.keys("x", "y"))).map(textOf).join();
    const second = await outcomeOf(() => report.commit());
    withdrawal.put(place.key("x"), bytesOf("-11"));
    const third = await outcomeOf(() => withdrawal.commit());
    const allStand = [first, second, third].every((outcome) => outcome === "ok");
    expectTrue(!(allStand && seen === "0,20"), "the report saw the deposit without the withdrawal");
  },
);

// What a transaction presumes counts as read.
const ifPresuming = { skipReason: absentMethod("presume") };

function presume(
  place: Place,
  transaction: TrackedTransaction,
  values: Readonly<Record<string, string>>,
): void {
  for (const [name, value] of Object.entries(values))
    if (transaction.inner.presume?.(place.key(name), bytesOf(value)) !== true)
      throw new Error("The case is skipped where nothing can be presumed.");
}

const presumedRightly = contractCase(
  "what is presumed and is so changes nothing: of reads, of commits, of both",
  [5, 6],
  async (place) => {
    await place.seed({ a: "1", b: "2" });
    const blind = await place.begin();
    presume(place, blind, { a: "1", b: "2" });
    blind.put(place.key("c"), bytesOf("3"));
    await blind.commit();
    for (const options of [{}, { readOnly: true }, { readOnly: true, mayLose: true }]) {
      const reader = await place.begin(options);
      presume(place, reader, { a: "1" });
      expectEqual(await reader.get(place.key("c")), bytesOf("3"), "a read");
      presume(place, reader, { b: "2" });
      expectEqual(await reader.getMany(place.keys("c")), [bytesOf("3")], "another one");
      await reader.commit();
    }
    const both = await place.begin();
    await both.get(place.key("c"));
    presume(place, both, { a: "1" });
    both.put(place.key("a"), bytesOf("4"));
    await both.commit();
    expectEqual(await place.entries(), ["a=4", "b=2", "c=3"], "rows");
  },
  ifPresuming,
);

const presumedWrongly = contractCase(
  "what is presumed and is not so is a Conflict, and nothing happens",
  [5, 6],
  async (place) => {
    await place.seed({ a: "1", seen: "1" });
    const presumptions: Readonly<Record<string, string>>[] = [
      { a: "2" },
      { a: "" },
      { absent: "" },
      { a: "1", absent: "1" },
    ];
    for (const presumed of presumptions) {
      const blind = await place.begin();
      presume(place, blind, presumed);
      blind.put(place.key("new"), bytesOf("1"));
      expectEqual(await outcomeOf(() => blind.commit()), "Conflict", "of a blind commit");

      const late = await place.begin();
      await late.get(place.key("seen"));
      presume(place, late, presumed);
      late.put(place.key("new"), bytesOf("1"));
      expectEqual(await outcomeOf(() => late.commit()), "Conflict", "behind a read");

      for (const options of [{}, { readOnly: true }, { readOnly: true, mayLose: true }]) {
        const reader = await place.begin(options);
        presume(place, reader, presumed);
        const read = await outcomeOf(() => reader.get(place.key("seen")));
        const outcomes = [read, await outcomeOf(() => reader.commit())];
        expectEqual(outcomes.includes("Conflict"), true, "of a read, or the commit behind it");
        reader.abort();
      }
    }
    expectEqual(await place.entries(), ["a=1", "seen=1"], "rows");
  },
  ifPresuming,
);

const presumedSkew = contractCase(
  "presuming counts as reading: of two who each change what the other presumes, one loses",
  [6],
  async (place) => {
    for (const readsFirst of [true, false]) {
      await place.seed({ a: "1", b: "1", seen: "1" });
      const one = await place.begin();
      const two = await place.begin();
      for (const transaction of [one, two]) {
        presume(place, transaction, { a: "1", b: "1" });
        if (readsFirst) await transaction.get(place.key("seen"));
      }
      one.put(place.key("a"), bytesOf("2"));
      two.put(place.key("b"), bytesOf("2"));
      const outcomes = await Promise.all([one, two].map((each) => outcomeOf(() => each.commit())));
      expectNotBoth(outcomes, readsFirst ? "behind a read" : "of blind commits");
    }
  },
  ifPresuming,
);

export const conflictCases: readonly ContractCase[] = [
  lostUpdate,
  writeSkew,
  absentSkew,
  emptyRangeSkew,
  phantomInsert,
  blindBatchCounts,
  blindTransactionCounts,
  blindWritesStayWhole,
  readOnlyAnomaly,
  presumedRightly,
  presumedWrongly,
  presumedSkew,
];
