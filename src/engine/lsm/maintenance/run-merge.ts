/**
 * Runs the description of a flush or compaction on the thread that it is called on: opens what is read, writes, syncs the
 * tables and their names.
 *
 * Always true:
 * (1) Of each level of inputs one table is open at a time, and each table of level 0: what a merge keeps in memory does
 *     not grow with the database.
 * (2) The outputs are durable, names included, when it has returned them.
 */
import { compareBytes } from "../../../base/index.ts";
import { pathIn, tableName } from "../codec/index.ts";
import {
  GrandparentCut,
  LevelCursor,
  OlderBeneath,
  Slices,
  mergeTables,
} from "../compaction/index.ts";
import type { CursorSource, MergeResult } from "../compaction/index.ts";
import { mergeCursor } from "../cursor/index.ts";
import type { Cursor, RangeDelete } from "../cursor/index.ts";
import type { Host } from "../host/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import { TableWriter } from "../sstable/index.ts";
import type { TableReader } from "../sstable/index.ts";
import type { JobEntries, MergeJob, StorePlace } from "./merge-job.ts";

/** A table that is read by a job. */
export interface OpenInput {
  readonly reader: TableReader;
  /** It is read no more. */
  readonly done: () => void;
}

/** What a thread brings along to run jobs. */
export interface Workbench extends StorePlace {
  readonly host: Host;
  readonly sliceMillis: number;
  readonly openInput: (table: TableMeta) => OpenInput;
}

/** A job on this thread. */
export interface RunnableJob extends Omit<MergeJob, "memtable"> {
  readonly memtable: JobEntries | undefined;
  /** Draws the number of the next output, before its file is made. */
  readonly takeNumber: () => number;
}

/** `between` is called between slices; true gives the work up: then the tables in the result are to be removed. */
export async function runMerge(
  bench: Workbench,
  job: RunnableJob,
  between: () => Promise<boolean> | boolean,
): Promise<MergeResult> {
  const { directory, host, storeId } = bench;
  const inputs = new JobInputs(bench.openInput, job.inputs);
  try {
    const result = await mergeTables({
      cursor: job.memtable?.cursor() ?? inputs.cursor(),
      rangeDeletes: job.memtable?.rangeDeletes ?? inputs.rangeDeletes(),
      views: job.views,
      beneath: new OlderBeneath({ levels: job.beneath }, 0, []),
      newTable: () => {
        const number = job.takeNumber();
        const path = pathIn(directory, tableName(number));
        return new TableWriter(host, path, number, storeId, job.writer);
      },
      outputLevel: job.outputLevel,
      tableBytesTarget: job.tableBytesTarget,
      cut:
        job.grandparents.length === 0
          ? undefined
          : new GrandparentCut(job.grandparents, job.tableBytesTarget),
      slices: new Slices(host, bench.sliceMillis),
      between,
    });
    if (!result.isGivenUp && result.tables.length > 0) host.files.syncDirectory(directory);
    return result;
  } finally {
    inputs.close();
  }
}

/** The input tables as sorted runs: each table of level 0 by itself, the tables of a deeper level one after another. */
class JobInputs {
  readonly #open: (table: TableMeta) => OpenInput;
  readonly #inputs: readonly TableMeta[];
  /** The open table of each run. */
  readonly #present: (OpenInput | undefined)[] = [];

  constructor(open: (table: TableMeta) => OpenInput, inputs: readonly TableMeta[]) {
    this.#open = open;
    this.#inputs = inputs;
  }

  cursor(): Cursor {
    return mergeCursor(
      this.#runs().map((tables, run) => {
        const sources = tables.map((table): CursorSource => this.#source(run, table));
        return sources.length === 1 ? sources[0]!.cursor() : new LevelCursor(tables, sources);
      }),
    );
  }

  /** Of all inputs; few tables have any, and only those are opened for it. */
  rangeDeletes(): readonly RangeDelete[] {
    return this.#inputs.flatMap((table) => {
      if (table.rangeDeletes === 0) return [];
      const { done, reader } = this.#open(table);
      const { rangeDeletes } = reader;
      done();
      return rangeDeletes;
    });
  }

  close(): void {
    for (const one of this.#present.splice(0)) one?.done();
  }

  #runs(): readonly (readonly TableMeta[])[] {
    const byLevel = new Map<number, TableMeta[]>();
    const runs: (readonly TableMeta[])[] = [];
    for (const table of this.#inputs) {
      if (table.level === 0) runs.push([table]);
      else byLevel.set(table.level, [...(byLevel.get(table.level) ?? []), table]);
    }
    for (const tables of byLevel.values()) {
      runs.push(tables.toSorted((a, b) => compareBytes(a.smallestKey, b.smallestKey)));
    }
    return runs;
  }

  /** A merge only goes forward: with the next table of a run the former is done. */
  #source(run: number, table: TableMeta): CursorSource {
    return {
      cursor: () => {
        this.#present[run]?.done();
        this.#present[run] = undefined;
        const opened = this.#open(table);
        this.#present[run] = opened;
        return opened.reader.cursor({ fillCache: false });
      },
    };
  }
}
