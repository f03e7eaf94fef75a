/** Cases about one commit: batches, requirements, durability, sizes (laws 5, 7, 8 and 10). */
import { concatBytes, equalBytes, hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { RequirementFailed } from "../../engine/contract/index.ts";
import type { Requirement, WriteOp } from "../../engine/contract/index.ts";
import { seededRandom } from "../kit/index.ts";
import {
  bytesOf,
  contractCase,
  expectEqual,
  expectTrue,
  outcomeOf,
  planOf,
  textOf,
} from "./contract-case.ts";
import type { ContractCase } from "./contract-case.ts";

const batchIsASet = contractCase(
  "a batch is a set: all range deletes first, so that what it puts inside them stays",
  [8],
  async (place) => {
    await place.seed({ a: "1", b: "2", c: "3", d: "4" });
    await place.write([
      place.put("b", "9"),
      { op: "delRange", range: place.between("a", "d") },
      place.put("bb", "8"),
      place.del("d"),
    ]);
    expectEqual(await place.entries(), ["b=9", "bb=8"], "rows");
    const transaction = await place.begin();
    transaction.put(place.key("x"), bytesOf("7"));
    transaction.delRange(place.range());
    await transaction.commit();
    expectEqual(await place.entries(), ["x=7"], "rows after the transaction");
  },
);

const rangeDeleteBounds = contractCase(
  "a range delete takes its start and not its end, and rows written later stay",
  [2, 8],
  async (place) => {
    await place.seed({ a: "1", b: "2", ba: "3", c: "4", ca: "5" });
    await place.write([{ op: "delRange", range: place.between("b", "c") }]);
    expectEqual(await place.entries(), ["a=1", "c=4", "ca=5"], "rows");
    for (const name of ["b", "ba"]) expectEqual(await place.value(name), undefined, name);
    await place.seed({ b: "6" });
    expectEqual(await place.entries("b"), ["b=6"], "a row written after the range delete");
    await place.write([
      { op: "delRange", range: place.between("c", "c") },
      { op: "delRange", range: place.between("d", "a") },
      { op: "delRange", range: place.range("nothing") },
    ]);
    expectEqual(await place.entries(), ["a=1", "b=6", "c=4", "ca=5"], "after empty range deletes");
    await place.write([
      { op: "delRange", range: place.between("a", "c") },
      { op: "delRange", range: place.between("b", "ca") },
    ]);
    expectEqual(await place.entries(), ["ca=5"], "after range deletes that overlap");
  },
);

const overwriteAndDelete = contractCase(
  "the last commit wins: overwritten, deleted and written again",
  [5],
  async (place) => {
    const states: [WriteOp, string | undefined][] = [
      [place.put("a", "1"), "1"],
      [place.put("a", "2"), "2"],
      [place.del("a"), undefined],
      [place.del("a"), undefined],
      [place.put("a", ""), ""],
      [place.put("a", "3"), "3"],
      [{ op: "delRange", range: place.range() }, undefined],
      [place.put("a", "4"), "4"],
    ];
    for (const [op, wanted] of states) {
      await place.write([op]);
      expectEqual(await place.value("a"), wanted, `after ${op.op}`);
      const rows = wanted === undefined ? [] : [`a=${wanted}`];
      expectEqual(await place.entries(), rows, `scan after ${op.op}`);
    }
  },
);

const requirementsHold = contractCase(
  "requirements are checked, and nothing is applied when one fails",
  [5, 7],
  async (place) => {
    await place.seed({ a: "1" });
    const attempt = (value: string, requires: readonly Requirement[]): Promise<string> =>
      outcomeOf(() =>
        place.write([place.put("a", value), place.put(`z${value}`, "")], { requires }),
      );
    const absent = (name: string): Requirement => ({ is: "absent", key: place.key(name) });
    const equal = (name: string, value: string): Requirement => ({
      is: "equal",
      key: place.key(name),
      value: bytesOf(value),
    });
    expectEqual(await attempt("2", [absent("a")]), "RequirementFailed", "absent, but there");
    expectEqual(await attempt("3", [equal("a", "0")]), "RequirementFailed", "equal, but other");
    expectEqual(await attempt("4", [equal("q", "")]), "RequirementFailed", "equal, but absent");
    expectEqual(await attempt("5", [equal("a", "")]), "RequirementFailed", "equal to a prefix");
    const second = [absent("q"), equal("a", "0")];
    expectEqual(await attempt("6", second), "RequirementFailed", "the second of two fails");
    expectEqual(await place.entries(), ["a=1"], "rows after failures");
    expectEqual(await attempt("7", [absent("q"), equal("a", "1")]), "ok", "both hold");
    expectEqual(await place.entries(), ["a=7", "z7="], "rows");
  },
);

const requirementNamesKey = contractCase(
  "a failed requirement names its key, cannot be helped by a retry, and says nothing happened",
  [7, 10],
  async (place) => {
    await place.seed({ a: "1" });
    const requires: Requirement[] = [
      { is: "absent", key: place.key("b") },
      { is: "absent", key: place.key("a") },
    ];
    try {
      await place.write([place.put("c", "1")], { requires });
    } catch (error) {
      expectTrue(error instanceof RequirementFailed, "the error is RequirementFailed");
      const failed = error as RequirementFailed;
      expectEqual(hex(failed.key), hex(place.key("a")), "key");
      expectEqual([failed.retryable, failed.committed], [false, "no"], "retryable, committed");
      return;
    }
    expectTrue(false, "a requirement that does not hold fails the commit");
  },
);

const requirementsAlone = contractCase(
  "requirements of a plan without ops are checked too",
  [7],
  async (place) => {
    await place.seed({ a: "1" });
    const requires: Requirement[] = [{ is: "absent", key: place.key("a") }];
    expectEqual(await outcomeOf(() => place.write([], { requires })), "RequirementFailed", "write");
    const transaction = await place.begin();
    await transaction.get(place.key("b"));
    transaction.require(requires[0]!);
    expectEqual(await outcomeOf(() => transaction.commit()), "RequirementFailed", "transaction");
    expectEqual(await outcomeOf(() => place.write([])), "ok", "an empty plan");
  },
);

const requirementsAtCommit = contractCase(
  "a requirement is checked against the newest state, not against what the transaction sees",
  [7],
  async (place) => {
    await place.seed({ a: "1", seen: "1" });
    const late = await place.begin();
    await late.get(place.key("seen"));
    await place.seed({ new: "1" });
    late.require({ is: "absent", key: place.key("new") });
    late.put(place.key("late"), bytesOf("1"));
    expectEqual(
      await outcomeOf(() => late.commit()),
      "RequirementFailed",
      "absent in the view only",
    );
    const equal = await place.begin();
    await equal.get(place.key("seen"));
    await place.seed({ a: "2" });
    equal.require({ is: "equal", key: place.key("a"), value: bytesOf("1") });
    equal.put(place.key("late"), bytesOf("1"));
    expectEqual(
      await outcomeOf(() => equal.commit()),
      "RequirementFailed",
      "equal in the view only",
    );
    const gone = await place.begin();
    await gone.get(place.key("seen"));
    await place.write([place.del("a")]);
    gone.require({ is: "absent", key: place.key("a") });
    gone.put(place.key("late"), bytesOf("2"));
    const outcome = await outcomeOf(() => gone.commit());
    expectTrue(
      outcome === "ok" || outcome === "Conflict",
      `a requirement that holds now fails with ${outcome}`,
    );
    expectEqual(await place.value("late"), outcome === "ok" ? "2" : undefined, "late");
  },
);

const requirementOnReadKey = contractCase(
  "a requirement that fails on a key the transaction has read is a Conflict",
  [7],
  async (place) => {
    await place.seed({ b: "1" });
    const reads = {
      "by key": async (name: string) => {
        const transaction = await place.begin();
        await transaction.get(place.key(name));
        return transaction;
      },
      "by range": async (name: string) => {
        const transaction = await place.begin();
        await transaction.entries(place.range(name));
        return transaction;
      },
    };
    const unchanged = await reads["by key"]("b");
    unchanged.require({ is: "absent", key: place.key("b") });
    unchanged.put(place.key("b"), bytesOf("mine"));
    expectEqual(
      await outcomeOf(() => unchanged.commit()),
      "Conflict",
      "failing in the view already",
    );
    for (const [how, read] of Object.entries(reads)) {
      const insert = await read(`a ${how}`);
      await place.seed({ [`a ${how}`]: "taken" });
      insert.require({ is: "absent", key: place.key(`a ${how}`) });
      insert.put(place.key(`a ${how}`), bytesOf("mine"));
      expectEqual(await outcomeOf(() => insert.commit()), "Conflict", `absent, read ${how}`);
      expectEqual(await place.value(`a ${how}`), "taken", `the key that was read ${how}`);
      const replace = await read("b");
      await place.seed({ b: `2 ${how}` });
      replace.require({ is: "equal", key: place.key("b"), value: bytesOf("1") });
      replace.put(place.key("b"), bytesOf("mine"));
      expectEqual(await outcomeOf(() => replace.commit()), "Conflict", `equal, read ${how}`);
    }
  },
);

const DURABILITIES = ["durable", "buffered", "memory"] as const;

const durabilities = contractCase(
  "every durability is accepted, and transactions that may write see what it acknowledged",
  [3, 4],
  async (place) => {
    for (const durability of DURABILITIES) {
      await place.write([place.put(`w ${durability}`, "1")], { durability });
      const transaction = await place.begin();
      const seen = textOf(await transaction.inner.get(place.key(`w ${durability}`)));
      expectEqual(seen, "1", `write, ${durability}`);
      const ops = [place.put(`t ${durability}`, "1")];
      await transaction.inner.commit(planOf({ ops, durability }));
      const next = await place.begin();
      expectEqual(textOf(await next.get(place.key(`t ${durability}`))), "1", durability);
      next.abort();
    }
  },
);

const durabilitiesAreSeen = contractCase(
  "readers see what was acknowledged, whatever its durability",
  [3],
  async (place) => {
    for (const durability of DURABILITIES) {
      await place.write([place.put(durability, "1")], { durability });
      expectEqual(await place.value(durability), "1", durability);
    }
  },
);

const atTheLimit = contractCase(
  "a key at the limit and a large value are kept",
  [1, 2],
  async (place) => {
    const { limits } = place.engine;
    const random = seededRandom(1);
    const bytes = (length: number): Bytes => {
      const filled = new Uint8Array(length);
      for (let i = 0; i < length; i++) filled[i] = random.below(256);
      return filled;
    };
    const key = concatBytes(place.key(), bytes(limits.keyBytes - place.key().length));
    const value = bytes(Math.min(limits.valueBytes, 1 << 18));
    await place.write([{ op: "put", key, value }]);
    const transaction = await place.begin({ readOnly: true });
    const found = await transaction.get(key);
    const rows = await transaction.entries(place.range());
    transaction.abort();
    expectTrue(found !== undefined && equalBytes(found, value), "get");
    expectEqual(rows.length, 1, "rows");
    expectTrue(equalBytes(rows[0]!.key, key), "the scanned key");
    expectTrue(equalBytes(rows[0]!.value, value), "the scanned value");
  },
);

const beyondTheLimit = contractCase(
  "what is larger than a limit is refused with its own error, before anything of the plan happens",
  [5, 10],
  async (place) => {
    const { keyBytes, valueBytes, transactionBytes } = place.engine.limits;
    const tooLong = concatBytes(place.key(), new Uint8Array(keyBytes));
    const value = new Uint8Array(valueBytes);
    const many = Array.from({ length: Math.ceil(transactionBytes / valueBytes) + 1 }, (_, i) => ({
      op: "put" as const,
      key: place.key(`many${i}`),
      value,
    }));
    const plans: Record<string, readonly WriteOp[]> = {
      KeyTooLarge: [place.put("a", "1"), { op: "put", key: tooLong, value: bytesOf("") }],
      ValueTooLarge: [
        place.put("a", "1"),
        { op: "put", key: place.key("b"), value: new Uint8Array(valueBytes + 1) },
      ],
      TransactionTooLarge: [place.put("a", "1"), ...many],
    };
    for (const [code, ops] of Object.entries(plans)) {
      expectEqual(await outcomeOf(() => place.write(ops)), code, "write");
      const transaction = await place.begin();
      expectEqual(await outcomeOf(() => transaction.inner.commit(planOf({ ops }))), code, "commit");
      transaction.abort();
      expectEqual(await place.entries(), [], `rows after ${code}`);
    }
  },
  {
    skipReason: ({ limits }) =>
      Number.isFinite(limits.transactionBytes + limits.valueBytes) ? undefined : "has no limits",
  },
);

const conflictLeavesNothing = contractCase(
  "a commit that fails with Conflict leaves nothing of itself",
  [5, 6, 10],
  async (place) => {
    await place.seed({ a: "1", b: "1", c: "1" });
    const loser = await place.begin();
    await loser.get(place.key("a"));
    await place.seed({ a: "2" });
    loser.put(place.key("d"), bytesOf("1"));
    loser.del(place.key("a"));
    loser.delRange(place.range("b"));
    loser.merge(place.key("sum"), "addInt", new Uint8Array(8));
    expectEqual(await outcomeOf(() => loser.commit()), "Conflict", "outcome");
    expectEqual(await place.entries(), ["a=2", "b=1", "c=1"], "rows");
  },
);

const largeBatch = contractCase(
  "a batch of thousands of rows is there whole",
  [5],
  async (place) => {
    const names = Array.from(
      { length: 3_000 },
      (_, i) => `n${String((i * 7) % 3_000).padStart(5, "0")}`,
    );
    await place.write(names.map((name) => place.put(name, name)));
    const found = await place.entries();
    expectEqual(found.length, names.length, "rows");
    expectEqual([found[0], found[2_999]], ["n00000=n00000", "n02999=n02999"], "first and last");
  },
);

const versionsTellStates = contractCase(
  "versions, where they are given, are equal for equal states and differ for different ones",
  [5],
  async (place) => {
    const first = await place.write([place.put("a", "1")]);
    const second = await place.write([place.put("a", "2")]);
    if (first.version === undefined || second.version === undefined) return;
    expectTrue(first.version !== second.version, "two commits have two versions");
    const [one, two] = [await place.engine.snapshot(), await place.engine.snapshot()];
    expectEqual(one.version, two.version, "versions of two snapshots of one state");
    one.close();
    two.close();
  },
);

export const writingCases: readonly ContractCase[] = [
  batchIsASet,
  rangeDeleteBounds,
  overwriteAndDelete,
  requirementsHold,
  requirementNamesKey,
  requirementsAlone,
  requirementsAtCommit,
  requirementOnReadKey,
  durabilities,
  durabilitiesAreSeen,
  atTheLimit,
  beyondTheLimit,
  conflictLeavesNothing,
  largeBatch,
  versionsTellStates,
];
