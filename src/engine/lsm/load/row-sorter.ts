/**
 * Turns rows in any order into tables in key order, within a memory budget.
 *
 * Rows are gathered in a buffer. A full one is sorted, if its rows did not come sorted, and written as tables: to the
 * run that was written last, if it goes on behind that run's last key, else to a run of its own. So input that comes
 * sorted is one run however large it is, and that run is the result. Several runs are merged, at most RUNS_MERGED at a
 * time.
 *
 * Always true:
 * (1) Runs are listed oldest first. Of rows with equal keys the one that came last stays.
 * (2) Nothing refers to the tables before the caller does; abandon() leaves none of them, nor does a crash: no manifest
 *     names them, so the next open sweeps them.
 * (3) Memory: the buffer, one table being written, and while merging two blocks and an index for each of the runs.
 */
import { assert, compareByteRanges } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { Slices } from "../compaction/index.ts";
import { mergeCursor } from "../cursor/index.ts";
import type { Cursor } from "../cursor/index.ts";
import type { Host } from "../host/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import type { TableReader, TableWriter } from "../sstable/index.ts";
import { RowBuffer } from "./row-buffer.ts";
import { RunCursor } from "./run-cursor.ts";
import { LastKey, RunWriter } from "./run-writer.ts";

export interface RowSorterParts {
  readonly host: Host;
  readonly sliceMillis: number;
  readonly loadBytesMax: number;
  readonly tableBytesTarget: number;
  readonly newTable: () => TableWriter;
  readonly openTable: (table: TableMeta) => TableReader;
  readonly removeTable: (table: TableMeta) => void;
  /** Called between slices; throws when the work is not wanted any more. */
  readonly between: () => void;
}

type Run = readonly TableMeta[];

/** More runs than this are merged in several passes: each one held open costs memory, and comparisons for every row. */
const RUNS_MERGED = 32;

export class RowSorter {
  readonly #parts: RowSorterParts;
  readonly #buffer: RowBuffer;
  readonly #slices: Slices;
  #runs: Run[] = [];
  /** The run that is being written: the last one, after those in #runs. */
  #writer: RunWriter | undefined;
  #lastKey = new LastKey();
  /** Tables that a merge has read and removed. */
  readonly #gone = new Set<number>();
  #runsWritten = 0;

  constructor(parts: RowSorterParts) {
    this.#parts = parts;
    this.#buffer = new RowBuffer(parts.loadBytesMax);
    this.#slices = new Slices(parts.host, parts.sliceMillis);
  }

  /** How many runs the rows came to before they were merged. */
  get runs(): number {
    return this.#runsWritten;
  }

  /** Takes in rows, in copies. HOT: bench/micro/bulk-load.ts. */
  async take(rows: readonly (readonly [key: Bytes, value: Bytes])[]): Promise<void> {
    const buffer = this.#buffer;
    for (let i = 0; i < rows.length; i++) {
      const [key, value] = rows[i]!;
      const rowBytes = key.length + value.length;
      if (!buffer.hasRoomFor(rowBytes)) await this.#spill();
      buffer.add(key, value);
      if (this.#slices.isOver(rowBytes)) await this.#pause();
    }
  }

  /** Writes what is in memory to a run. */
  async #spill(): Promise<void> {
    const buffer = this.#buffer;
    if (buffer.rows === 0) return;
    const order = buffer.sort();
    const first = order[0]!;
    if (!this.#lastKey.isBefore(buffer.bytes, buffer.keyStart(first), buffer.keyEnd(first))) {
      await this.#endRun();
    }
    if (this.#writer === undefined) {
      this.#writer = this.#newWriter();
      this.#runsWritten++;
    }
    await this.#writeRows(this.#writer, order);
    buffer.clear();
  }

