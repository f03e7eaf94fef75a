/** Answers whether something older of a key may lie in the levels beneath an output: only then must a delete stay. */
import { compareByteRanges } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import type { RangeDelete } from "../cursor/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import { overlaps } from "./version.ts";
import type { Version } from "./version.ts";

export class OlderBeneath {
  readonly #tables: readonly TableMeta[];
  /** In order of their first keys; those before `#at` end before the key asked last. */
  readonly #levels: { readonly tables: readonly TableMeta[]; at: number }[];

  /** All tables of `version` from `level` on, except those that are inputs. */
  constructor(version: Version, level: number, inputs: readonly TableMeta[]) {
    const numbers = new Set(inputs.map((table) => table.fileNumber));
    const others = version.levels
      .map((tables, at) => (at < level ? [] : tables.filter((one) => !numbers.has(one.fileNumber))))
      .filter((tables) => tables.length > 0);
    this.#tables = others.flat();
    // The tables of level 0 overlap each other, so each of them is looked at by itself.
    const lists = others.flatMap((tables) =>
      tables[0]!.level === 0 ? tables.map((table) => [table]) : [tables],
    );
    this.#levels = lists.map((tables) => ({ tables, at: 0 }));
  }

  /** Whether a table touches the key. Ask with ascending keys only. */
  holds(key: Bytes, start: number, end: number): boolean {
    for (const level of this.#levels) {
      while (
        level.at < level.tables.length &&
        endsBefore(level.tables[level.at]!, key, start, end)
      ) {
        level.at++;
      }
      const table = level.tables[level.at];
      if (table === undefined) continue;
      const { smallestKey } = table;
      if (compareByteRanges(smallestKey, 0, smallestKey.length, key, start, end) <= 0) return true;
    }
    return false;
  }

  /** Whether a table touches the range; any range, in any order. Its end counts as touched: a little too often is safe. */
  overlapsRange(range: RangeDelete): boolean {
    const span = { smallest: range.start, largest: range.end };
    return this.#tables.some((table) => overlaps(table, span));
  }
}

function endsBefore(table: TableMeta, key: Bytes, start: number, end: number): boolean {
  const { largestKey } = table;
  if (largestKey === undefined) return false;
  return compareByteRanges(largestKey, 0, largestKey.length, key, start, end) < 0;
}
