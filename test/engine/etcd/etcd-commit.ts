/**
 * A commit plan as one transaction of etcd, and what its answer says. Pure.
 *
 *   if    every requirement holds
 *   then    if    nothing that was read has changed, and no number cell that is to be merged
 *           then  the writes
 *           else  look whether something that was read has changed, and at the cells
 *   else  look at the required keys
 *
 * Always true:
 * (1) Requirements come first: of a commit that was sent twice the second one fails on the first one's token.
 * (2) Of a range that was read each row is compared, for its absence now would show in nothing else; and the range as a
 *     whole, in which nothing may be newer than the state that was read.
 * (3) A merge is a put of what it leads to from a cell that has not changed. If one has, and nothing else, nothing was done
 *     and the commit can be tried again from the cells as they are now.
 */
import { assert, compareBytes, copyBytes, equalBytes, nextKey } from "../../../src/base/index.ts";
import type { Bytes } from "../../../src/base/index.ts";
import {
  CONFLICT,
  RequirementFailed,
  isEmptyRange,
  mergeCell,
  rangeContains,
} from "../../../src/engine/contract/index.ts";
import type {
  CommitPlan,
  KeyRange,
  Requirement,
  WriteOp,
} from "../../../src/engine/contract/index.ts";
import { rangesNote } from "./etcd-changes.ts";
import { ABSENT } from "./etcd-view.ts";
import type { Reads } from "./etcd-view.ts";
import type { Compare, KeyValue, Operation, RangeAnswer, Txn, TxnAnswer } from "./gateway.ts";
import { bytesOfText, textOfBytes } from "./keyspace.ts";
import type { Keyspace } from "./keyspace.ts";

/** What is compared of ranges that were read; only for tests is one of them left out. */
export interface RangeChecks {
  readonly rows: boolean;
  readonly gaps: boolean;
}

/** Number cells by their keys, as they were seen. */
export type Cells = ReadonlyMap<string, KeyValue | undefined>;

export type Outcome =
  | { readonly revision: string }
  | { readonly failure: Error }
  | { readonly cells: Cells };

/** That nothing of what the plan says was read has changed. */
export function readCompares(
  keyspace: Keyspace,
  { readKeys, readRanges }: CommitPlan,
  reads: Reads | undefined,
  checks: RangeChecks,
): Compare[] {
  if (reads === undefined) return [];
  const compares = readKeys.map((key) => {
    const text = keyspace.textOf(key);
    const modRevision = reads.seen.get(text);
    assert(modRevision !== undefined, "a key of the read set was read in its transaction");
    return unchanged(text, modRevision);
  });
  if (readRanges.length === 0) return compares;
  const afterwards = String(BigInt(reads.revision) + 1n);
  const rows = [...reads.seen]
    .filter(([, modRevision]) => modRevision !== ABSENT)
    .map(([text, modRevision]) => ({ key: keyspace.keyOf(text), text, modRevision }));
  for (const range of readRanges) {
    if (isEmptyRange(range)) continue;
    const whole = keyspace.rangeOf(range);
    if (checks.gaps)
      compares.push({ ...whole, target: "MOD", result: "LESS", mod_revision: afterwards });
    if (!checks.rows) continue;
    for (const { key, modRevision, text } of rows)
      if (rangeContains(range, key)) compares.push(unchanged(text, modRevision));
  }
  return compares;
}

/** The cells that the plan merges into, and does not delete before: those it has to know. */
export function mergedCells(keyspace: Keyspace, ops: readonly WriteOp[]): readonly string[] {
  const deleted = deletedRanges(ops);
  return ops.flatMap((op) =>
    op.op === "merge" && !deleted.some((range) => rangeContains(range, op.key))
      ? [keyspace.textOf(op.key)]
      : [],
  );
}

export function cellsOf(keys: readonly string[], found: readonly RangeAnswer[]): Cells {
  return new Map(keys.map((key, at) => [key, found[at]?.kvs?.[0]]));
}

