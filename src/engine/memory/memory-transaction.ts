/** The two handles that read: a transaction, which may commit, and a snapshot, which may not. */
import { Closed, isPromise } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import type {
  CommitPlan,
  CommitResult,
  EngineTransaction,
  Snapshot,
  Version,
} from "../contract/index.ts";
import type { CommittedState } from "./committed-state.ts";
import { MemoryView } from "./memory-view.ts";

/** What the engine does for its transactions. */
export interface TransactionHost {
  /** Commits a plan; `readAt` is the state that was read, undefined if none was. */
  commit(plan: CommitPlan, readAt: number | undefined): Awaitable<CommitResult>;
  /** Called once, after the transaction has ended. */
  ended(): void;
}

export class MemoryTransaction extends MemoryView implements EngineTransaction {
  readonly #host: TransactionHost;

  constructor(state: CommittedState, host: TransactionHost) {
    super(state, "transaction");
    this.#host = host;
  }

  commit(plan: CommitPlan): Awaitable<CommitResult> {
    if (!this.endReads()) throw new Closed("transaction");
    let result: Awaitable<CommitResult>;
    try {
      result = this.#host.commit(plan, this.chosen);
    } catch (error) {
      this.#finish();
      throw error;
    }
    // A commit that waits for its turn still needs its state: it will be validated against it.
    if (isPromise(result)) return result.finally(() => this.#finish());
    this.#finish();
    return result;
  }

  abort(): void {
    if (this.endReads()) this.#finish();
  }

  #finish(): void {
    this.release();
    this.#host.ended();
  }
}

export class MemorySnapshot extends MemoryView implements Snapshot {
  readonly version: Version;

  constructor(state: CommittedState) {
    super(state, "snapshot");
    this.version = versionOf(this.choose());
  }

  close(): void {
    if (this.endReads()) this.release();
  }
}

export function versionOf(state: number): Version {
  return String(state) as Version;
}
