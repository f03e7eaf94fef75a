/**
 * Number cells: values of 8 bytes that a merge changes without their being read. The one place of their arithmetic, for
 * engines that resolve merges and for transactions that read their own back.
 *
 *   addInt               signed 64-bit integer, big-endian, wraps around
 *   addFloat, min, max   float64, big-endian
 *
 * Example: addInt of 00 00 00 00 00 00 00 02 and FF FF FF FF FF FF FF FF (2 and -1) is 00 00 00 00 00 00 00 01.
 */
import { assert, copyBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { MergeHow } from "./storage-engine.ts";

export const NUMBER_CELL_BYTES = 8;

/** The cell after the merge, in new bytes; the operand itself where there was no cell. */
export function mergeCell(cell: Bytes | undefined, how: MergeHow, operand: Bytes): Bytes {
  assert(operand.length === NUMBER_CELL_BYTES, "the operand of a merge has 8 bytes");
  return cell === undefined ? copyBytes(operand) : combineCells(how, cell, operand);
}

/** Both sides as one: a cell and an operand give the new cell, two operands give the operand that does both. */
export function combineCells(how: MergeHow, left: Bytes, right: Bytes): Bytes {
  assert(left.length === NUMBER_CELL_BYTES, "merge changes number cells of 8 bytes only");
  assert(right.length === NUMBER_CELL_BYTES, "the operand of a merge has 8 bytes");
  const a = new DataView(left.buffer, left.byteOffset, NUMBER_CELL_BYTES);
  const b = new DataView(right.buffer, right.byteOffset, NUMBER_CELL_BYTES);
  const combined = new Uint8Array(NUMBER_CELL_BYTES);
  const result = new DataView(combined.buffer);
  switch (how) {
    case "addInt":
      // setBigInt64 keeps the low 64 bits: that is the wrapping.
      result.setBigInt64(0, a.getBigInt64(0) + b.getBigInt64(0));
      break;
    case "addFloat":
      result.setFloat64(0, a.getFloat64(0) + b.getFloat64(0));
      break;
    case "min":
      result.setFloat64(0, Math.min(a.getFloat64(0), b.getFloat64(0)));
      break;
    case "max":
      result.setFloat64(0, Math.max(a.getFloat64(0), b.getFloat64(0)));
      break;
  }
  return combined;
}
