/**
 * Who may commit when: past the line of those who wait for room, and past the gate of exclusive transactions, into the
 * section where commits happen.
 *
 * Always true: a transaction is released exactly when its commit has been decided, or was sent away.
 */
import type { Awaitable } from "../../../base/index.ts";
import type {
  CommitGate,
  CommitPlan,
  CommitResult,
  Limits,
  Version,
  WriteOp,
} from "../../contract/index.ts";
import { checkPlan } from "./check-plan.ts";
import type { CommitLog } from "./commit-log.ts";
import type { CommitWakes } from "./commit-wakes.ts";
import type { Committer } from "./committer.ts";
import type { OpenViews } from "./open-views.ts";
import type { WriteRoom } from "./write-room.ts";

/** The transaction that commits; a batch that read nothing has none. */
export interface CommittingTransaction {
  /** Where it read; undefined if it read nothing. */
  readonly begin: number | undefined;
  /** It holds the gate. */
  readonly isExclusive: boolean;
  /** Takes it off the list of open transactions. */
  readonly release: () => void;
}

/** The state after a commit, as the engine names it. */
export function versionOfSequence(sequence: number): Version {
  return String(sequence) as Version;
}

export interface AdmissionParts {
  readonly gate: CommitGate;
  readonly room: WriteRoom;
  readonly committer: Committer;
  readonly log: CommitLog;
  readonly wakes: CommitWakes;
  readonly views: OpenViews;
  readonly limits: Limits;
  readonly assertOpen: () => void;
  /** Throws if no commit is taken any more. */
  readonly assertWritable: () => void;
  /** A commit was taken. */
  readonly took: (ops: readonly WriteOp[]) => void;
}

export class Admission {
  readonly #parts: AdmissionParts;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /** Settles when the commit is acknowledged; throws or rejects when it is not. Releases the transaction in any case. */
  commit(
    plan: CommitPlan,
    transaction: CommittingTransaction | undefined,
  ): Awaitable<CommitResult> {
    const parts = this.#parts;
    try {
      parts.assertOpen();
      checkPlan(plan, parts.limits);
      if (plan.ops.length > 0 && !parts.room.isFree) return this.#commitLater(plan, transaction);
      const result = this.#admit(plan, transaction);
      return result instanceof Promise ? released(result, transaction) : result;
    } catch (error) {
      transaction?.release();
      throw error;
    }
  }

  async #commitLater(
    plan: CommitPlan,
    transaction: CommittingTransaction | undefined,
  ): Promise<CommitResult> {
    try {
      return await this.#parts.room.enter(() => this.#admit(plan, transaction), plan.signal);
    } finally {
      transaction?.release();
    }
  }

  #admit(
    plan: CommitPlan,
    transaction: CommittingTransaction | undefined,
  ): Awaitable<CommitResult> {
    const { gate } = this.#parts;
    // Who holds the gate need not pass it; and a plan that changes and requires nothing disturbs nobody who does.
    const mayWait =
      !gate.isOpen &&
      transaction?.isExclusive !== true &&
      (plan.ops.length > 0 || plan.requires.length > 0);
    if (!mayWait) return this.#commitNow(plan, transaction);
    return gate.pass(() => this.#commitNow(plan, transaction), plan.signal);
  }

  #commitNow(
    plan: CommitPlan,
    transaction: CommittingTransaction | undefined,
  ): Awaitable<CommitResult> {
    const { assertWritable, committer, log, took, views } = this.#parts;
    if (plan.signal?.aborted === true) throw plan.signal.reason as Error;
    // What only reads may end as it began, also after a failure.
    if (plan.ops.length > 0 || plan.requires.length > 0) assertWritable();
    // Off the list first, so that nobody is validated against itself. An exclusive one keeps the gate until the end.
    if (transaction?.isExclusive === false) transaction.release();
    const before = log.appended;
    let sequence: number;
    try {
      sequence = committer.commit(plan, {
        begin: transaction?.begin,
        oldestOther: views.oldestWriter,
      });
      if (log.appended > before) {
        this.#announce(sequence, plan.ops);
        took(plan.ops);
      }
    } finally {
      transaction?.release();
    }
    const acknowledged = log.acknowledged(sequence, plan.durability);
    const result = sequence === 0 ? {} : { version: versionOfSequence(sequence) };
    return acknowledged instanceof Promise ? acknowledged.then(() => result) : result;
  }

  #announce(sequence: number, ops: readonly WriteOp[]): void {
    const { log, wakes } = this.#parts;
    wakes.committed(sequence, ops);
    // Where commits are acknowledged at once, they are visible by now.
    wakes.visible(log.visible);
  }
}

/** A transaction that waits for its turn and is sent away was not released by its commit. */
async function released(
  result: Promise<CommitResult>,
  transaction: CommittingTransaction | undefined,
): Promise<CommitResult> {
  try {
    return await result;
  } finally {
    transaction?.release();
  }
}
