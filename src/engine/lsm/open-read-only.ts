/**
 * A database that is only read: the tables that its manifest lists, and what its logs hold, in memory.
 *
 * Always true:
 * (1) Nothing on the disk is changed, not even what a crash left behind; opening for writing does that.
 * (2) It is one state for as long as it is open: that of the newest commit in the logs.
 * (3) Memory holds the logs whole: what the last run had not flushed, so about three memtables at most.
 */
import { Closed } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import { CommitGate, StorageError } from "../contract/index.ts";
import type { CommitPlan, CommitResult } from "../contract/index.ts";
import { OpenTables, versionOf } from "./compaction/index.ts";
import type { DirectoryLock, Host } from "./host/index.ts";
import { readFormerRun } from "./manifest/index.ts";
import type { FormerRun } from "./manifest/index.ts";
import type { EngineParts } from "./opened-database.ts";
import type { LsmSettings } from "./settings/index.ts";
import {
  firstFreeNumber,
  listFiles,
  logsPromised,
  logsToReplay,
  replayLogs,
} from "./recovery/index.ts";
import { assertPresent } from "./recover.ts";
import { Histogram, LsmEvents, Traffic } from "./report/index.ts";
import type { HistogramFigures, LsmEventListener } from "./report/index.ts";
import { Tree } from "./read/index.ts";
import { versionOfSequence } from "./commit/index.ts";
import type { CommittingTransaction } from "./commit/index.ts";
import type { CopyState, WriteSide } from "./write-side.ts";

export interface ReadOnlyDatabase {
  readonly parts: EngineParts;
  readonly writes: WriteSide;
}

interface Place {
  readonly host: Host;
  readonly directory: string;
  readonly settings: LsmSettings;
  readonly events: LsmEvents;
  readonly lock: DirectoryLock;
}

/** @throws StorageError 'NoDatabase', DatabaseLocked, CorruptionError. */
export async function openReadOnly(
  host: Host,
  directory: string,
  settings: LsmSettings,
  onEvent: LsmEventListener | undefined,
): Promise<ReadOnlyDatabase> {
  if (!host.files.exists(directory)) throw new StorageError("NoDatabase", { path: directory });
  const lock = await host.files.lock(directory, { readOnly: true });
  try {
    const former = readFormerRun(host, directory);
    if (former === undefined) throw new StorageError("NoDatabase", { path: directory });
    const events = new LsmEvents(host, onEvent);
    return read({ host, directory, settings, events, lock }, former);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function read(place: Place, run: FormerRun): ReadOnlyDatabase {
  const { directory, events, host, settings } = place;
  const former = run.state;
  const { storeId } = former;
  const startMillis = host.clock.monotonicMillis();
  const tables = new OpenTables({ ...settings, host, directory, storeId, events });
  try {
    for (const table of former.tables) {
      assertPresent(place, table);
      tables.open(table);
    }
    const files = listFiles(host, directory);
    const logs = logsToReplay(files, former.logNumber);
    const replayed = replayLogs({
      host,
      directory,
      storeId,
      logNumbers: logs,
      memtableBytesMax: settings.flushBytesMax,
      // Setting aside what is damaged would write.
      damage: { mode: "strict" },
      promised: logsPromised(run),
    });
    const lastSequence = Math.max(former.lastSequence, replayed.lastSequence);
    const tree = new Tree(tables, run.tablesHold);
    tree.install(versionOf(former.tables));
    tree.adopt(replayed.memtables, lastSequence);
    const { commits } = replayed;
    const millis = host.clock.monotonicMillis() - startMillis;
    events.emit({
      type: "recovery",
      logs: logs.length,
      commits,
      tables: 0,
      losses: 0,
      lastSequence,
      millis,
    });
    const nextFileNumber = firstFreeNumber(former.nextFileNumber, files);
    const { formatVersion } = former;
    const copyState = { formatVersion, nextFileNumber, lastSequence, logs };
    const writes = new ReadOnlyWrites({ ...place, tables, copyState });
    const recoveryReport = {
      mode: "strict",
      losses: [],
      setAside: [],
      commitsReplayed: commits,
    } as const;
    const parts = { ...place, storeId, tree, tables, recoveryReport, changeLog: undefined };
    return { parts, writes };
  } catch (error) {
    tables.close();
    throw error;
  }
}

/** Refuses whatever would change something. What only reads commits as ever: nobody can conflict with it. */
class ReadOnlyWrites implements WriteSide {
  readonly isReadOnly = true;
  readonly bytesCommitted = 0;
  readonly traffic: Traffic = new Traffic();
  readonly stalls: HistogramFigures = new Histogram().figures;
  readonly copyState: CopyState;
  readonly #place: Place & { readonly tables: OpenTables };
  readonly #gate: CommitGate = new CommitGate();

  constructor(parts: Place & { readonly tables: OpenTables; readonly copyState: CopyState }) {
    this.#place = parts;
    this.copyState = parts.copyState;
  }

  get readable(): number {
    return this.copyState.lastSequence;
  }
  get newest(): number {
    return this.copyState.lastSequence;
  }
  get logNumbers(): readonly number[] {
    return this.copyState.logs;
  }
  get unclosedLogNumbers(): readonly number[] {
    return [];
  }
  get stats(): Readonly<Record<string, number>> {
    return { sequence: this.newest, syncedSequence: this.newest, isFailed: 0 };
  }

  whenVisible(): undefined {
    return undefined;
  }
  onCommit(): () => void {
    return () => undefined;
  }
  enterExclusive<T>(begin: () => T, signal: AbortSignal | undefined): Awaitable<T> {
    return this.#gate.enter(begin, signal);
  }
  leaveExclusive(): void {
    this.#gate.leave();
  }

  commit(
    plan: CommitPlan,
    transaction: CommittingTransaction | undefined,
  ): Awaitable<CommitResult> {
    transaction?.release();
    if (plan.signal?.aborted === true) throw plan.signal.reason as Error;
    if (plan.ops.length > 0 || plan.requires.length > 0) throw this.#refusal();
    const begin = transaction?.begin;
    return begin === undefined ? {} : { version: versionOfSequence(begin) };
  }

  async flush(): Promise<void> {
    throw this.#refusal();
  }
  async compact(): Promise<void> {
    throw this.#refusal();
  }
  async cleanupWal(): Promise<number> {
    throw this.#refusal();
  }
  changesAfter(): undefined {
    return undefined;
  }
  async load(): Promise<void> {
    throw this.#refusal();
  }
  async settle(): Promise<void> {
    // Tables and logs hold everything already.
  }
  async betweenEdits<T>(look: () => T): Promise<T> {
    return look();
  }

  async close(): Promise<void> {
    this.#gate.close(new Closed("database"));
    try {
      this.#place.tables.close();
    } finally {
      await this.#place.lock.release();
      this.#place.events.deliver();
    }
  }

  #refusal(): StorageError {
    return new StorageError("OpenedReadOnly", { path: this.#place.directory });
  }
}
