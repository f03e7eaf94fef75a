/** The compaction of a range of keys that somebody asked for by hand: a function of the version alone. */
import { compareBytes } from "../../../base/index.ts";
import type { KeyRange } from "../../contract/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import type { CompactionJob } from "./pick-compaction.ts";
import { overlapping, spanOf, tablesOf } from "./version.ts";
import type { Version } from "./version.ts";

/**
 * Every table that touches the range, and every table that touches one of those, and so on: what is left out then shares
 * no key with what is merged, so newer data stays above older. Undefined if nothing touches it, or if it is one table
 * that has nothing above or beneath it and holds no deletes: rewriting that would change nothing.
 */
export function pickRange(version: Version, range: KeyRange): CompactionJob | undefined {
  const all = tablesOf(version);
  let inputs = all.filter((table) => touches(table, range));
  for (;;) {
    const grown = overlapping(all, spanOf(inputs));
    if (grown.length === inputs.length) break;
    inputs = [...grown];
  }
  const [first] = inputs;
  if (first === undefined) return undefined;
  const isDone =
    inputs.length === 1 && first.level > 0 && first.tombstones + first.rangeDeletes === 0;
  if (isDone) return undefined;
  const outputLevel = Math.max(1, ...inputs.map((table) => table.level));
  return { why: "a range was to be compacted", inputs, outputLevel, isMove: false };
}

function touches(table: TableMeta, range: KeyRange): boolean {
  return (
    (range.end === undefined || compareBytes(table.smallestKey, range.end) < 0) &&
    (table.largestKey === undefined || compareBytes(table.largestKey, range.start) >= 0)
  );
}
