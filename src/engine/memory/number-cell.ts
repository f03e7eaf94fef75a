/**
 * Number cells: values of 8 bytes that `merge` changes without reading them.
 *
 *   addInt               signed 64-bit integer, big-endian, wraps around
 *   addFloat, min, max   float64, big-endian
 *
 * Example: addInt of 00 00 00 00 00 00 00 02 and FF FF FF FF FF FF FF FF (2 and -1) is 00 00 00 00 00 00 00 01.
 */
import { assert, copyBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { MergeHow } from "../contract/index.ts";

export const NUMBER_CELL_BYTES = 8;

/** The cell after the merge; the operand itself where there was no cell. */
export function mergeCell(cell: Bytes | undefined, how: MergeHow, operand: Bytes): Bytes {
  if (cell === undefined) return copyBytes(operand);
  assert(cell.length === NUMBER_CELL_BYTES, "merge changes number cells of 8 bytes only");
  const left = viewOf(cell);
  const right = viewOf(operand);
  const merged = new Uint8Array(NUMBER_CELL_BYTES);
  const result = viewOf(merged);
  switch (how) {
    case "addInt":
      result.setBigInt64(0, BigInt.asIntN(64, left.getBigInt64(0) + right.getBigInt64(0)));
      break;
    case "addFloat":
      result.setFloat64(0, left.getFloat64(0) + right.getFloat64(0));
      break;
    case "min":
      result.setFloat64(0, Math.min(left.getFloat64(0), right.getFloat64(0)));
      break;
    case "max":
      result.setFloat64(0, Math.max(left.getFloat64(0), right.getFloat64(0)));
      break;
  }
  return merged;
}

function viewOf(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
