/** The plain way to leave hidden entries behind: one by one. For cursors that cannot tell more cheaply. */
import { compareByteRanges } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import type { Cursor } from "./cursor.ts";

export function stepOverHidden(cursor: Cursor, end: Bytes | undefined, sequence: number): void {
  do {
    cursor.next();
  } while (
    cursor.valid &&
    cursor.sequence < sequence &&
    (end === undefined || compareKey(cursor, end) < 0)
  );
}

export function stepOverHiddenBack(cursor: Cursor, start: Bytes, sequence: number): void {
  do {
    cursor.prev();
  } while (cursor.valid && cursor.sequence < sequence && compareKey(cursor, start) >= 0);
}

function compareKey(cursor: Cursor, key: Bytes): number {
  return compareByteRanges(cursor.keyBuffer, cursor.keyStart, cursor.keyEnd, key, 0, key.length);
}
