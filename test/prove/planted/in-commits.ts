/** Planted defects of commits: what is checked, applied and acknowledged. */
import type { CommitPlan, StorageEngine } from "kotobadb/engine";
import { andThen } from "../../../src/base/index.ts";
import { CommitLog } from "../../../src/engine/lsm/commit/commit-log.ts";
import { RecentCommits } from "../../../src/engine/lsm/commit/recent-commits.ts";
import { Tree } from "../../../src/engine/lsm/read/tree.ts";
import { brokenCommits, brokenLoads, brokenValidation } from "../../contract/broken/index.ts";
import { tapped } from "../kit/engine-tap.ts";
import type { CatcherName } from "./catchers.ts";
import { patched, patchedGetter } from "./defect.ts";
import type { Defect, Planting } from "./defect.ts";

/** Every commit of a transaction with another plan than it was given. */
function plans(change: (plan: CommitPlan) => Partial<CommitPlan>): Planting {
  return {
    engine: (inner) => tapped(inner, (plan, commit) => commit({ ...plan, ...change(plan) })),
  };
}
function inTransit(name: string, caughtBy: CatcherName, planting: Planting): Defect {
  return { name, where: "between the transaction and the engine", caughtBy, planting };
}
/** Defects of other suites, by the words that they have there. */
function broken(
  where: string,
  defects: Readonly<Record<string, () => StorageEngine>>,
  ...names: readonly string[]
): readonly Defect[] {
  return names.map((name) => {
    const make = defects[name];
    if (make === undefined) throw new Error(`there is no planted defect "${name}"`);
    return { name, where, caughtBy: "the contract suite", planting: { make } };
  });
}

/** The sequence that a RecentCommits has recorded last. */
const newest = new WeakMap<RecentCommits, number>();
let deletes = 0;
let inserts = 0;

export const inCommits: readonly Defect[] = [
  inTransit(
    "ranges that were read are not checked",
    "histories of rows",
    plans(() => ({ readRanges: [] })),
  ),
  inTransit(
    "keys that were read are not checked",
    "histories of rows",
    plans(() => ({ readKeys: [] })),
  ),
  inTransit(
    "ranges of indexes that were read are not checked",
    "histories of documents",
    plans(() => ({ readRanges: [] })),
  ),
  inTransit(
    "write skew is allowed: only what is also written is checked",
    "histories of rows",
    plans(({ ops, readKeys }) => ({
      readKeys: readKeys.filter((key) =>
        ops.some((op) => op.op !== "delRange" && Buffer.compare(op.key, key) === 0),
      ),
    })),
  ),
  inTransit(
    "one delete in twenty is lost",
    "histories of rows",
    plans(({ ops }) => ({ ops: ops.filter(({ op }) => op !== "del" || ++deletes % 20 > 0) })),
  ),
  inTransit(
    "range deletes are lost",
    "histories of rows",
    plans(({ ops }) => ({ ops: ops.filter(({ op }) => op !== "delRange") })),
  ),
  inTransit(
    "unique requirements are not checked",
    "histories of documents",
    plans(() => ({ requires: [] })),
  ),
  inTransit("a commit is written in two halves", "power cuts", {
    engine: (inner) =>
      tapped(inner, async (plan, commit) => {
        if (plan.ops.length < 4) return commit(plan);
        const half = plan.ops.length >> 1;
        await inner.write({ ops: plan.ops.slice(0, half), requires: [] });
        const rest = { readKeys: [], readRanges: [], requires: [], ops: plan.ops.slice(half) };
        return commit({ ...plan, ...rest });
      }),
  }),
  inTransit("a merge is applied twice", "histories of rows", {
    engine: (inner) =>
      tapped(inner, (plan, commit) =>
        andThen(commit(plan), (result) => {
          const merges = plan.ops.filter(({ op }) => op === "merge");
          if (merges.length === 0) return result;
          return andThen(inner.write({ ops: merges, requires: [] }), () => result);
        }),
      ),
  }),
  inTransit(
    "commits are acknowledged before the sync",
    "power cuts",
    plans(() => ({ durability: "memory" })),
  ),
  {
    name: "readers are shown what is not synced",
    where: "CommitLog.visible",
    caughtBy: "histories of rows with power cuts",
    planting: {
      patch: () =>
        patchedGetter(CommitLog.prototype, "visible", function visible() {
          return this.appended;
        }),
    },
  },
  {
    name: "the check for conflicts forgets all commits but the last two",
    where: "RecentCommits.judge",
    caughtBy: "histories of rows",
    planting: {
      patch: () => {
        const undo = patched(
          RecentCommits.prototype,
          "record",
          (record) =>
            function recordToo(this: RecentCommits, sequence, nowMillis, ops) {
              newest.set(this, sequence);
              record.call(this, sequence, nowMillis, ops);
            },
        );
        const undoJudge = patched(
          RecentCommits.prototype,
          "judge",
          (judge) =>
            function judgeFew(this: RecentCommits, begin, readKeys, readRanges) {
              const least = (newest.get(this) ?? 0) - 2;
              return judge.call(this, Math.max(begin, least), readKeys, readRanges);
            },
        );
        return () => {
          undoJudge();
          undo();
        };
      },
    },
  },
  {
    name: "one commit in seven is given the sequence number of the one before",
    where: "Tree.insert",
    caughtBy: "histories of rows",
    planting: {
      patch: () =>
        patched(
          Tree.prototype,
          "insert",
          (insert) =>
            function insertEarlier(this: Tree, sequence, entries) {
              insert.call(this, ++inserts % 7 === 0 ? sequence - 1 : sequence, entries);
            },
        ),
    },
  },
  ...broken(
    "an engine around the one in memory",
    brokenCommits,
    "a batch is sent twice",
    "merges are computed from the view",
    "requirements are checked against the view",
    "exclusive is not exclusive",
  ),
  ...broken(
    "an engine around the one in memory",
    brokenValidation,
    "empty ranges that were read are not tracked",
    "the last key of a range is not tracked",
    "validation does not see range deletes",
    "a commit is validated some time before it is applied",
  ),
  ...broken(
    "an engine around the one in memory",
    brokenLoads,
    "transactions are not validated against a load",
  ),
];