export function commitTxn(
  keyspace: Keyspace,
  { ops, requires }: CommitPlan,
  reads: readonly Compare[],
  cells: Cells,
): Txn {
  const cellsUnchanged = [...cells].map(([key, cell]) =>
    unchanged(key, cell?.mod_revision ?? ABSENT),
  );
  const lookAtCells = [...cells.keys()].map((key) => ({ request_range: { key } }));
  const writing: Txn = {
    compare: [...reads, ...cellsUnchanged],
    success: writesOf(keyspace, ops, cells),
    failure: cells.size === 0 ? [] : [{ request_txn: { compare: reads } }, ...lookAtCells],
  };
  return {
    compare: requires.map((requirement) => compareOf(keyspace, requirement)),
    success: [{ request_txn: writing }],
    failure: requires.map(({ key }) => ({ request_range: { key: keyspace.textOf(key) } })),
  };
}

export function outcomeOf(plan: CommitPlan, cells: Cells, answer: TxnAnswer): Outcome {
  const rowsOf = (branch: TxnAnswer["responses"] = []): readonly RangeAnswer[] =>
    branch.map(({ response_range }) => response_range!);
  if (answer.succeeded !== true) {
    const found = rowsOf(answer.responses);
    const failed = plan.requires.find((one, at) => !holds(one, found[at]!.kvs?.[0]));
    assert(failed !== undefined, "a requirement does not hold in the state that was looked at");
    const failure = wasRead(plan, failed.key)
      ? CONFLICT
      : new RequirementFailed(copyBytes(failed.key));
    return { failure };
  }
  const { responses = [], succeeded } = answer.responses![0]!.response_txn!;
  if (succeeded === true) return { revision: answer.header.revision };
  const [readsHold, ...found] = responses;
  if (readsHold?.response_txn?.succeeded !== true) return { failure: CONFLICT };
  return { cells: cellsOf([...cells.keys()], rowsOf(found)) };
}

function unchanged(key: string, modRevision: string): Compare {
  return { key, target: "MOD", result: "EQUAL", mod_revision: modRevision };
}

function compareOf(keyspace: Keyspace, requirement: Requirement): Compare {
  const key = keyspace.textOf(requirement.key);
  return requirement.is === "absent"
    ? { key, target: "CREATE", result: "EQUAL", create_revision: ABSENT }
    : { key, target: "VALUE", result: "EQUAL", value: textOfBytes(requirement.value) };
}

function holds(requirement: Requirement, row: KeyValue | undefined): boolean {
  if (requirement.is === "absent") return row === undefined;
  return row !== undefined && equalBytes(bytesOfText(row.value), requirement.value);
}

/** Law 7: a failed requirement on something that the transaction has read is a conflict. */
function wasRead({ readKeys, readRanges }: CommitPlan, key: Bytes): boolean {
  return (
    readKeys.some((read) => equalBytes(read, key)) ||
    readRanges.some((range) => rangeContains(range, key))
  );
}

function deletedRanges(ops: readonly WriteOp[]): readonly KeyRange[] {
  return ops.flatMap((op) => (op.op === "delRange" && !isEmptyRange(op.range) ? [op.range] : []));
}

function writesOf(keyspace: Keyspace, ops: readonly WriteOp[], cells: Cells): Operation[] {
  const written = ops.flatMap((op) => (op.op === "put" || op.op === "merge" ? [op.key] : []));
  const deleted = deletedRanges(ops);
  const deletes = withoutKeys(deleted, written.toSorted(compareBytes));
  const writes: Operation[] = deletes.map((range) => ({
    request_delete_range: keyspace.rangeOf(range),
  }));
  if (deleted.length > 0) writes.push(rangesNote(keyspace, deleted));
  for (const op of ops) {
    if (op.op === "delRange") continue;
    const key = keyspace.textOf(op.key);
    if (op.op === "del") writes.push({ request_delete_range: { key } });
    if (op.op === "put") writes.push({ request_put: { key, value: textOfBytes(op.value) } });
    if (op.op === "merge") {
      const cell = cells.get(key);
      const value = mergeCell(cell && bytesOfText(cell.value), op.how, op.operand);
      writes.push({ request_put: { key, value: textOfBytes(value) } });
    }
  }
  return writes;
}

/** What is left of the ranges, cut at each key: etcd refuses to put a key that the same transaction deletes. */
function withoutKeys(ranges: readonly KeyRange[], sortedKeys: readonly Bytes[]): KeyRange[] {
  const left: KeyRange[] = [];
  for (const range of ranges) {
    let { start } = range;
    for (const key of sortedKeys) {
      if (!rangeContains({ start, end: range.end }, key)) continue;
      left.push({ start, end: key });
      start = nextKey(key);
    }
    left.push({ start, end: range.end });
  }
  return left.filter((range) => !isEmptyRange(range));
}
