/**
 * What a commit plan asks of the server, and what its transaction presumed, as calls of one group. Pure: a plan in, calls
 * out.
 *
 * In the order in which they run: requirements that need looking (the plan's own writes would hide what they ask for),
 * deletes of ranges, deletes, then what is written. So law 8 holds, and requirements are asked of the state before.
 */
import type { Bytes } from "../../base/index.ts";
import type { CommitPlan, WriteOp } from "../contract/index.ts";
import type { Call } from "./connection/index.ts";
import { bytesList, codeOf, numberList } from "./table/index.ts";
import type { TableStatements } from "./table/index.ts";

/** Longer than any key, and above all: the end of a range that has none. */
export const KEY_BYTES_MAX = 2_048;
const ABOVE_ALL: Bytes = new Uint8Array(KEY_BYTES_MAX + 1).fill(0xff);

export type Changes = Pick<CommitPlan, "ops" | "requires">;

/** The end of a range as the server is asked for it. */
export function endOf(end: Bytes | undefined): Bytes {
  return end ?? ABOVE_ALL;
}

/** One character a byte, for sets and maps. */
export function textOfKey(key: Bytes): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}

/** What a key is taken to hold. */
export interface Presumption {
  readonly key: Bytes;
  readonly value: Bytes;
}

export function presumeCalls(
  { presume }: TableStatements,
  presumed: readonly Presumption[],
): readonly Call[] {
  return presumed.map(({ key, value }) => ({ statement: presume, values: [key, value] }));
}

/** Reads behind which it is known that what is presumed is so; as few statements as will do. */
export function presumingCalls(
  statements: TableStatements,
  presumed: readonly Presumption[],
  reads: readonly Call[],
): readonly Call[] {
  const [first, ...others] = presumed;
  const [read, ...more] = reads;
  const presuming = read === undefined ? undefined : statements.presuming.get(read.statement);
  if (first === undefined || read === undefined || presuming === undefined)
    return [...presumeCalls(statements, presumed), ...reads];
  const both = { statement: presuming, values: [...read.values, first.key, first.value] };
  return [...presumeCalls(statements, others), both, ...more];
}

/** For a batch, which is a transaction by itself, and has its isolation from the settings of its connection. */
export function loneCalls(
  statements: TableStatements,
  presumed: readonly Presumption[],
): readonly Call[] {
  const [first, ...others] = presumed;
  if (first === undefined) return [{ statement: statements.assertIsolation, values: [] }];
  const { key, value } = first;
  const both = { statement: statements.assertAndPresume, values: [key, value] };
  return [both, ...presumeCalls(statements, others)];
}

type OpsOf<K extends WriteOp["op"]> = readonly Extract<WriteOp, { readonly op: K }>[];

/** `isAlone`: nobody else writes meanwhile, so the plan makes its number cells by itself, and waits for no turn at them. */
export function commitCalls(
  statements: TableStatements,
  plan: Changes,
  isAlone = false,
): readonly Call[] {
  const ranges = opsOf(plan, "delRange");
  // A note is for readers of the log alone.
  const puts = opsOf(plan, "put").filter(({ isNote }) => isNote !== true);
  const { fresh, probed } = absentKeys(plan, puts, ranges.length > 0);
  const calls: Call[] = [];
  const call = (statement: Call["statement"], ...values: Call["values"]): void => {
    calls.push({ statement, values });
  };
  const merges = opsOf(plan, "merge");
  if (isAlone && merges.length > 0) call(statements.makeCells, keysOf(merges));
  if (probed.length > 0) {
    call(statements.probeAbsent, bytesList(probed));
    call(statements.removeProbes, bytesList(probed));
  }
  const equal = plan.requires.flatMap((one) => (one.is === "equal" ? [one] : []));
  if (equal.length > 0) call(statements.checkEqual, keysOf(equal), valuesOf(equal));
  for (const { range } of ranges) {
    call(statements.removeRange, range.start, endOf(range.end));
    call(statements.emptyCells, range.start, endOf(range.end));
  }
  const removed = opsOf(plan, "del");
  if (removed.length > 0) call(statements.remove, keysOf(removed));
  const inserted = puts.filter(({ key }) => fresh.has(textOfKey(key)));
  if (inserted.length > 0) call(statements.insert, keysOf(inserted), valuesOf(inserted));
  const written = fresh.size === 0 ? puts : puts.filter(({ key }) => !fresh.has(textOfKey(key)));
  if (written.length > 0) call(statements.put, keysOf(written), valuesOf(written));
  addMerges(merges, statements, call, isAlone);
  return calls;
}

/**
 * Which keys are required to be absent: `fresh` ones are put by the plan itself, so that a plain insert decides; the
 * others have to be tried. Behind a delete of a range an insert would find what the plan itself has deleted.
 */
function absentKeys(
  plan: Changes,
  puts: OpsOf<"put">,
  deletesRanges: boolean,
): { readonly fresh: ReadonlySet<string>; readonly probed: readonly Bytes[] } {
  const absent = new Map<string, Bytes>();
  for (const { is, key } of plan.requires) if (is === "absent") absent.set(textOfKey(key), key);
  const fresh = new Set<string>();
  if (absent.size === 0) return { fresh, probed: [] };
  if (!deletesRanges) {
    for (const { key } of puts) {
      const text = textOfKey(key);
      if (absent.delete(text)) fresh.add(text);
    }
  }
  return { fresh, probed: [...absent.values()] };
}

function addMerges(
  merges: OpsOf<"merge">,
  statements: TableStatements,
  call: (statement: Call["statement"], ...values: Call["values"]) => void,
  isAlone: boolean,
): void {
  if (merges.length === 0) return;
  // A sum of floats depends on the order: who adds next waits until the one before is committed or not. Who holds the table
  // must not: the one before may wait for that.
  const ordered = isAlone ? [] : merges.filter(({ how }) => how === "addFloat");
  if (ordered.length > 0) {
    const locks = new Set(ordered.map(({ key }) => lockOf(key)));
    call(statements.lockCells, numberList([...locks].toSorted((a, b) => (a < b ? -1 : 1))));
  }
  call(
    statements.merge,
    keysOf(merges),
    numberList(merges.map(({ how }) => codeOf(how))),
    bytesList(merges.map(({ operand }) => operand)),
  );
}

const LOCK_BITS = 63;

/** FNV-1a of 64 bits, as a positive number. Two cells of one lock wait for each other, which does no harm. */
function lockOf(key: Bytes): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of key) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return BigInt.asUintN(LOCK_BITS, hash);
}

function opsOf<K extends WriteOp["op"]>(plan: Changes, kind: K): OpsOf<K> {
  return plan.ops.filter((op): op is Extract<WriteOp, { readonly op: K }> => op.op === kind);
}

function keysOf(rows: readonly { readonly key: Bytes }[]): Bytes {
  return bytesList(rows.map(({ key }) => key));
}

function valuesOf(rows: readonly { readonly value: Bytes }[]): Bytes {
  return bytesList(rows.map(({ value }) => value));
}
