/**
 * One sorted run of a load, as tables of the wanted size.
 *
 * Always true:
 * (1) Keys ascend, none comes twice, over all tables of the run.
 * (2) All entries are puts of sequence 0, which no commit has: the sequence at which they are read is given to the
 *     tables when they become part of the database.
 * (3) Each table is synced when it is finished; the caller syncs the directory before it refers to them.
 */
import { compareByteRanges } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { KIND_PUT } from "../codec/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import type { TableWriter } from "../sstable/index.ts";

/** Where a loaded table is said to be until it has its place. */
const NO_LEVEL = 0;

export class RunWriter {
  readonly #newTable: () => TableWriter;
  readonly #tableBytesTarget: number;
  readonly #finished: TableMeta[] = [];
  #table: TableWriter | undefined;

  constructor(newTable: () => TableWriter, tableBytesTarget: number) {
    this.#newTable = newTable;
    this.#tableBytesTarget = tableBytesTarget;
  }

  /** The present table has its size; split() before the next add(). */
  get isFull(): boolean {
    return this.#table !== undefined && this.#table.fileBytes >= this.#tableBytesTarget;
  }

  /** HOT: bench/micro/bulk-load.ts. */
  add(
    keyBytes: Bytes,
    keyStart: number,
    keyEnd: number,
    valueBytes: Bytes,
    valueStart: number,
    valueEnd: number,
  ): void {
    this.#table ??= this.#newTable();
    this.#table.add(keyBytes, keyStart, keyEnd, 0, KIND_PUT, valueBytes, valueStart, valueEnd);
  }

  /** Ends the present table; other work runs while it is synced. */
  async split(): Promise<void> {
    const table = this.#table;
    if (table === undefined) return;
    this.#finished.push(await table.finishInBackground(NO_LEVEL));
    this.#table = undefined;
  }

  /** Ends the run and gives its tables in key order. */
  async finish(): Promise<readonly TableMeta[]> {
    await this.split();
    return this.#finished;
  }

  /** Gives up: removes the table that is being written, and gives those that are finished already. */
  abandon(): readonly TableMeta[] {
    try {
      this.#table?.abandon();
    } catch {
      // Whatever made the caller give up is the error to report; the file is swept at the next open.
    }
    this.#table = undefined;
    return this.#finished;
  }
}

/** The last key of a run, to tell whether what comes next can go on with it. */
export class LastKey {
  #bytes: Bytes = new Uint8Array(64);
  #length = -1;

  set(bytes: Bytes, start: number, end: number): void {
    const length = end - start;
    if (length > this.#bytes.length) this.#bytes = new Uint8Array(length * 2);
    for (let i = 0; i < length; i++) this.#bytes[i] = bytes[start + i]!;
    this.#length = length;
  }

  /** HOT: bench/micro/bulk-load.ts. Also when there is no last key yet. */
  isBefore(bytes: Bytes, start: number, end: number): boolean {
    return (
      this.#length < 0 || compareByteRanges(this.#bytes, 0, this.#length, bytes, start, end) < 0
    );
  }
}
