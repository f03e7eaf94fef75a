/** What background work moved through the levels: counted when it is done, read by reports. */

/** Any table, as far as it is counted. */
interface CountedTable {
  readonly level: number;
  readonly fileBytes: number;
}

export interface LevelTraffic {
  /** Bytes that compactions read out of the level. */
  readonly bytesRead: number;
  /** Bytes of tables that flushes and compactions wrote into it. */
  readonly bytesWritten: number;
  readonly tablesWritten: number;
  /** Tables that came from the level above without being rewritten. */
  readonly tablesMoved: number;
}

interface Counts {
  bytesRead: number;
  bytesWritten: number;
  tablesWritten: number;
  tablesMoved: number;
}

export class Traffic {
  readonly #levels: Counts[] = [];

  /** Of all levels so far; a level that nothing passed through may be missing. */
  get levels(): readonly LevelTraffic[] {
    return this.#levels;
  }

  read(tables: readonly CountedTable[]): void {
    for (const table of tables) this.#of(table.level).bytesRead += table.fileBytes;
  }

  wrote(tables: readonly CountedTable[]): void {
    for (const table of tables) {
      const counts = this.#of(table.level);
      counts.bytesWritten += table.fileBytes;
      counts.tablesWritten++;
    }
  }

  moved(level: number, tables: number): void {
    this.#of(level).tablesMoved += tables;
  }

  #of(level: number): Counts {
    while (this.#levels.length <= level) {
      this.#levels.push({ bytesRead: 0, bytesWritten: 0, tablesWritten: 0, tablesMoved: 0 });
    }
    return this.#levels[level]!;
  }
}
