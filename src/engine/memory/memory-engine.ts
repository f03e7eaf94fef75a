/**
 * The memory engine: the contract in its plainest form. All tests of other engines are measured against it, and it is
 * what ':memory:' opens. Nothing survives close().
 *
 * Always true:
 * (1) A commit is checked and applied in one piece, without waiting in between. So commits are serial by construction,
 *     and a transaction agrees with that order if nothing it read has changed since.
 * (2) Nothing is a promise, except to wait for the turn of, or after, an exclusive transaction.
 * (3) Durability is accepted and means nothing here.
 */
import { Closed, assert, copyBytes, equalBytes } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import {
  CONFLICT,
  CommitGate,
  RequirementFailed,
  checkLimits,
  isEmptyRange,
  rangeContains,
} from "../contract/index.ts";
import type {
  BeginOptions,
  BlindPlan,
  Capabilities,
  CommitListener,
  CommitPlan,
  CommitResult,
  EngineTransaction,
  KeyRange,
  Limits,
  Requirement,
  Snapshot,
  StorageEngine,
} from "../contract/index.ts";
import { limitsOf } from "./commit-limits.ts";
import { CommitListeners } from "./commit-listeners.ts";
import { CommittedState } from "./committed-state.ts";
import { MemoryChangeLog } from "./memory-change-log.ts";
import type { MemoryChangeLogOptions } from "./memory-change-log.ts";
import { MemorySnapshot, MemoryTransaction, versionOf } from "./memory-transaction.ts";

export interface MemoryEngineOptions {
  /**
   * The sizes that are refused. 'local' (default): as the engine on disk, keys of 4,096 bytes, values of 32 MiB, commits
   * of 256 MiB. 'portable': what holds on every engine. Or sizes of your own, for tests.
   */
  readonly limits?: "local" | "portable" | Limits;
  /** Keeps the commits of the past in order, so that changes() can give them; absent (default): they are not kept. */
  readonly changeLog?: MemoryChangeLogOptions;
}

const CAPABILITIES: Capabilities = {
  remote: false,
  readsAreFinal: true,
  pastVersions: false,
  changes: "wakeup",
  exclusive: true,
  openTransactions: Infinity,
};

export class MemoryEngine implements StorageEngine {
  readonly name = "memory";
  readonly limits: Limits;
  readonly capabilities: Capabilities;
  /** There where the option `changeLog` asks for it. */
  readonly changes?: NonNullable<StorageEngine["changes"]>;
  readonly #state = new CommittedState();
  readonly #gate = new CommitGate();
  readonly #listeners = new CommitListeners();
  readonly #changeLog: MemoryChangeLog | undefined;

  constructor({ changeLog, limits = "local" }: MemoryEngineOptions = {}) {
    this.limits = limitsOf(limits);
    this.capabilities =
      changeLog === undefined ? CAPABILITIES : { ...CAPABILITIES, changes: "log" };
    if (changeLog === undefined) return;
    const log = new MemoryChangeLog(changeLog);
    this.#changeLog = log;
    this.changes = (after, { signal } = {}) => {
      this.#assertOpen();
      return log.read(after, signal);
    };
  }

  begin(options: BeginOptions = {}): Awaitable<EngineTransaction> {
    this.#assertOpen();
    assert(options.at === undefined, "begin({ at }) is for engines with pastVersions");
    options.signal?.throwIfAborted();
    if (options.exclusive !== true) {
      return new MemoryTransaction(this.#state, {
        commit: (plan, readAt) => this.#commitInTurn(plan, readAt),
        ended() {},
      });
    }
    return this.#gate.enter(() => this.#beginExclusive(), options.signal);
  }

  snapshot(): Snapshot {
    this.#assertOpen();
    return new MemorySnapshot(this.#state);
  }

  write(plan: BlindPlan): Awaitable<CommitResult> {
    return this.#commitInTurn({ ...plan, readKeys: [], readRanges: [] }, undefined);
  }

  onCommit(wake: CommitListener): () => void {
    this.#assertOpen();
    return this.#listeners.add(wake);
  }

  /** Rows that open views still see, or that hold nothing any more, count too. */
  estimateRows(range: KeyRange): number {
    this.#assertOpen();
    return isEmptyRange(range) ? 0 : this.#state.estimate(range);
  }

  /** rows, versions (more than rows while views hold old ones), bytes of keys and values, openViews. */
  stats(): Readonly<Record<string, number>> {
    return this.#state.stats();
  }

  async verify(): Promise<readonly string[]> {
    return this.#state.verify();
  }

  /** Idempotent. Whoever waits for an exclusive transaction is sent away with Closed. */
  async close(): Promise<void> {
    this.#state.close();
    this.#listeners.close();
    this.#changeLog?.close();
    this.#gate.close(new Closed("engine"));
  }

  #beginExclusive(): EngineTransaction {
    return new MemoryTransaction(this.#state, {
      commit: (plan, readAt) => {
        this.#check(plan);
        return this.#commit(plan, readAt);
      },
      ended: () => this.#gate.leave(),
    });
  }

  /** Commits once no exclusive transaction is open. */
  #commitInTurn(plan: CommitPlan, readAt: number | undefined): Awaitable<CommitResult> {
    this.#check(plan);
    // A plan that changes and requires nothing agrees with any order: it has read one state.
    if (plan.ops.length === 0 && plan.requires.length === 0) return this.#commit(plan, readAt);
    return this.#gate.pass(() => this.#commit(plan, readAt), plan.signal);
  }

  #check(plan: CommitPlan): void {
    this.#assertOpen();
    plan.signal?.throwIfAborted();
    checkLimits(plan, this.limits);
  }

  #commit(plan: CommitPlan, readAt: number | undefined): CommitResult {
    this.#assertOpen();
    if (plan.ops.length === 0 && plan.requires.length === 0) {
      return readAt === undefined ? {} : { version: versionOf(readAt) };
    }
    if (readAt !== undefined && this.#changedAfter(plan, readAt)) throw CONFLICT;
    for (const requirement of plan.requires) {
      if (this.#holds(requirement)) continue;
      throw wasRead(plan, requirement)
        ? CONFLICT
        : new RequirementFailed(copyBytes(requirement.key));
    }
    if (plan.ops.length > 0) {
      const at = this.#state.apply(plan.ops);
      this.#changeLog?.committed(at, plan.ops, (key) => this.#state.valueAt(key, at));
      this.#listeners.committed(plan.ops);
    }
    return { version: versionOf(this.#state.newest) };
  }

  #changedAfter(plan: CommitPlan, readAt: number): boolean {
    return (
      plan.readKeys.some((key) => this.#state.keyChangedAfter(key, readAt)) ||
      plan.readRanges.some((range) => this.#state.rangeChangedAfter(range, readAt))
    );
  }

  #holds(requirement: Requirement): boolean {
    const value = this.#state.valueAt(requirement.key, this.#state.newest);
    return requirement.is === "absent"
      ? value === undefined
      : value !== undefined && equalBytes(value, requirement.value);
  }

  #assertOpen(): void {
    if (this.#state.closed) throw new Closed("engine");
  }
}

/** Law 7: a failed requirement on something the transaction read itself is a conflict. */
function wasRead(plan: CommitPlan, requirement: Requirement): boolean {
  return (
    plan.readKeys.some((key) => equalBytes(key, requirement.key)) ||
    plan.readRanges.some((range) => rangeContains(range, requirement.key))
  );
}
