/** Defects of validation: what was read and changed is not compared as it must be (law 6). */
import { equalBytes } from "../../../src/base/index.ts";
import type { Awaitable } from "../../../src/base/index.ts";
import { singleKeyRange } from "../../../src/engine/contract/index.ts";
import type {
  Capabilities,
  CommitPlan,
  CommitResult,
  KeyRange,
  Page,
  WriteOp,
} from "../../../src/engine/contract/index.ts";
import { rowsOfPage } from "./page-rows.ts";
import type { Row } from "./page-rows.ts";
import { ValidatingEngine } from "./validating-engine.ts";
import type { Committed } from "./validating-engine.ts";
import { WrappedEngine } from "./wrapped-engine.ts";
import type { PlainView, WrappedTransaction } from "./wrapped-engine.ts";

/** A defect that changes what transactions say they read. */
function readSet(
  change: (plan: CommitPlan, view: PlainView) => Partial<CommitPlan>,
): () => WrappedEngine {
  return () =>
    new (class extends WrappedEngine {
      override plan(plan: CommitPlan, transaction: WrappedTransaction | undefined): CommitPlan {
        if (transaction === undefined || transaction.ended) return plan;
        return { ...plan, ...change(plan, transaction.inner) };
      }
    })();
}

/** A defect that hides ops of others from validation. */
function unseen(isHidden: (op: WriteOp, commit: Committed) => boolean): () => WrappedEngine {
  return () =>
    new (class extends ValidatingEngine {
      override isSeen(op: WriteOp, commit: Committed): boolean {
        return !isHidden(op, commit);
      }
    })();
}

function rowsIn(view: PlainView, range: KeyRange): Row[] {
  const scan = view.scan(range);
  const rows: Row[] = [];
  for (;;) {
    const page = scan.next() as Page;
    rows.push(...rowsOfPage(page));
    if (page.done) return rows;
  }
}

function writesKey(ops: readonly WriteOp[], key: Uint8Array): boolean {
  return ops.some((op) => op.op !== "delRange" && equalBytes(op.key, key));
}

class ChecksTooEarly extends ValidatingEngine {
  override apply(
    plan: CommitPlan,
    transaction: WrappedTransaction | undefined,
  ): Awaitable<CommitResult> {
    if (transaction === undefined || transaction.ended || plan.ops.length === 0) {
      return super.apply(plan, transaction);
    }
    this.validate(plan, transaction);
    return Promise.resolve().then(() => this.settle(plan, transaction));
  }
}

export const brokenValidation: Readonly<Record<string, () => WrappedEngine>> = {
  "ranges that were read are not tracked": readSet(() => ({ readRanges: [] })),
  "keys that were read are not tracked": readSet(() => ({ readKeys: [] })),
  "absent keys that were read are not tracked": readSet(({ readKeys }, view) => ({
    readKeys: readKeys.filter((key) => view.get(key) !== undefined),
  })),
  "empty ranges that were read are not tracked": readSet(({ readRanges }, view) => ({
    readRanges: readRanges.filter((range) => rowsIn(view, range).length > 0),
  })),
  "ranges are tracked by the rows they had": readSet(({ readRanges }, view) => ({
    readRanges: readRanges
      .flatMap((range) => rowsIn(view, range))
      .map(({ key }) => singleKeyRange(key)),
  })),
  "only the first range that was read is tracked": readSet(({ readRanges }) => ({
    readRanges: readRanges.slice(0, 1),
  })),
  "only the first key that was read is tracked": readSet(({ readKeys }) => ({
    readKeys: readKeys.slice(0, 1),
  })),
  "only what is also written is validated": readSet(({ ops, readKeys }) => ({
    readKeys: readKeys.filter((key) => writesKey(ops, key)),
    readRanges: [],
  })),
  "the last key of a range is not tracked": readSet(({ readRanges }, view) => ({
    readRanges: readRanges.map((range) => {
      const rows = rowsIn(view, range);
      const last = rows[rows.length - 1];
      return last === undefined ? range : { start: range.start, end: last.key };
    }),
  })),
  "validation does not see batches": unseen((_, { byTransaction }) => !byTransaction),
  "validation does not see transactions that read nothing": unseen(
    (_, { byTransaction, plan }) =>
      byTransaction && plan.readKeys.length + plan.readRanges.length === 0,
  ),
  "validation does not see puts": unseen(({ op }) => op === "put"),
  "validation does not see deletes": unseen(({ op }) => op === "del"),
  "validation does not see range deletes": unseen(({ op }) => op === "delRange"),
  "validation does not see merges": unseen(({ op }) => op === "merge"),
  "a commit is validated some time before it is applied": () => new ChecksTooEarly(),
  "a commit is validated before it waits for an exclusive transaction": () =>
    new (class extends ValidatingEngine {
      override readonly capabilities: Capabilities = this.inner.capabilities;
    })(),
  "merges conflict with each other": () =>
    new (class extends WrappedEngine {
      override plan(plan: CommitPlan): CommitPlan {
        const cells = plan.ops.flatMap((op) => (op.op === "merge" ? [op.key] : []));
        return { ...plan, readKeys: [...plan.readKeys, ...cells] };
      }
    })(),
};
