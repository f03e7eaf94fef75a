/**
 * Where an output of a merge ends early, so that it does not overlap too much of the level beneath it: a table that spans
 * much of the next level would make the merge that sends it down a large one.
 */
import { compareByteRanges } from "../../../../base/index.ts";
import type { Bytes } from "../../../../base/index.ts";
import type { TableMeta } from "../../manifest/index.ts";

/** In tables of the target size, as in LevelDB and RocksDB. */
const GRANDPARENT_TABLES_MAX = 10;

export function grandparentBytesMax(tableBytesTarget: number): number {
  return GRANDPARENT_TABLES_MAX * tableBytesTarget;
}

export class GrandparentCut {
  readonly #grandparents: readonly TableMeta[];
  readonly #bytesMax: number;
  /** The first one that does not end before the key asked last. */
  #at = 0;
  /** Of those that the present output has passed. */
  #bytes = 0;
  #hasOutput = false;

  /** `grandparents` in key order. */
  constructor(grandparents: readonly TableMeta[], tableBytesTarget: number) {
    this.#grandparents = grandparents;
    this.#bytesMax = grandparentBytesMax(tableBytesTarget);
  }

  /** HOT: bench/micro/lsm-engine.ts. Whether the output ends before this key. Ask once for each key, ascending. */
  endsBefore(key: Bytes, start: number, end: number): boolean {
    const tables = this.#grandparents;
    while (this.#at < tables.length) {
      const { fileBytes, largestKey } = tables[this.#at]!;
      if (
        largestKey === undefined ||
        compareByteRanges(largestKey, 0, largestKey.length, key, start, end) >= 0
      ) {
        break;
      }
      // What lies before the first key of an output does not count against it.
      if (this.#hasOutput) this.#bytes += fileBytes;
      this.#at++;
    }
    this.#hasOutput = true;
    return this.#bytes > this.#bytesMax;
  }

  /** A new output begins with the key asked last. */
  restart(): void {
    this.#bytes = 0;
  }
}
