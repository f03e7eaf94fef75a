/** Refuses plans that are too large, before anything of them happens. Shared by engines. */
import type { Bytes } from "../../base/index.ts";
import { StorageError } from "./engine-error.ts";
import type { KeyRange } from "./key-range.ts";
import type { CommitPlan, Limits } from "./storage-engine.ts";

/** @throws StorageError 'KeyTooLarge', 'ValueTooLarge', 'TransactionTooLarge'. */
export function checkLimits(plan: CommitPlan, limits: Limits): void {
  let bytes = 0;
  for (const op of plan.ops) {
    if (op.op === "delRange") {
      bytes += rangeBytes(op.range);
      continue;
    }
    bytes += keyBytes(op.key, limits);
    if (op.op === "put") bytes += valueBytes(op.value, limits);
    if (op.op === "merge") bytes += op.operand.length;
  }
  for (const key of plan.readKeys) bytes += key.length;
  for (const range of plan.readRanges) bytes += rangeBytes(range);
  for (const requirement of plan.requires) {
    bytes += requirement.key.length;
    if (requirement.is === "equal") bytes += requirement.value.length;
  }
  if (bytes > limits.transactionBytes) {
    throw new StorageError("TransactionTooLarge", { bytes, limit: limits.transactionBytes });
  }
}

/** Of a row that is loaded. @throws StorageError 'KeyTooLarge', 'ValueTooLarge'. */
export function checkRowLimits(key: Bytes, value: Bytes, limits: Limits): void {
  keyBytes(key, limits);
  valueBytes(value, limits);
}

function keyBytes(key: Bytes, limits: Limits): number {
  if (key.length > limits.keyBytes) {
    throw new StorageError("KeyTooLarge", { bytes: key.length, limit: limits.keyBytes });
  }
  return key.length;
}

function valueBytes(value: Bytes, limits: Limits): number {
  if (value.length > limits.valueBytes) {
    throw new StorageError("ValueTooLarge", { bytes: value.length, limit: limits.valueBytes });
  }
  return value.length;
}

function rangeBytes(range: KeyRange): number {
  return range.start.length + (range.end?.length ?? 0);
}
