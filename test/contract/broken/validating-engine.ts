/**
 * A wrapped engine that validates by a log of commits of its own, with a filter for what the log tells. With nothing
 * filtered it keeps the contract. It has no exclusive transactions: a commit that waited would have been validated before
 * its turn.
 */
import { equalBytes, isPromise } from "../../../src/base/index.ts";
import type { Awaitable } from "../../../src/base/index.ts";
import { CONFLICT, rangeContains, rangesOverlap } from "../../../src/engine/contract/index.ts";
import type {
  Capabilities,
  CommitPlan,
  CommitResult,
  WriteOp,
} from "../../../src/engine/contract/index.ts";
import { WrappedEngine } from "./wrapped-engine.ts";
import type { PlainView, WrappedTransaction, WrappedView } from "./wrapped-engine.ts";

export interface Committed {
  readonly plan: CommitPlan;
  readonly byTransaction: boolean;
}

export class ValidatingEngine extends WrappedEngine {
  override readonly capabilities: Capabilities = { ...this.inner.capabilities, exclusive: false };
  readonly #log: Committed[] = [];
  /** How long the log was at the first read of a view. */
  readonly #readAt = new WeakMap<WrappedView, number>();

  /** Whether validation hears of an op of a commit. */
  isSeen(_op: WriteOp, _commit: Committed): boolean {
    return true;
  }

  override viewOf(view: WrappedView): PlainView {
    if (!this.#readAt.has(view)) this.#readAt.set(view, this.#log.length);
    return super.viewOf(view);
  }

  override apply(
    plan: CommitPlan,
    transaction: WrappedTransaction | undefined,
  ): Awaitable<CommitResult> {
    const unchecked = { ...plan, readKeys: [], readRanges: [] };
    if (transaction !== undefined && transaction.ended) return transaction.inner.commit(unchecked);
    if (transaction !== undefined) this.validate(plan, transaction);
    return this.settle(plan, transaction);
  }

  validate(plan: CommitPlan, transaction: WrappedTransaction): void {
    if (plan.ops.length === 0 && plan.requires.length === 0) return;
    const since = this.#readAt.get(transaction) ?? this.#log.length;
    for (const commit of this.#log.slice(since)) {
      const touches = commit.plan.ops.some(
        (op) => this.isSeen(op, commit) && changesWhatWasRead(op, plan),
      );
      if (!touches) continue;
      transaction.inner.abort();
      throw CONFLICT;
    }
  }

  /** Commits without validation, and writes it down. */
  settle(plan: CommitPlan, transaction: WrappedTransaction | undefined): Awaitable<CommitResult> {
    const unchecked = { ...plan, readKeys: [], readRanges: [] };
    const written = (result: CommitResult): CommitResult => {
      this.#log.push({ plan: structuredCopy(plan), byTransaction: transaction !== undefined });
      return result;
    };
    try {
      const result =
        transaction === undefined
          ? this.inner.write(unchecked)
          : transaction.inner.commit(unchecked);
      return isPromise(result) ? result.then(written) : written(result);
    } catch (error) {
      throw requirementWasRead(plan, error) ? CONFLICT : error;
    }
  }
}

function structuredCopy(plan: CommitPlan): CommitPlan {
  const { ops, readKeys, readRanges, requires } = plan;
  return { ...structuredClone({ ops, readKeys, readRanges, requires }) };
}

function changesWhatWasRead(op: WriteOp, { readKeys, readRanges }: CommitPlan): boolean {
  if (op.op === "delRange") {
    return (
      readKeys.some((key) => rangeContains(op.range, key)) ||
      readRanges.some((range) => rangesOverlap(range, op.range))
    );
  }
  return (
    readKeys.some((key) => equalBytes(key, op.key)) ||
    readRanges.some((range) => rangeContains(range, op.key))
  );
}

function requirementWasRead(plan: CommitPlan, error: unknown): boolean {
  if (!(error instanceof Error) || !("_tag" in error) || error._tag !== "RequirementFailed") {
    return false;
  }
  const { key } = error as unknown as { readonly key: Uint8Array };
  return changesWhatWasRead({ op: "del", key }, plan);
}
