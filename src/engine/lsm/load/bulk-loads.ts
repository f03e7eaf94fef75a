/**
 * The bulk loads that are under way: from rows handed in to tables that are part of the database.
 *
 * Always true:
 * (1) Until its tables are installed nothing refers to them, and a load that fails removes them.
 * (2) A load never waits for its caller's rows once stop() was called.
 */
import type { Bytes } from "../../../base/index.ts";
import { StorageError } from "../../contract/index.ts";
import type { BulkLoadOptions, Limits, Requirement } from "../../contract/index.ts";
import { pathIn, tableName } from "../codec/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import type { FileNumbers } from "../recovery/index.ts";
import { TableReader, TableWriter } from "../sstable/index.ts";
import type { TableWriterOptions } from "../sstable/index.ts";
import { installTables } from "./install-tables.ts";
import type { InstallParts } from "./install-tables.ts";
import { RowSorter } from "./row-sorter.ts";

/** What is handed in: pieces of rows, each a key and its value. */
type LoadRows = AsyncIterable<readonly (readonly [key: Bytes, value: Bytes])[]>;

export interface BulkLoadsParts extends InstallParts {
  readonly storeId: Bytes;
  readonly numbers: FileNumbers;
  readonly tableOptions: TableWriterOptions;
  readonly settings: {
    readonly limits: Limits;
    readonly loadBytesMax: number;
    readonly tableBytesTarget: number;
    readonly sliceMillis: number;
  };
}

export class BulkLoads {
  readonly #parts: BulkLoadsParts;
  readonly #running = new Set<Promise<void>>();
  /** One for each load that waits for rows. */
  readonly #waiting = new Set<(reason: unknown) => void>();
  #stopped: { readonly reason: unknown } | undefined;
  #loads = 0;
  #rows = 0;
  #tables = 0;
  #runs = 0;

  constructor(parts: BulkLoadsParts) {
    this.#parts = parts;
  }

  /** Loads that are part of the database, their rows and tables, and the sorted runs that they were made from. */
  get stats(): Readonly<Record<"loads" | "loadedRows" | "loadedTables" | "loadRuns", number>> {
    return {
      loads: this.#loads,
      loadedRows: this.#rows,
      loadedTables: this.#tables,
      loadRuns: this.#runs,
    };
  }

  async load(rows: LoadRows, { requires = [] }: BulkLoadOptions = {}): Promise<void> {
    this.#between();
    const running = this.#load(rows, requires);
    const ended = running.then(
      () => undefined,
      () => undefined,
    );
    this.#running.add(ended);
    try {
      await running;
    } finally {
      this.#running.delete(ended);
    }
  }

  /** Ends all loads and waits until they have cleaned up. */
  async stop(reason: unknown): Promise<void> {
    this.#stopped ??= { reason };
    for (const reject of this.#waiting) reject(reason);
    await Promise.all(this.#running);
  }

  async #load(rows: LoadRows, requires: readonly Requirement[]): Promise<void> {
    const sorter = this.#newSorter();
    let tables: readonly TableMeta[];
    try {
      await this.#take(rows, sorter);
      tables = await sorter.finish();
      this.#between();
    } catch (cause) {
      sorter.abandon();
      throw cause;
    }
    if (tables.length === 0) return;
    await installTables(this.#parts, tables, requires);
    this.#loads++;
    this.#tables += tables.length;
    this.#runs += sorter.runs;
    for (const { entries } of tables) this.#rows += entries;
  }

  async #take(rows: LoadRows, sorter: RowSorter): Promise<void> {
    const iterator = rows[Symbol.asyncIterator]();
    try {
      for (;;) {
        const step = await this.#next(iterator);
        if (step.done === true) return;
        for (const [key, value] of step.value) this.#checkSizes(key, value);
        await sorter.take(step.value);
        this.#between();
      }
    } catch (cause) {
      void endQuietly(iterator);
      throw cause;
    }
  }

  /** The next piece, or the reason of stop(): a caller that never hands in its next rows does not keep us open. */
  #next<T>(iterator: AsyncIterator<T>): Promise<IteratorResult<T>> {
    const next = iterator.next();
    return new Promise((resolve, reject) => {
      const stop = (reason: unknown): void => {
        this.#waiting.delete(stop);
        reject(reason as Error);
      };
      this.#waiting.add(stop);
      next.then((step) => {
        this.#waiting.delete(stop);
        resolve(step);
      }, stop);
    });
  }

  #checkSizes(key: Bytes, value: Bytes): void {
    const { keyBytes, valueBytes } = this.#parts.settings.limits;
    if (key.length > keyBytes) {
      throw new StorageError("KeyTooLarge", { bytes: key.length, bytesMax: keyBytes });
    }
    if (value.length > valueBytes) {
      throw new StorageError("ValueTooLarge", { bytes: value.length, bytesMax: valueBytes });
    }
  }

  #between(): void {
    if (this.#stopped !== undefined) throw this.#stopped.reason as Error;
    this.#parts.assertWritable();
  }

  #newSorter(): RowSorter {
    const { directory, host, numbers, settings, storeId, tableOptions, tables } = this.#parts;
    const pathOf = (fileNumber: number): string => pathIn(directory, tableName(fileNumber));
    return new RowSorter({
      host,
      sliceMillis: settings.sliceMillis,
      loadBytesMax: settings.loadBytesMax,
      tableBytesTarget: settings.tableBytesTarget,
      newTable: () => {
        const number = numbers.take();
        return new TableWriter(host, pathOf(number), number, storeId, tableOptions);
      },
      openTable: (table) =>
        TableReader.open(host, pathOf(table.fileNumber), table, storeId, tables.cache),
      removeTable: (table) => tables.removeTable(table.fileNumber),
      between: () => this.#between(),
    });
  }
}

/** Tells the caller's generator that no more rows are wanted. Not awaited: it may wait for something that never comes. */
async function endQuietly(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // What ended the load is the error to report.
  }
}