  /** Ends the input and gives one sorted run: its tables in key order, all synced; none if there were no rows. */
  async finish(): Promise<readonly TableMeta[]> {
    await this.#spill();
    await this.#endRun();
    let at = 0;
    while (this.#runs.length > 1) {
      const { length } = this.#runs;
      if (at + 1 >= length) at = 0;
      // No more than brings the number down to what one last merge can take.
      const wanted =
        length <= RUNS_MERGED ? length : Math.min(RUNS_MERGED, length - RUNS_MERGED + 1);
      await this.#mergeRuns(at, Math.min(wanted, length - at));
      at++;
    }
    return this.#runs[0] ?? [];
  }

  /** Removes every table that was written. */
  abandon(): void {
    const written = [...this.#runs.flat(), ...(this.#writer?.abandon() ?? [])];
    this.#writer = undefined;
    this.#runs = [];
    for (const table of written) {
      if (!this.#gone.has(table.fileNumber)) this.#parts.removeTable(table);
    }
  }

  async #endRun(): Promise<void> {
    if (this.#writer === undefined) return;
    const run = await this.#writer.finish();
    this.#writer = undefined;
    this.#lastKey = new LastKey();
    this.#runs.push(run);
  }

  #newWriter(): RunWriter {
    return new RunWriter(this.#parts.newTable, this.#parts.tableBytesTarget);
  }

  /** HOT: bench/micro/bulk-load.ts. */
  async #writeRows(run: RunWriter, order: Uint32Array): Promise<void> {
    const buffer = this.#buffer;
    const { bytes } = buffer;
    for (let i = 0; i < order.length; i++) {
      const row = order[i]!;
      const keyStart = buffer.keyStart(row);
      const keyEnd = buffer.keyEnd(row);
      const valueEnd = buffer.valueEnd(row);
      if (i + 1 < order.length) {
        const next = order[i + 1]!;
        const from = buffer.keyStart(next);
        const to = buffer.keyEnd(next);
        // The next row came later and has the same key.
        if (to - from === keyEnd - keyStart) {
          if (compareByteRanges(bytes, keyStart, keyEnd, bytes, from, to) === 0) continue;
        }
      } else this.#lastKey.set(bytes, keyStart, keyEnd);
      if (run.isFull) await run.split();
      run.add(bytes, keyStart, keyEnd, bytes, keyEnd, valueEnd);
      if (this.#slices.isOver(valueEnd - keyStart)) await this.#pause();
    }
  }

  /** Puts one run in the place of `count` that stand side by side. */
  async #mergeRuns(at: number, count: number): Promise<void> {
    const { openTable, removeTable } = this.#parts;
    const cursor = mergeCursor(
      this.#runs.slice(at, at + count).map(
        (tables, age) =>
          new RunCursor({
            tables,
            age,
            open: openTable,
            done: (table) => {
              this.#gone.add(table.fileNumber);
              removeTable(table);
            },
          }),
      ),
    );
    const writer = this.#newWriter();
    try {
      await this.#mergeInto(writer, cursor);
      const merged = await writer.finish();
      this.#runs.splice(at, count, merged);
    } catch (cause) {
      // Listed, so that abandon() finds what was finished.
      this.#runs.push(writer.abandon());
      throw cause;
    } finally {
      cursor.close();
    }
  }

  /** HOT: bench/micro/bulk-load.ts. */
  async #mergeInto(run: RunWriter, cursor: Cursor): Promise<void> {
    const last = new LastKey();
    cursor.seekToFirst();
    assert(cursor.valid, "no run is empty");
    while (cursor.valid) {
      const { keyBuffer, keyEnd, keyStart, valueBuffer, valueEnd, valueStart } = cursor;
      // The newest of equal keys comes first.
      if (last.isBefore(keyBuffer, keyStart, keyEnd)) {
        last.set(keyBuffer, keyStart, keyEnd);
        if (run.isFull) await run.split();
        run.add(keyBuffer, keyStart, keyEnd, valueBuffer, valueStart, valueEnd);
      }
      cursor.next();
      if (this.#slices.isOver(valueEnd - valueStart)) await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    await this.#slices.pause();
    this.#parts.between();
  }
}
