/**
 * The one place where commits happen, one after another, each in a synchronous section that nothing can interrupt:
 * validate, check requirements, resolve merges, take a sequence, append to the log, insert into the memtable.
 *
 * Always true:
 * (1) Sequences ascend by one, in the order of the log, and that is the serial order of all commits (laws 5 and 6).
 * (2) Whatever throws before the append has changed nothing.
 * (3) What is appended is in the memtable too when the section ends; if that fails, all writing ends.
 */
import { copyBytes, equalBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { CONFLICT, RequirementFailed, StorageError, rangeContains } from "../../contract/index.ts";
import type { CommitPlan, Requirement } from "../../contract/index.ts";
import type { Entry } from "../codec/index.ts";
import type { Clock } from "../host/index.ts";
import type { CommitLog } from "./commit-log.ts";
import type { RecentCommits } from "./recent-commits.ts";
import { resolveOps } from "./resolve-ops.ts";

/** The newest state, as far as a commit needs it. */
export interface NewestState {
  /** What the key holds after the newest commit; bytes that are good until the next call. */
  get(key: Bytes): Bytes | undefined;
  insert(sequence: number, entries: readonly Entry[]): void;
}

/** Who commits. */
export interface Committing {
  /** What a transaction has read is true at this sequence; undefined if it read nothing. */
  readonly begin: number | undefined;
  /** Where the oldest other transaction began that may have to be validated against this commit, if there is one. */
  readonly oldestOther: number | undefined;
}

export class Committer {
  readonly #log: CommitLog;
  readonly #recent: RecentCommits;
  readonly #state: NewestState;
  readonly #clock: Clock;
  readonly #fail: (cause: unknown) => void;
  #commits = 0;
  #conflicts = 0;

  constructor(parts: {
    readonly log: CommitLog;
    readonly recent: RecentCommits;
    readonly state: NewestState;
    readonly clock: Clock;
    /** Ends all writing: the log and the memtable no longer say the same. */
    readonly fail: (cause: unknown) => void;
  }) {
    this.#log = parts.log;
    this.#recent = parts.recent;
    this.#state = parts.state;
    this.#clock = parts.clock;
    this.#fail = parts.fail;
  }

  get stats(): Readonly<Record<"commits" | "conflicts", number>> {
    return { commits: this.#commits, conflicts: this.#conflicts };
  }

  /** The section. Gives the sequence that must be acknowledged before the caller may hear of success; 0 for none. */
  commit(plan: CommitPlan, { begin, oldestOther }: Committing): number {
    if (plan.ops.length === 0 && plan.requires.length === 0) {
      // All was read in one state: that of `begin`. There it stands in the serial order; anywhere, if nothing was read.
      return begin ?? 0;
    }
    if (begin !== undefined) this.#validate(begin, plan);
    for (const required of plan.requires) {
      if (!this.#holds(required)) this.#refuse(required.key, plan);
    }
    const entries = resolveOps(plan.ops, (key) => this.#state.get(key));
    if (entries.length === 0) return this.#log.appended;
    const sequence = this.#log.append(entries);
    try {
      this.#state.insert(sequence, entries);
    } catch (cause) {
      this.#fail(cause);
      throw cause;
    }
    this.#commits++;
    if (oldestOther === undefined) this.#recent.forget(sequence);
    else {
      this.#recent.record(sequence, this.#clock.monotonicMillis(), plan.ops);
      this.#recent.forget(oldestOther);
    }
    return sequence;
  }

  #validate(begin: number, plan: CommitPlan): void {
    const verdict = this.#recent.judge(begin, plan.readKeys, plan.readRanges);
    if (verdict === "agrees") return;
    this.#conflicts++;
    throw verdict === "conflict" ? CONFLICT : new StorageError("TooOld", { what: "transaction" });
  }

  #holds(required: Requirement): boolean {
    const value = this.#state.get(required.key);
    if (required.is === "absent") return value === undefined;
    return value !== undefined && equalBytes(value, required.value);
  }

  /** Law 7: on a key that was read as well, running the work again sees the new state. */
  #refuse(key: Bytes, plan: CommitPlan): never {
    const wasRead =
      plan.readKeys.some((read) => equalBytes(read, key)) ||
      plan.readRanges.some((range) => rangeContains(range, key));
    if (!wasRead) throw new RequirementFailed(copyBytes(key));
    this.#conflicts++;
    throw CONFLICT;
  }
}
