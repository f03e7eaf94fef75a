/**
 * One attempt of a transaction, as its body sees it: reads of one committed state with the own writes laid over it, and
 * writes that stay here until the commit.
 *
 * Always true:
 * (1) A read sees every own write made before it; a scan sees those made before it was opened.
 * (2) What the engine has answered is in the read set, and nothing that own writes have answered.
 * (3) Nothing is sent to the engine before the commit, and then all of it in one plan.
 * (4) After the end every use throws TransactionClosed.
 */
import { equalBytes, isPromise } from "../base/index.ts";
import type { Awaitable, Bytes, KotobaError } from "../base/index.ts";
import { CONFLICT, StorageError, isEmptyRange } from "../engine/contract/index.ts";
import type {
  CommitPlan,
  Decode,
  EngineTransaction,
  KeyRange,
  MergeHow,
  MultiScan,
  ReadView,
  RefScan,
  Requirement,
  Scan,
  ScanOptions,
  StorageEngine,
  Version,
  WriteOp,
} from "../engine/contract/index.ts";
import { ByteArena } from "./own-writes/byte-arena.ts";
import { copyOfRange, LayeredView } from "./own-writes/layered-view.ts";
import { OwnWrites } from "./own-writes/own-writes.ts";
import type { FullView } from "./reading/full-view.ts";
import { copyKey } from "./reading/key-set.ts";
import { ReadSet } from "./reading/read-set.ts";
import type { MultiScanOptions } from "./reading/scan-sequence.ts";
import { TrackedWork } from "./tracked-work.ts";
import { ReadOnlyTransaction, TransactionClosed } from "./transaction-error.ts";
import type { Ending } from "./transaction-error.ts";

/** Makes the error that the caller sees when a requirement did not hold; reads the newest state. */
export type Otherwise = (view: ReadView) => Awaitable<KotobaError>;

/** Whose bytes a write is given: `copy` (default) takes a copy of them, `owned` means that they never change again. */
export type Ownership = "copy" | "owned";

/** Is handed the version of the commit, where the engine names it. */
export type CommitHook = (version: Version | undefined) => unknown;

/** Holds as long as nobody has broken it. */
export interface CommitGuard {
  readonly isBroken: boolean;
}

const NOTHING_REQUIRED: readonly Requirement[] = Object.freeze([]);

interface CheckedRequirement {
  readonly requirement: Requirement;
  readonly otherwise: Otherwise | undefined;
}

export class Transaction implements FullView {
  /** How often the body has been begun, this time included: 1 at first. */
  readonly attempt: number;
  readonly readOnly: boolean;
  readonly #engine: StorageEngine;
  readonly #inner: EngineTransaction;
  readonly #mayPresume: boolean;
  readonly #own = new OwnWrites();
  readonly #reads: ReadSet;
  readonly #view: LayeredView;
  // Made when first used: most transactions are small, and each object counts.
  #values: ByteArena | undefined;
  #work: TrackedWork | undefined;
  #requirements: CheckedRequirement[] | undefined;
  #beforeCommit: (() => readonly WriteOp[] | undefined)[] | undefined;
  #onCommit: CommitHook[] | undefined;
  /** Of most transactions the only one. */
  #guard: CommitGuard | undefined;
  #otherGuards: Set<CommitGuard> | undefined;
  /** Written by end(). */
  #ending: Ending | undefined;

