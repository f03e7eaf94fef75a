/**
 * Makes the tables of a load part of the database.
 *
 * They are read at a sequence of their own, taken in the turn in which they are installed: no view that is open then sees
 * them, and every later one sees all of them. No log knows that sequence; the edit of the manifest that lists the tables
 * says that it is taken.
 *
 * Always true:
 * (1) Order of durability: tables (synced by who wrote them), their names, all commits before, then one edit of the
 *     manifest. So after a crash all tables of the load are there, with everything that came before them, or none is.
 * (2) No commit happens from the moment at which the sequence is chosen until it is taken.
 * (3) Nothing older of the same keys is in memory when the tables get their place, so nothing older is ever put above
 *     them by a flush.
 * (4) The edit is made while no compaction runs: an output of one that was chosen before could span the place of a table
 *     that came after. Waiting for that comes before holding up commits.
 * (5) Fails before the edit: the tables are removed. Fails in it: nobody knows whether they are listed, so they stay,
 *     and all writing ends.
 */
import { EMPTY_BYTES, assert, copyBytes, nextKey } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { DiskFull, RequirementFailed, requirementHolds } from "../../contract/index.ts";
import type { CommitGate, Requirement, WriteOp } from "../../contract/index.ts";
import type { CommitLog, CommitWakes, OpenViews, RecentCommits } from "../commit/index.ts";
import { Slices } from "../compaction/index.ts";
import type { OpenTables, Version } from "../compaction/index.ts";
import type { PointResult } from "../cursor/index.ts";
import type { Host } from "../host/index.ts";
import type { TableMeta, VersionEdit } from "../manifest/index.ts";
import type { Memtable } from "../memtable/index.ts";
import { placeTables, touchesMemtable } from "./place-tables.ts";

export interface InstallParts {
  readonly host: Host;
  readonly directory: string;
  readonly tree: {
    readonly active: Memtable;
    readonly immutables: readonly { readonly memtable: Memtable }[];
    readonly version: Version;
    /** What the key holds at the sequence; false if nothing. */
    get(key: Bytes, maxSequence: number, out: PointResult): boolean;
  };
  readonly tables: OpenTables;
  readonly settings: { readonly sliceMillis: number };
  readonly gate: CommitGate;
  readonly log: CommitLog;
  readonly recent: RecentCommits;
  readonly wakes: CommitWakes;
  readonly views: OpenViews;
  readonly maintenance: {
    /** Runs work while no compaction runs. */
    withoutCompaction<T>(work: () => Promise<T>): Promise<T>;
    /** Makes an edit durable and then part of the version; false if background work has ended. */
    ingest(edit: VersionEdit): Promise<boolean>;
  };
  /** Empties the memory into tables. */
  readonly flush: () => Promise<void>;
  /** Throws if the engine was closed or takes no writes any more. */
  readonly assertWritable: () => void;
  /** Ends all writing. */
  readonly failed: (cause: unknown) => void;
}

/**
 * `tables` are one sorted run, and synced. They are given up to this function, also when it fails.
 *
 * @throws RequirementFailed where one of `requires` does not hold in the state that the tables would follow upon.
 */
export async function installTables(
  parts: InstallParts,
  tables: readonly TableMeta[],
  requires: readonly Requirement[],
): Promise<void> {
  const installation = new Installation(parts, tables, requires);
  try {
    parts.host.files.syncDirectory(parts.directory);
    while (!(await parts.maintenance.withoutCompaction(() => installation.attempt()))) {
      await parts.flush();
    }
  } catch (cause) {
    installation.discard();
    // After a failure of the engine itself that is what to tell: the load is not there, and cannot be tried again.
    parts.assertWritable();
    throw cause;
  }
}

class Installation {
  readonly #parts: InstallParts;
  readonly #tables: readonly TableMeta[];
  readonly #requires: readonly Requirement[];
  readonly #opened = new Set<number>();
  #isRecorded = false;

