/**
 * The local engine: a log-structured merge tree behind the contract.
 *
 * Always true:
 * (1) Readers are shown commits up to the newest that is acknowledged under the engine's durability; transactions that
 *     may write begin at the newest appended one (law 4).
 * (2) A view pins the sequence it reads at, never a file: whatever is flushed or compacted keeps what it sees.
 * (3) Reads go on after a failure, at what was acknowledged; see WritePath for what happens to commits.
 */
import { Closed, EMPTY_BYTES, assert } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import { StorageError } from "../contract/index.ts";
import type {
  BeginOptions,
  BlindPlan,
  Capabilities,
  ChangeSet,
  CommitListener,
  CommitResult,
  EngineTransaction,
  Limits,
  Snapshot,
  StorageEngine,
  Version,
} from "../contract/index.ts";
import { OpenViews } from "./commit/index.ts";
import { bytesOf, tablesOf, versionProblems, versionText } from "./compaction/index.ts";
import type { PointResult } from "./cursor/index.ts";
import { LsmSnapshot, LsmTransaction } from "./lsm-transaction.ts";
import type { ChosenState, ViewSource } from "./sequence-view.ts";
import type { Tree } from "./tree.ts";
import { WritePath, versionOfSequence } from "./write-path.ts";
import type { RecoveryReport } from "./recovery/index.ts";
import type { OpenedDatabase } from "./opened-database.ts";

const CAPABILITIES: Capabilities = {
  remote: false,
  readsAreFinal: true,
  pastVersions: false,
  changes: "wakeup",
  exclusive: true,
  openTransactions: Infinity,
};

/** Made by openLsmEngine(). */
export class LsmEngine implements StorageEngine {
  readonly name = "lsm";
  readonly limits: Limits;
  readonly capabilities: Capabilities;
  /** There where the option `changeLog` asks for it. */
  readonly changes?: NonNullable<StorageEngine["changes"]>;

  readonly #opened: OpenedDatabase;
  readonly #tree: Tree;
  readonly #views: OpenViews = new OpenViews();
  readonly #writes: WritePath;
  readonly #source: ViewSource;
  #closing: Promise<void> | undefined;
  #reads = 0;

