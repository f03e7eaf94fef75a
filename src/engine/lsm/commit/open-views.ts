/**
 * At which sequences open views read, so that compaction keeps what they see and validation what they may conflict with.
 *
 * Always true: each sequence listed has at least one open view; writers are a part of the views.
 */
import { assert } from "../../../base/index.ts";

export class OpenViews {
  readonly #views = new Map<number, number>();
  /** Transactions that may write begin at the newest commit, so their sequences come in ascending order. */
  readonly #writers = new Map<number, number>();
  #count = 0;

  get count(): number {
    return this.#count;
  }
  /** The oldest sequence a transaction that may still write began at; undefined if there is none. */
  get oldestWriter(): number | undefined {
    for (const sequence of this.#writers.keys()) return sequence;
    return undefined;
  }

  /** In ascending order, each once. */
  sequences(): readonly number[] {
    return [...this.#views.keys()].toSorted((a, b) => a - b);
  }

  add(sequence: number, isWriter: boolean): void {
    this.#count++;
    this.#views.set(sequence, (this.#views.get(sequence) ?? 0) + 1);
    if (isWriter) this.#writers.set(sequence, (this.#writers.get(sequence) ?? 0) + 1);
  }

  remove(sequence: number, isWriter: boolean): void {
    this.#count--;
    takeOne(this.#views, sequence);
    if (isWriter) takeOne(this.#writers, sequence);
  }
}

function takeOne(counts: Map<number, number>, sequence: number): void {
  const count = counts.get(sequence);
  assert(count !== undefined, "a view that closes was open");
  if (count === 1) counts.delete(sequence);
  else counts.set(sequence, count - 1);
}
