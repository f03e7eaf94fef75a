/** What a commit plan must be before it is looked at any further: within the limits, and a set (law 8). */
import { assert, compareBytes, equalBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { StorageError } from "../../contract/index.ts";
import type { CommitPlan, Limits, WriteOp } from "../../contract/index.ts";
import { hashKey } from "./key-hash.ts";

/** Throws KeyTooLarge, ValueTooLarge or TransactionTooLarge; a plan that is no set is a mistake of the layer above. */
export function checkPlan(plan: CommitPlan, limits: Limits): void {
  let bytes = 0;
  const { ops } = plan;
  for (let i = 0; i < ops.length; i++) {
    const op = ops[i]!;
    if (op.op === "delRange") {
      bytes += op.range.start.length + (op.range.end?.length ?? 0);
      checkBound(op.range.start, limits);
      checkBound(op.range.end, limits);
      continue;
    }
    checkKey(op.key, limits);
    bytes += op.key.length;
    if (op.op === "put") {
      if (op.value.length > limits.valueBytes) {
        throw new StorageError("ValueTooLarge", {
          bytes: op.value.length,
          bytesMax: limits.valueBytes,
        });
      }
      bytes += op.value.length;
    } else if (op.op === "merge") bytes += op.operand.length;
  }
  for (const key of plan.readKeys) bytes += key.length;
  for (const range of plan.readRanges) bytes += range.start.length + (range.end?.length ?? 0);
  for (const required of plan.requires) {
    bytes += required.key.length + (required.is === "equal" ? required.value.length : 0);
  }
  if (bytes > limits.transactionBytes) {
    throw new StorageError("TransactionTooLarge", { bytes, bytesMax: limits.transactionBytes });
  }
  if (plan.ops.length > 1 && !keysRise(plan.ops)) checkSet(plan);
}

/** Does each key come after the one before? So it is with the plans of transactions, and then none occurs twice. */
function keysRise(ops: readonly WriteOp[]): boolean {
  let before: Bytes | undefined;
  for (let i = 0; i < ops.length; i++) {
    const op = ops[i]!;
    if (op.op === "delRange") continue;
    if (before !== undefined && compareBytes(before, op.key) >= 0) return false;
    before = op.key;
  }
  return true;
}

function checkKey(key: Bytes, limits: Limits): void {
  if (key.length > limits.keyBytes) {
    throw new StorageError("KeyTooLarge", { bytes: key.length, bytesMax: limits.keyBytes });
  }
}

/** A bound may be one byte longer than the longest key: the first key after that one. */
function checkBound(bound: Bytes | undefined, limits: Limits): void {
  if (bound !== undefined && bound.length > limits.keyBytes + 1) {
    throw new StorageError("KeyTooLarge", { bytes: bound.length, bytesMax: limits.keyBytes + 1 });
  }
}

/** Two keys of one hash are compared; without such a pair no key can occur twice. */
function checkSet(plan: CommitPlan): void {
  const firstOf = new Map<number, Bytes>();
  let more: Map<number, Bytes[]> | undefined;
  for (const op of plan.ops) {
    if (op.op === "delRange") continue;
    const hash = hashKey(op.key, 0, op.key.length);
    const first = firstOf.get(hash);
    if (first === undefined) {
      firstOf.set(hash, op.key);
      continue;
    }
    more ??= new Map();
    const others = more.get(hash) ?? [first];
    assert(
      !others.some((other) => equalBytes(other, op.key)),
      "no key occurs twice among the put, del and merge of a plan",
    );
    more.set(hash, [...others, op.key]);
  }
}