  constructor(opened: OpenedDatabase) {
    this.#opened = opened;
    this.#tree = opened.tree;
    this.limits = opened.settings.limits;
    const { changeLog } = opened;
    this.capabilities =
      changeLog === undefined ? CAPABILITIES : { ...CAPABILITIES, changes: "log" };
    if (changeLog !== undefined) this.changes = (after, options) => this.#changes(after, options);
    this.#writes = new WritePath(opened, this.#views, this.limits, noResult());
    this.#source = {
      tree: opened.tree,
      found: noResult(),
      assertOpen: () => this.#assertOpen(),
      countReads: (reads) => {
        this.#reads += reads;
      },
    };
  }

  // ---------------------------------------------------------------- the contract

  begin(options: BeginOptions = {}): Awaitable<EngineTransaction> {
    this.#assertOpen();
    const { at, exclusive = false, readOnly = false, signal } = options;
    if (signal?.aborted === true) throw signal.reason as Error;
    if (at !== undefined) this.#assertPresent(at);
    if (readOnly || at !== undefined) return this.#newTransaction("reads");
    if (!exclusive) return this.#newTransaction("writes");
    return this.#writes.enterExclusive(() => this.#newTransaction("excludes"), signal);
  }

  snapshot(): Snapshot {
    this.#assertOpen();
    return new LsmSnapshot(this.#source, () => this.#choose("reads"));
  }

  write(plan: BlindPlan): Awaitable<CommitResult> {
    this.#assertOpen();
    return this.#writes.commit({ ...plan, readKeys: [], readRanges: [] }, undefined);
  }

  onCommit(wake: CommitListener): () => void {
    this.#assertOpen();
    return this.#writes.onCommit(wake);
  }

  #changes(
    after: Version | undefined,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncIterable<readonly ChangeSet[]> {
    this.#assertOpen();
    const changes = this.#writes.changesAfter(after, signal);
    assert(changes !== undefined, "changes() is there only where commits are kept");
    return changes;
  }

  stats(): Readonly<Record<string, number>> {
    const { tables, tree } = this.#opened;
    const { version } = tree;
    const levels = version.levels.flatMap((list, level) => [
      [`level${level}Tables`, list.length] as const,
      [`level${level}Bytes`, bytesOf(list)] as const,
    ]);
    const all = tablesOf(version);
    const { bytesMax, evictions, hits, misses } = tables.cache.stats;
    return {
      sstableCount: all.length,
      totalBytes: bytesOf(all),
      readOperations: this.#reads,
      ...Object.fromEntries(levels),
      memtableBytes: tree.active.bytes,
      immutables: tree.immutables.length,
      openViews: this.#views.count,
      oldestViewLag: this.#oldestViewLag(),
      openTables: tables.size,
      pendingRemovals: tables.pendingRemovals,
      cacheHits: hits,
      cacheMisses: misses,
      cacheEvictions: evictions,
      cacheBytesMax: bytesMax,
      ...this.#writes.stats,
    };
  }

  /** Reads every block of every table and checks it, and the order of the levels. Lets others run between two tables. */
  async verify(): Promise<readonly string[]> {
    this.#assertOpen();
    const { host, tables, tree } = this.#opened;
    const problems = [...versionProblems(tree.version)];
    const numbers = tablesOf(tree.version).map((table) => table.fileNumber);
    const release = tables.hold(numbers);
    try {
      for (const number of numbers) {
        if (this.#closing !== undefined) throw new Closed("database");
        problems.push(...tables.reader(number).verify());
        await host.timers.pause();
      }
    } finally {
      release();
    }
    return problems;
  }

  /** Idempotent. Waits for commits that were accepted; gives the directory back in any case. */
  close(): Promise<void> {
    this.#closing ??= this.#writes.close();
    return this.#closing;
  }

  // ---------------------------------------------------------------- of this engine only

  /** What opening the database found in its logs, and what it could not read; see the option `recovery`. */
  get recoveryReport(): RecoveryReport {
    return this.#opened.recoveryReport;
  }

  /** Writes all that is in memory to tables, so that the log is empty. Needed by nobody; useful before a file copy. */
  flush(): Promise<void> {
    return this.#writes.flush();
  }

  /**
   * Writes all that is in memory to tables, and removes the logs that held it, also those that are kept to be used again;
   * not those of the change log. Gives how many bytes of disk that set free.
   */
  cleanupWal(): Promise<number> {
    return this.#writes.cleanupWal();
  }

  /** Rewrites all tables into one sorted run, leaving out everything that no open view can see. */
  compact(): Promise<void> {
    return this.#writes.compact();
  }

  /** Levels and tables as text, for people. */
  describe(): string {
    return versionText(this.#tree.version);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new Closed("database");
  }

  /** Only the present state can be named. */
  #assertPresent(version: string): void {
    if (version === versionOfSequence(this.#writes.readable)) return;
    throw new StorageError("TooOld", { version });
  }

  #newTransaction(what: "reads" | "writes" | "excludes"): EngineTransaction {
    return new LsmTransaction({
      source: this.#source,
      choose: () => this.#choose(what),
      commit: (plan, transaction) => this.#writes.commit(plan, transaction),
      isReadOnly: what === "reads",
      leave: what === "excludes" ? () => this.#writes.leaveExclusive() : undefined,
    });
  }

  /** The newest state that such a view may see, kept until it is released. */
  #choose(what: "reads" | "writes" | "excludes"): ChosenState {
    const isWriter = what !== "reads";
    const sequence = isWriter ? this.#writes.newest : this.#writes.readable;
    this.#views.add(sequence, isWriter);
    let isKept = true;
    return {
      sequence,
      isSafe: isWriter ? undefined : this.#writes.whenVisible(sequence),
      release: () => {
        if (!isKept) return;
        isKept = false;
        this.#views.remove(sequence, isWriter);
      },
    };
  }

  /** How many commits the oldest open view is behind: a figure that keeps growing is a leak. */
  #oldestViewLag(): number {
    const [oldest] = this.#views.sequences();
    return oldest === undefined ? 0 : this.#writes.newest - oldest;
  }
}

function noResult(): PointResult {
  return { sequence: 0, kind: 0, buffer: EMPTY_BYTES, start: 0, end: 0 };
}
