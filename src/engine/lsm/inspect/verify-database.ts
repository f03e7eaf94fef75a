/**
 * Checks every byte of a database that nobody has open, without opening it: so it goes on behind the first damage, which
 * would keep the engine from opening at all.
 */
import { CorruptionError, StorageError } from "../../contract/index.ts";
import { pathIn, tableName, walName } from "../codec/index.ts";
import { versionOf, versionProblems } from "../compaction/index.ts";
import { nodeHost } from "../host/index.ts";
import type { Host } from "../host/index.ts";
import { readFormerRun } from "../manifest/index.ts";
import type { FormerRun, ManifestState, TableMeta } from "../manifest/index.ts";
import { listFiles, logsPromised, logsToReplay } from "../recovery/index.ts";
import { BlockCache, TableReader } from "../sstable/index.ts";
import { readWal, readWals } from "../wal/index.ts";

/** How far a check or a copy has come. */
export interface Progress {
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

export interface VerifyOptions {
  /** Called after each file. What it throws ends the check. */
  readonly onProgress?: (progress: Progress) => void;
}

export interface DatabaseVerification {
  /** Sentences with file and place; none if all is well. */
  readonly problems: readonly string[];
  readonly tables: number;
  readonly logs: number;
  /** Of tables and logs. */
  readonly bytes: number;
}

/** Blocks are read past the cache; only its least size is needed. */
const CACHE_BYTES = 64 * 1_024;

/**
 * Reads the manifest, every block of every table and every record of every log. Changes nothing.
 *
 * @throws DatabaseLocked while the database is open elsewhere; StorageError 'NoDatabase' where there is none.
 */
export async function verifyDatabase(
  options: { readonly path: string; readonly host?: Host } & VerifyOptions,
): Promise<DatabaseVerification> {
  const { host = nodeHost(), path } = options;
  if (!host.files.exists(path)) throw new StorageError("NoDatabase", { path });
  const lock = await host.files.lock(path, { readOnly: true });
  try {
    const check = new DatabaseCheck(host, path, options);
    return await check.run();
  } finally {
    await lock.release();
  }
}

class DatabaseCheck {
  readonly #host: Host;
  readonly #path: string;
  readonly #options: VerifyOptions;
  readonly #problems: string[] = [];
  #bytesDone = 0;
  #bytesTotal = 0;

  constructor(host: Host, path: string, options: VerifyOptions) {
    this.#host = host;
    this.#path = path;
    this.#options = options;
  }

  async run(): Promise<DatabaseVerification> {
    const run = this.#manifest();
    if (run === undefined) return this.#result(0, 0);
    const { state } = run;
    const all = logsToReplay(listFiles(this.#host, this.#path), 0);
    const logs = all.filter((number) => number >= state.logNumber);
    const logBytes = all.map((number) => this.#host.files.size(this.#pathOf(walName(number))));
    this.#bytesTotal = [...state.tables.map((table) => table.fileBytes), ...logBytes].reduce(
      (sum, bytes) => sum + bytes,
      0,
    );
    this.#problems.push(...versionProblems(versionOf(state.tables)));
    const cache = new BlockCache(CACHE_BYTES);
    for (const table of state.tables) {
      this.#attempt(() => this.#table(table, state, cache));
      this.#advance(table.fileBytes);
      await this.#host.timers.pause();
    }
    for (const number of all) if (number < state.logNumber) this.#keptLog(number, state);
    this.#attempt(() => {
      const take = (): void => undefined;
      const strict = { mode: "strict" } as const;
      readWals(this.#host, this.#path, logs, state.storeId, take, strict, logsPromised(run));
    });
    this.#advance(logBytes.reduce((sum, bytes) => sum + bytes, 0));
    return this.#result(state.tables.length, all.length);
  }

  #manifest(): FormerRun | undefined {
    let run: FormerRun | undefined;
    const isWhole = this.#attempt(() => {
      run = readFormerRun(this.#host, this.#path);
    });
    if (!isWhole) {
      this.#problems.push(
        `${this.#path}: tables and logs were not checked, for the manifest lists them`,
      );
    } else if (run === undefined) throw new StorageError("NoDatabase", { path: this.#path });
    return run;
  }

  /** A log whose commits are in tables: kept for feeds, or left by a crash, which may have torn it. */
  #keptLog(logNumber: number, { storeId }: ManifestState): void {
    this.#attempt(() => {
      const path = this.#pathOf(walName(logNumber));
      readWal(this.#host, path, { logNumber, storeId, newest: true }, () => undefined);
    });
  }

  #table(table: TableMeta, { storeId }: ManifestState, cache: BlockCache): void {
    const path = this.#pathOf(tableName(table.fileNumber));
    if (!this.#host.files.exists(path)) {
      this.#problems.push(`${path} at 0: the manifest lists it, but there is no such file`);
      return;
    }
    const reader = TableReader.open(this.#host, path, table, storeId, cache);
    try {
      this.#problems.push(...reader.verify());
    } finally {
      reader.close();
    }
  }

  /** Damage is a problem to be told; any other failure ends the check. */
  #attempt(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.#problems.push(damageText(error));
      return false;
    }
  }

  #advance(bytes: number): void {
    this.#bytesDone += bytes;
    this.#options.onProgress?.({ bytesDone: this.#bytesDone, bytesTotal: this.#bytesTotal });
  }

  #result(tables: number, logs: number): DatabaseVerification {
    return { problems: this.#problems, tables, logs, bytes: this.#bytesTotal };
  }

  #pathOf(name: string): string {
    return pathIn(this.#path, name);
  }
}

/** Damage as one sentence of verify(). */
export function damageText(error: CorruptionError): string {
  return `${error.file} at ${error.offset}: expected ${error.expected}, found ${error.found}`;
}