  constructor(parts: InstallParts, tables: readonly TableMeta[], requires: readonly Requirement[]) {
    this.#parts = parts;
    this.#tables = tables;
    this.#requires = requires;
  }

  /** False: something of the same keys is in memory still; nothing was done. */
  async attempt(): Promise<boolean> {
    const { assertWritable, gate, log } = this.#parts;
    await gate.enter(() => undefined, undefined);
    try {
      assertWritable();
      this.#refuse();
      if (this.#isInMemory()) return false;
      await log.acknowledged(log.appended, "durable");
      const sequence = log.appended + 1;
      await this.#open(sequence);
      await this.#add(sequence);
      return true;
    } finally {
      gate.leave();
    }
  }

  /** Removes what no edit of the manifest may have named. */
  discard(): void {
    if (this.#isRecorded) return;
    const { tables } = this.#parts;
    for (const { fileNumber } of this.#tables) {
      if (this.#opened.has(fileNumber)) tables.retire(fileNumber);
      else tables.removeTable(fileNumber);
    }
  }

  /** Nothing is committed until the gate is left, so what holds now does so when the tables take effect. */
  #refuse(): void {
    const { log, tree } = this.#parts;
    const found: PointResult = { sequence: 0, kind: 0, buffer: EMPTY_BYTES, start: 0, end: 0 };
    for (const required of this.#requires) {
      const value = tree.get(required.key, log.appended, found)
        ? copyBytes(found.buffer, found.start, found.end)
        : undefined;
      if (!requirementHolds(required, value)) throw new RequirementFailed(copyBytes(required.key));
    }
  }

  async #open(sequence: number): Promise<void> {
    const { assertWritable, host, settings, tables } = this.#parts;
    const slices = new Slices(host, settings.sliceMillis);
    for (const table of this.#tables) {
      tables.open({ ...table, smallestSequence: sequence, largestSequence: sequence });
      this.#opened.add(table.fileNumber);
      // Opening reads an index and a filter: about a hundredth of the table.
      if (!slices.isOver(table.fileBytes >>> 7)) continue;
      await slices.pause();
      assertWritable();
    }
  }

  #isInMemory(): boolean {
    const { active, immutables } = this.#parts.tree;
    const memtables = [active, ...immutables.map(({ memtable }) => memtable)];
    return memtables.some((memtable) => touchesMemtable(memtable, this.#tables));
  }

  async #add(sequence: number): Promise<void> {
    const { assertWritable, failed, log, maintenance, tree } = this.#parts;
    assertWritable();
    const added = placeTables(tree.version, this.#tables, sequence);
    this.#isRecorded = true;
    try {
      const isAdded = await maintenance.ingest({ added, lastSequence: sequence });
      if (!isAdded) assertWritable();
      assert(isAdded, "background work ends with the engine");
      const taken = log.skip();
      assert(taken === sequence, "no commit came while the gate was held");
    } catch (cause) {
      // Then the edit has not happened.
      if (cause instanceof DiskFull) this.#isRecorded = false;
      else failed(cause);
      throw cause;
    }
    this.#announce(sequence);
  }

  /** To transactions that have read where the tables lie, each a conflict; and to listeners. */
  #announce(sequence: number): void {
    const { host, log, recent, views, wakes } = this.#parts;
    const ops = this.#tables.map(rangeOf);
    const { oldestWriter } = views;
    if (oldestWriter === undefined) recent.forget(sequence);
    else {
      recent.record(sequence, host.clock.monotonicMillis(), ops);
      recent.forget(oldestWriter);
    }
    wakes.committed(sequence, ops);
    wakes.visible(log.visible);
  }
}

/** All that a table may have changed. */
function rangeOf({ largestKey, smallestKey }: TableMeta): WriteOp {
  const end = largestKey === undefined ? undefined : nextKey(largestKey);
  return { op: "delRange", range: { start: smallestKey, end } };
}
