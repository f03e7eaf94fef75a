/** What the engine asks of whoever takes its commits: the path of writes, or one that refuses them all. */
import type { Awaitable } from "../../base/index.ts";
import type {
  ChangeSet,
  CommitListener,
  CommitPlan,
  CommitResult,
  KeyRange,
  Version,
} from "../contract/index.ts";
import type { CommittingTransaction } from "./commit/index.ts";
import type { BulkLoads } from "./load/index.ts";
import type { HistogramFigures, Traffic } from "./report/index.ts";

/** What a copy of the database must say of itself. */
export interface CopyState {
  readonly formatVersion: number;
  /** No file has this number or a higher one. */
  readonly nextFileNumber: number;
  /** The newest commit in tables and `logs`. */
  readonly lastSequence: number;
  /** Logs that belong to the copy, oldest first; nobody writes to them. */
  readonly logs: readonly number[];
}

/** What the engine asks of the side that writes, which a database that is only read has too: it refuses. */
export interface WriteSide {
  readonly isReadOnly: boolean;
  readonly readable: number;
  readonly newest: number;
  readonly stats: Readonly<Record<string, number>>;
  readonly bytesCommitted: number;
  readonly traffic: Traffic;
  readonly stalls: HistogramFigures;
  /** How long syncs took, in milliseconds, and how many commits each covered; undefined where nothing is written. */
  readonly syncMillis?: HistogramFigures | undefined;
  readonly commitsOfSync?: HistogramFigures | undefined;
  readonly logNumbers: readonly number[];
  /** Those of them that are not closed and synced whole. */
  readonly unclosedLogNumbers: readonly number[];
  /** Of one moment, together with the tree's version; good for a copy after settle(). */
  readonly copyState: CopyState;
  whenVisible(sequence: number): Promise<void> | undefined;
  onCommit(wake: CommitListener): () => void;
  enterExclusive<T>(begin: () => T, signal: AbortSignal | undefined): Awaitable<T>;
  leaveExclusive(): void;
  commit(plan: CommitPlan, transaction: CommittingTransaction | undefined): Awaitable<CommitResult>;
  flush(): Promise<void>;
  compact(range?: KeyRange): Promise<void>;
  /** Gives the bytes of disk that were set free. */
  cleanupWal(): Promise<number>;
  changesAfter(
    after: Version | undefined,
    signal: AbortSignal | undefined,
  ): AsyncIterable<readonly ChangeSet[]> | undefined;
  load(...load: Parameters<BulkLoads["load"]>): Promise<void>;
  /** Sees to it that tables and copyState.logs hold every commit that was made before the call. */
  settle(): Promise<void>;
  /** Looks when the manifest on the disk lists the tables of the tree's version. */
  betweenEdits<T>(look: () => T): Promise<T>;
  close(): Promise<void>;
}
