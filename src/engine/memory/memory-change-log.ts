/**
 * The commits of the past in order, as long as their bytes fit: what changes() of the memory engine gives.
 *
 * Always true:
 * (1) The sets kept follow one another without a gap, up to the newest commit.
 * (2) A set says what its commit led to: merges are puts of their results, and no two ops name one key.
 * (3) Bytes kept are the log's own; a reader gets copies.
 */
import { Closed, assert, copyBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { changesTooOld, copyOfRange } from "../contract/index.ts";
import type { ChangeSet, Version, WriteOp } from "../contract/index.ts";

export interface MemoryChangeLogOptions {
  /** Bytes of keys and values that are kept; the oldest commits beyond them go, but not the newest. Default 64 MiB. */
  readonly bytesMax?: number;
}

interface KeptCommit {
  /** The state that the commit made. */
  readonly at: number;
  readonly ops: readonly WriteOp[];
  readonly bytes: number;
}

const BYTES_MAX_DEFAULT = 64 << 20;
/** A reader is handed at most so many commits at once. */
const BATCH_COMMITS = 1_000;

export class MemoryChangeLog {
  readonly #bytesMax: number;
  /** Ascending and without gaps. Commits before `#start` are done with. */
  #kept: KeptCommit[] = [];
  #start = 0;
  #bytes = 0;
  #newest = 0;
  #closed = false;
  readonly #waiting = new Set<() => void>();

  constructor({ bytesMax = BYTES_MAX_DEFAULT }: MemoryChangeLogOptions) {
    if (!(bytesMax >= 1)) throw new RangeError("changeLog.bytesMax must be at least 1");
    this.#bytesMax = bytesMax;
  }

  /** Commit number `at` has happened; `valueOf` tells what a key holds since. */
  committed(at: number, ops: readonly WriteOp[], valueOf: (key: Bytes) => Bytes | undefined): void {
    assert(at === this.#newest + 1, "commits come one after the other");
    const kept = ops.map((op) => keptOp(op, valueOf));
    let bytes = 0;
    for (const op of kept) bytes += bytesOf(op);
    this.#kept.push({ at, ops: kept, bytes });
    this.#newest = at;
    this.#bytes += bytes;
    this.#trim();
    this.#wake();
  }

  /** Readers are told Closed. */
  close(): void {
    this.#closed = true;
    this.#kept = [];
    this.#wake();
  }

  /** The commits after a version, or after the newest one, for ever. */
  read(
    after: Version | undefined,
    signal: AbortSignal | undefined,
  ): AsyncIterable<readonly ChangeSet[]> {
    const start = after === undefined ? this.#newest : Number(after);
    const isKnown = Number.isSafeInteger(start) && start >= 0 && start <= this.#newest;
    if (!isKnown) throw changesTooOld({ version: after });
    return this.#follow(start, signal);
  }

  async *#follow(
    after: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly ChangeSet[]> {
    let given = after;
    for (;;) {
      if (this.#closed) throw new Closed("engine");
      signal?.throwIfAborted();
      const batch = this.#batchAfter(given);
      if (batch.length === 0) {
        await this.#nextCommit(signal);
        continue;
      }
      given += batch.length;
      yield batch;
    }
  }

  #batchAfter(given: number): readonly ChangeSet[] {
    if (given === this.#newest) return [];
    const oldest = this.#newest - (this.#kept.length - this.#start) + 1;
    if (given + 1 < oldest) throw changesTooOld({ version: String(given) });
    const start = this.#start + given + 1 - oldest;
    return this.#kept
      .slice(start, start + BATCH_COMMITS)
      .map(({ at, ops }) => ({ version: String(at) as Version, ops: ops.map(copyOfOp) }));
  }

  #nextCommit(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        signal?.removeEventListener("abort", go);
        this.#waiting.delete(go);
        resolve();
      };
      signal?.addEventListener("abort", go, { once: true });
      this.#waiting.add(go);
    });
  }

  #wake(): void {
    for (const go of this.#waiting) go();
  }

  #trim(): void {
    // The newest stays, however large: who follows is there to take it.
    while (this.#bytes > this.#bytesMax && this.#start < this.#kept.length - 1) {
      this.#bytes -= this.#kept[this.#start]!.bytes;
      this.#start++;
    }
    // Cut off now and then, not for each commit.
    if (this.#start * 2 <= this.#kept.length) return;
    this.#kept = this.#kept.slice(this.#start);
    this.#start = 0;
  }
}

function keptOp(op: WriteOp, valueOf: (key: Bytes) => Bytes | undefined): WriteOp {
  if (op.op !== "merge") return copyOfOp(op);
  const value = valueOf(op.key);
  assert(value !== undefined, "a merge leads to a value");
  return { op: "put", key: copyBytes(op.key), value: copyBytes(value) };
}

function copyOfOp(op: WriteOp): WriteOp {
  switch (op.op) {
    case "put":
      return { op: "put", key: copyBytes(op.key), value: copyBytes(op.value) };
    case "del":
      return { op: "del", key: copyBytes(op.key) };
    case "delRange":
      return { op: "delRange", range: copyOfRange(op.range) };
    case "merge":
      return { ...op, key: copyBytes(op.key), operand: copyBytes(op.operand) };
  }
}

function bytesOf(op: WriteOp): number {
  if (op.op === "delRange") return op.range.start.length + (op.range.end?.length ?? 0);
  return op.key.length + (op.op === "put" ? op.value.length : 0);
}