  /** @internal Made by transact and withView, one for each run of a body. */
  constructor(
    engine: StorageEngine,
    inner: EngineTransaction,
    options: {
      readonly attempt: number;
      readonly readOnly: boolean;
      /** False: the attempt before has presumed wrongly, so this one looks. */
      readonly mayPresume: boolean;
    },
  ) {
    this.attempt = options.attempt;
    this.readOnly = options.readOnly;
    this.#engine = engine;
    this.#inner = inner;
    this.#mayPresume = options.mayPresume;
    const { remote, readsAreFinal } = engine.capabilities;
    // Nobody checks what a read-only transaction read, unless reads count only once their commit succeeded.
    this.#reads = new ReadSet(!options.readOnly || !readsAreFinal);
    this.#view = new LayeredView({
      engine: inner,
      remote,
      own: this.#own,
      reads: this.#reads,
      assertUsable: () => {
        this.#assertOpen();
      },
    });
  }

  /** The body has ended; every further use throws TransactionClosed. */
  get closed(): boolean {
    return this.#ending !== undefined;
  }

  // ---------------------------------------------------------------- reading

  get remote(): boolean {
    return this.#view.remote;
  }

  get(key: Bytes): Awaitable<Bytes | undefined> {
    return this.#view.get(key);
  }

  read<T>(key: Bytes, decode: Decode<T>): Awaitable<T | undefined> {
    return this.#view.read(key, decode);
  }

  getMany(keys: readonly Bytes[]): Awaitable<(Bytes | undefined)[]> {
    return this.#view.getMany(keys);
  }

  /** Sees the own writes made before it was opened, and none made after. */
  scan(range: KeyRange, options?: ScanOptions): Scan {
    return this.#view.scan(range, options);
  }

  /** As scan; what the entries refer to is seen as of the opening, too. */
  scanRefs(range: KeyRange, options?: ScanOptions): RefScan {
    return this.#view.scanRefs(range, options);
  }

  /** As the scans of the ranges one after the other, all opened at this moment. */
  scanMany(ranges: readonly KeyRange[], options?: MultiScanOptions): MultiScan {
    return this.#view.scanMany(ranges, options);
  }

  /** As that of the engine; false also where the attempt before has presumed wrongly, or the key is written here. */
  presume(key: Bytes, value: Bytes): boolean {
    this.#assertOpen();
    if (!this.#mayPresume || this.#own.answer(key) !== undefined) return false;
    return this.#inner.presume?.(key, value) ?? false;
  }

  // ---------------------------------------------------------------- writing

  put(key: Bytes, value: Bytes, ownership: Ownership = "copy"): void {
    this.#assertWritable();
    this.#checkKey(key);
    const { valueBytes } = this.#engine.limits;
    if (value.length > valueBytes) {
      throw new StorageError("ValueTooLarge", { bytes: value.length, bytesMax: valueBytes });
    }
    this.#checkRoom(key.length + value.length);
    if (ownership === "owned") this.#own.put(key, value);
    else this.#own.put(copyKey(key), (this.#values ??= new ByteArena()).copy(value));
  }

  delete(key: Bytes, ownership: Ownership = "copy"): void {
    this.#assertWritable();
    this.#checkKey(key);
    this.#checkRoom(key.length);
    this.#own.delete(ownership === "owned" ? key : copyKey(key));
  }

  /** Deletes what the range holds, own writes included. What is put there later stays. */
  deleteRange(range: KeyRange): void {
    this.#assertWritable();
    if (isEmptyRange(range)) return;
    this.#checkRoom(range.start.length + (range.end?.length ?? 0));
    this.#own.deleteRange(copyOfRange(range));
  }

  /**
   * Changes a number cell without reading it, so that two transactions which do so do not conflict. Reading the cell
   * afterwards in this transaction is a read of what lies beneath. One cell is always merged in the same way.
   */
  merge(key: Bytes, how: MergeHow, operand: Bytes): void {
    this.#assertWritable();
    this.#checkKey(key);
    this.#checkRoom(key.length + operand.length);
    this.#own.merge(copyKey(key), how, copyKey(operand));
  }

  /**
   * Checked at the commit against the newest committed state, not against own writes. `otherwise` makes the error that
   * the caller of transact sees if it does not hold; without it that is RequirementFailed.
   */
  require(requirement: Requirement, otherwise?: Otherwise, ownership: Ownership = "copy"): void {
    this.#assertWritable();
    const kept = ownership === "owned" ? requirement : copyOfRequirement(requirement);
    this.#checkRoom(kept.key.length + (kept.is === "equal" ? kept.value.length : 0));
    (this.#requirements ??= []).push({ requirement: kept, otherwise });
  }

  /** Something is required of the commit: it was not looked at before. */
  get hasRequirements(): boolean {
    return this.#requirements !== undefined;
  }

  /** What this transaction itself has done to the key so far; a merge counts as a put. */
  ownWrite(key: Bytes): "put" | "deleted" | undefined {
    this.#assertOpen();
    const own = this.#own.answer(key);
    if (own === undefined) return undefined;
    return own.op === "del" ? "deleted" : "put";
  }

  // ---------------------------------------------------------------- around the commit

  /**
   * Called once when the body of this attempt has ended well: its ops join the plan, outside the read set. Of a
   * transaction that is run again the hooks are those that its new attempt has added. Use onCommit to learn that it
   * has been committed.
   */
  beforeCommit(hook: () => readonly WriteOp[] | undefined): void {
    this.#assertOpen();
    (this.#beforeCommit ??= []).push(hook);
  }

  /**
   * Called once, after the commit of this attempt is acknowledged. What a hook throws, or its promise is rejected with, is
   * reported to the host; nobody waits for the promise.
   */
  onCommit(hook: CommitHook): void {
    this.#assertOpen();
    (this.#onCommit ??= []).push(hook);
  }

  /** Runs work that must be finished before the body ends; else the transaction fails with UnawaitedWork. */
  track<T>(work: () => Awaitable<T>): Awaitable<T> {
    this.#assertOpen();
    return (this.#work ??= new TrackedWork()).track(work);
  }

  /**
   * As track, for doors that always answer with a promise: work that fails at once, in a promise that nobody awaits, is
   * UnawaitedWork too.
   */
  trackPromise<T>(work: () => Awaitable<T>): Promise<T> {
    return (this.#work ??= new TrackedWork()).trackPromise(() => {
      this.#assertOpen();
      return work();
    });
  }

  /** What has been written so far may only be committed as long as the guard is not broken; else that is a conflict. */
  guardedBy(guard: CommitGuard): void {
    if (this.#guard === guard) return;
    if (this.#guard === undefined) this.#guard = guard;
    else (this.#otherGuards ??= new Set()).add(guard);
  }

  // ---------------------------------------------------------------- for the runner

  /**
   * @internal The body has ended well: no use is possible any more. Throws UnawaitedWork, or what a hook throws.
   * The answer is everything that is to be committed.
   */
  finish(): Pick<CommitPlan, "readKeys" | "readRanges" | "ops" | "requires"> {
    const problem = this.#work?.problem();
    if (problem !== undefined) throw problem;
    if (this.#guard?.isBroken === true) throw CONFLICT;
    if (this.#otherGuards !== undefined) {
      for (const guard of this.#otherGuards) if (guard.isBroken) throw CONFLICT;
    }
    let notes: WriteOp[] | undefined;
    if (!this.readOnly && this.#beforeCommit !== undefined) {
      for (const hook of this.#beforeCommit) {
        for (const op of hook() ?? []) {
          if (op.op === "put" && op.isNote === true) (notes ??= []).push(op);
          else this.#add(op);
        }
      }
    }
    this.#view.closeScans();
    this.#ending = "committed";
    return {
      readKeys: this.#reads.keys(),
      readRanges: this.#reads.ranges(),
      ops: notes === undefined ? this.#own.ops() : [...this.#own.ops(), ...notes],
      requires: this.#requirements?.map(({ requirement }) => requirement) ?? NOTHING_REQUIRED,
    };
  }

  /** @internal Whether anything was read that the commit could be checked against. */
  get hasRead(): boolean {
    return !this.#reads.isEmpty;
  }

  /** @internal What has been read so far, for engines that must be asked whether it holds. */
  readPlan(): Pick<CommitPlan, "readKeys" | "readRanges" | "ops" | "requires"> {
    return {
      readKeys: this.#reads.keys(),
      readRanges: this.#reads.ranges(),
      ops: [],
      requires: [],
    };
  }

  /** @internal No use is possible any more. Idempotent. */
  end(ending: Ending): void {
    if (this.#ending === undefined) this.#view.closeScans();
    this.#ending = ending;
  }

  /** @internal What the failed requirement's caller wants to be told, if anything. */
  otherwiseOf(key: Bytes): Otherwise | undefined {
    return this.#requirements?.find(
      ({ requirement, otherwise }) => otherwise !== undefined && equalBytes(requirement.key, key),
    )?.otherwise;
  }

  /** @internal The commit is acknowledged: calls the hooks, each whatever the others do. */
  committed(version: Version | undefined, report: (error: unknown) => void): void {
    if (this.#onCommit === undefined) return;
    for (const hook of this.#onCommit) {
      try {
        const result = hook(version);
        if (isPromise(result)) result.catch(report);
      } catch (error) {
        report(error);
      }
    }
  }

  #add(op: WriteOp): void {
    switch (op.op) {
      case "put":
        this.put(op.key, op.value);
        break;
      case "del":
        this.delete(op.key);
        break;
      case "delRange":
        this.deleteRange(op.range);
        break;
      case "merge":
        this.merge(op.key, op.how, op.operand);
        break;
    }
  }

  #assertOpen(): void {
    if (this.#ending !== undefined) throw new TransactionClosed(this.#ending);
  }

  #assertWritable(): void {
    this.#assertOpen();
    if (this.readOnly) throw new ReadOnlyTransaction();
  }

  #checkKey(key: Bytes): void {
    const { keyBytes } = this.#engine.limits;
    if (key.length > keyBytes) {
      throw new StorageError("KeyTooLarge", { bytes: key.length, bytesMax: keyBytes });
    }
  }

  /** What was read counts as well, so that a plan is refused here and not by a server. */
  #checkRoom(bytes: number): void {
    const { transactionBytes } = this.#engine.limits;
    const total = this.#own.bytes + this.#reads.bytes + bytes;
    if (total > transactionBytes) {
      throw new StorageError("TransactionTooLarge", { bytes: total, bytesMax: transactionBytes });
    }
  }
}

function copyOfRequirement(requirement: Requirement): Requirement {
  const key = copyKey(requirement.key);
  if (requirement.is === "absent") return { is: "absent", key };
  return { is: "equal", key, value: copyKey(requirement.value) };
}
