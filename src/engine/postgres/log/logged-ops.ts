/**
 * The ops of one commit as the bytes of its row in the log.
 *
 *   offset  size  what
 *   0       1     version of this format: 01
 *   1       …     the ops, one after the other:
 *           1       kind: 1 put, 2 del, 3 delRange, 4 delRange without an end, 5 merge
 *           4       length of what is next, big-endian; then the key, or the start of the range
 *           4       the same of the value, the end of the range, or the operand; not of 2 and 4
 *           1       of 5 alone, how: 1 addInt, 2 addFloat, 3 min, 4 max
 *
 * Example: put 61 = nothing, then del 62, is 01 01 00000001 61 00000000 02 00000001 62.
 */
import { EMPTY_BYTES } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { CorruptionError } from "../../contract/index.ts";
import type { MergeHow, WriteOp } from "../../contract/index.ts";

const FORMAT = 0x01;
const PUT = 1;
const DEL = 2;
const DEL_RANGE = 3;
const DEL_RANGE_OPEN = 4;
const MERGE = 5;
const HOWS: readonly MergeHow[] = ["addInt", "addFloat", "min", "max"];

export function encodeOps(ops: readonly WriteOp[]): Bytes {
  let length = 1;
  for (const op of ops) for (const part of partsOf(op)) length += 4 + part.length;
  for (const op of ops) length += op.op === "merge" ? 2 : 1;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  bytes[0] = FORMAT;
  let at = 1;
  for (const op of ops) {
    bytes[at++] = kindOf(op);
    for (const part of partsOf(op)) {
      view.setUint32(at, part.length);
      bytes.set(part, at + 4);
      at += 4 + part.length;
    }
    if (op.op === "merge") bytes[at++] = 1 + HOWS.indexOf(op.how);
  }
  return bytes;
}

/** `commit` names the row in errors. @throws CorruptionError where the bytes are none of encodeOps(). */
export function decodeOps(bytes: Bytes, commit: bigint): readonly WriteOp[] {
  const reader = new OpReader(bytes, commit);
  const ops: WriteOp[] = [];
  while (!reader.isDone) ops.push(reader.next());
  return ops;
}

function kindOf(op: WriteOp): number {
  if (op.op === "put") return PUT;
  if (op.op === "del") return DEL;
  if (op.op === "merge") return MERGE;
  return op.range.end === undefined ? DEL_RANGE_OPEN : DEL_RANGE;
}

function partsOf(op: WriteOp): readonly Bytes[] {
  switch (op.op) {
    case "put":
      return [op.key, op.value];
    case "del":
      return [op.key];
    case "merge":
      return [op.key, op.operand];
    case "delRange":
      return op.range.end === undefined ? [op.range.start] : [op.range.start, op.range.end];
  }
}

class OpReader {
  readonly #bytes: Bytes;
  readonly #view: DataView;
  readonly #commit: bigint;
  #at = 1;

  constructor(bytes: Bytes, commit: bigint) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#commit = commit;
    if (bytes[0] !== FORMAT) throw this.#damaged(0, "01");
  }

  get isDone(): boolean {
    return this.#at === this.#bytes.length;
  }

  next(): WriteOp {
    const start = this.#at;
    const kind = this.#byte();
    switch (kind) {
      case PUT:
        return { op: "put", key: this.#part(), value: this.#part() };
      case DEL:
        return { op: "del", key: this.#part() };
      case DEL_RANGE:
        return { op: "delRange", range: { start: this.#part(), end: this.#part() } };
      case DEL_RANGE_OPEN:
        return { op: "delRange", range: { start: this.#part(), end: undefined } };
      case MERGE: {
        const [key, operand] = [this.#part(), this.#part()];
        const how = HOWS[this.#byte() - 1];
        if (how !== undefined) return { op: "merge", key, how, operand };
      }
    }
    throw this.#damaged(start, "an op");
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw this.#damaged(this.#at, "a byte");
    this.#at++;
    return byte;
  }

  #part(): Bytes {
    const start = this.#at + 4;
    const end = start <= this.#bytes.length ? start + this.#view.getUint32(this.#at) : Infinity;
    if (end > this.#bytes.length) throw this.#damaged(this.#at, "a length and so many bytes");
    this.#at = end;
    return end === start ? EMPTY_BYTES : this.#bytes.slice(start, end);
  }

  #damaged(offset: number, expected: string): CorruptionError {
    const file = `commit ${this.#commit} of the change log`;
    return new CorruptionError({ file, offset, expected, found: "something else" });
  }
}
