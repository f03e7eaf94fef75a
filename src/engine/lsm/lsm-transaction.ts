/** Transactions and snapshots of the engine: views of one state, and what ends them. */
import { Closed, assert } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import type { CommitPlan, CommitResult, EngineTransaction } from "../contract/index.ts";
import type { Snapshot, Version } from "../contract/index.ts";
import { versionOfSequence } from "./commit/index.ts";
import type { CommittingTransaction } from "./commit/index.ts";
import { SequenceView } from "./read/index.ts";
import type { ChosenState, ViewSource } from "./read/index.ts";

/** What a transaction does through the engine. */
type CommitOfView = (
  plan: CommitPlan,
  transaction: CommittingTransaction,
) => Awaitable<CommitResult>;

export interface TransactionParts {
  readonly source: ViewSource;
  readonly choose: () => ChosenState;
  readonly commit: CommitOfView;
  readonly isReadOnly: boolean;
  /** It holds the gate; `leave` gives it back. */
  readonly leave: (() => void) | undefined;
}

export class LsmTransaction
  extends SequenceView
  implements EngineTransaction, CommittingTransaction
{
  readonly #parts: TransactionParts;
  #hasLeft = false;

  constructor(parts: TransactionParts) {
    super(parts.source, "transaction", parts.choose);
    this.#parts = parts;
  }

  /** Reading ends at once; the state that was read is let go when the commit has been decided. */
  commit(plan: CommitPlan): Awaitable<CommitResult> {
    if (!this.endReads()) throw new Closed("transaction");
    const { commit, isReadOnly } = this.#parts;
    assert(!isReadOnly || plan.ops.length === 0, "a read-only transaction has no ops");
    return commit(plan, this);
  }

  /** Idempotent, and never throws. */
  abort(): void {
    if (this.endReads()) this.release();
  }

  // ---------------------------------------------------------------- for its commit

  get begin(): number | undefined {
    return this.chosen?.sequence;
  }
  get isExclusive(): boolean {
    return this.#parts.leave !== undefined;
  }
  release(): void {
    this.chosen?.release();
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#parts.leave?.();
  }
}

/** Its state is chosen when it is made, for it has a version. */
export class LsmSnapshot extends SequenceView implements Snapshot {
  readonly version: Version;

  constructor(source: ViewSource, choose: () => ChosenState) {
    super(source, "snapshot", choose);
    this.version = versionOfSequence(this.choose().sequence);
  }

  close(): void {
    if (this.endReads()) this.chosen?.release();
  }
}
