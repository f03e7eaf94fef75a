/** The ops of a plan as the entries that go to the log and the memtable: merges become puts, empty ranges vanish. */
import { EMPTY_BYTES } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { isEmptyRange, mergeCell, rangeContains } from "../../contract/index.ts";
import type { KeyRange, WriteOp } from "../../contract/index.ts";
import { KIND_DELETE, KIND_DELETE_RANGE, KIND_DELETE_TO_END, KIND_PUT } from "../codec/index.ts";
import type { Entry } from "../codec/index.ts";

/** `newest` reads the newest state. Ranges are deleted first (law 8), so a merge into one of them finds no cell. */
export function resolveOps(
  ops: readonly WriteOp[],
  newest: (key: Bytes) => Bytes | undefined,
): readonly Entry[] {
  const ranges: KeyRange[] = [];
  for (let i = 0; i < ops.length; i++) {
    const op = ops[i]!;
    if (op.op === "delRange") ranges.push(op.range);
  }
  const entries: Entry[] = [];
  for (let i = 0; i < ops.length; i++) {
    const op = ops[i]!;
    switch (op.op) {
      case "put":
        entries.push({ kind: KIND_PUT, key: op.key, value: op.value });
        break;
      case "del":
        entries.push({ kind: KIND_DELETE, key: op.key, value: EMPTY_BYTES });
        break;
      case "merge": {
        const isGone = ranges.some((range) => rangeContains(range, op.key));
        const cell = isGone ? undefined : newest(op.key);
        entries.push({ kind: KIND_PUT, key: op.key, value: mergeCell(cell, op.how, op.operand) });
        break;
      }
      case "delRange":
        if (!isEmptyRange(op.range)) entries.push(rangeEntry(op.range));
        break;
    }
  }
  return entries;
}

function rangeEntry(range: KeyRange): Entry {
  return range.end === undefined
    ? { kind: KIND_DELETE_TO_END, key: range.start, value: EMPTY_BYTES }
    : { kind: KIND_DELETE_RANGE, key: range.start, value: range.end };
}
