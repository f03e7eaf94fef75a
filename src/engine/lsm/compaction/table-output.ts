/**
 * The tables that one flush or compaction writes: entries in cursor order go in, tables of the wanted size come out.
 *
 * Always true:
 * (1) All versions of a user key are in one table.
 * (2) A range delete is cut at the first key of each next table, so that the tables do not overlap.
 * (3) Each table is synced when it is finished; the caller syncs the directory before it refers to them.
 */
import { compareBytes, copyBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import type { PointKind } from "../codec/index.ts";
import type { Cursor, RangeDelete } from "../cursor/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import type { TableWriter } from "../sstable/index.ts";

export interface TableOutputParts {
  readonly newTable: () => TableWriter;
  readonly level: number;
  /** A table that has reached this size ends before the next key; Infinity: one table takes all. */
  readonly tableBytesTarget: number;
  /** Those that stay. */
  readonly rangeDeletes: readonly RangeDelete[];
}

export class TableOutput {
  readonly #parts: TableOutputParts;
  /** In key order. */
  readonly #finished: TableMeta[] = [];
  #table: TableWriter | undefined;
  /** Where the present table begins to own keys; undefined: at the first key of all. */
  #start: Bytes | undefined;

  constructor(parts: TableOutputParts) {
    this.#parts = parts;
  }

  /** The present table has its size; it may end before the next key. */
  get isFull(): boolean {
    return this.#table !== undefined && this.#table.fileBytes >= this.#parts.tableBytesTarget;
  }

  /** Ends the present table before the present key of the cursor, of which it holds nothing. */
  async split(cursor: Cursor): Promise<void> {
    const boundary = copyBytes(cursor.keyBuffer, cursor.keyStart, cursor.keyEnd);
    await this.#finish(boundary);
    this.#start = boundary;
  }

  /** Takes the present entry of the cursor. */
  add(cursor: Cursor): void {
    this.#table ??= this.#parts.newTable();
    this.#table.add(
      cursor.keyBuffer,
      cursor.keyStart,
      cursor.keyEnd,
      cursor.sequence,
      cursor.kind as PointKind,
      cursor.valueBuffer,
      cursor.valueStart,
      cursor.valueEnd,
    );
  }

  /** Ends the last table and gives all that were written; none if nothing stayed. */
  async finish(): Promise<readonly TableMeta[]> {
    if (this.#parts.rangeDeletes.length > 0) this.#table ??= this.#parts.newTable();
    await this.#finish(undefined);
    return this.#finished;
  }

  /** Gives up: removes the table that is being written, and gives those that are finished already. */
  abandon(): readonly TableMeta[] {
    this.#table?.abandon();
    this.#table = undefined;
    return this.#finished;
  }

  /** `end`: the first key that the next table owns. */
  async #finish(end: Bytes | undefined): Promise<void> {
    const table = this.#table;
    if (table === undefined) return;
    for (const one of this.#parts.rangeDeletes) {
      const cut = cutToOwn(one, this.#start, end);
      if (cut !== undefined) table.addRangeDelete(cut);
    }
    this.#finished.push(await table.finishInBackground(this.#parts.level));
    this.#table = undefined;
  }
}

/** The part of a range delete in [start, end), undefined bounds being the ends of the keyspace; undefined if empty. */
function cutToOwn(
  whole: RangeDelete,
  start: Bytes | undefined,
  end: Bytes | undefined,
): RangeDelete | undefined {
  const from = start !== undefined && compareBytes(start, whole.start) > 0 ? start : whole.start;
  let to = whole.end;
  if (end !== undefined && (to === undefined || compareBytes(end, to) < 0)) to = end;
  if (to !== undefined && compareBytes(from, to) >= 0) return undefined;
  return { start: from, end: to, sequence: whole.sequence };
}
