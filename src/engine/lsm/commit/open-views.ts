/**
 * At which sequences open views read, so that compaction keeps what they see and validation what they may conflict with.
 *
 * Always true: each sequence listed has at least one open view; writers are a part of the views.
 */
import { assert } from "../../../base/index.ts";

export class OpenViews {
  readonly #views = new SequenceCounts();
  /** Transactions that may write begin at the newest commit, so their sequences come in ascending order. */
  readonly #writers = new SequenceCounts();
  #count = 0;

  get count(): number {
    return this.#count;
  }
  /** The oldest sequence a transaction that may still write began at; undefined if there is none. */
  get oldestWriter(): number | undefined {
    return this.#writers.first;
  }

  /** In ascending order, each once. */
  sequences(): readonly number[] {
    return this.#views.all().toSorted((a, b) => a - b);
  }

  add(sequence: number, isWriter: boolean): void {
    this.#count++;
    this.#views.add(sequence);
    if (isWriter) this.#writers.add(sequence);
  }

  remove(sequence: number, isWriter: boolean): void {
    this.#count--;
    this.#views.remove(sequence);
    if (isWriter) this.#writers.remove(sequence);
  }
}

/** A state that is kept readable until it is released. */
export class KeptSequence {
  readonly sequence: number;
  /** Until this has come, nothing of the state may be shown. */
  readonly isSafe: Promise<void> | undefined;
  readonly #views: OpenViews;
  readonly #isWriter: boolean;
  #isKept = true;

  constructor(
    views: OpenViews,
    sequence: number,
    isWriter: boolean,
    isSafe: Promise<void> | undefined,
  ) {
    this.sequence = sequence;
    this.isSafe = isSafe;
    this.#views = views;
    this.#isWriter = isWriter;
    views.add(sequence, isWriter);
  }

  /** Idempotent. */
  release(): void {
    if (!this.#isKept) return;
    this.#isKept = false;
    this.#views.remove(this.sequence, this.#isWriter);
  }
}

/**
 * How often each sequence was added and not yet removed. Most of the time there is one at most; a Map would make a new
 * table every few transactions. HOT: bench/micro/lsm-engine.ts: every transaction comes by.
 *
 * Always true: what is in the slot came before all that is in the map.
 */
class SequenceCounts {
  #slot = 0;
  #slotCount = 0;
  readonly #others = new Map<number, number>();

  /** The one that came first. */
  get first(): number | undefined {
    if (this.#slotCount > 0) return this.#slot;
    if (this.#others.size === 0) return undefined;
    for (const sequence of this.#others.keys()) return sequence;
    return undefined;
  }

  all(): number[] {
    const others = [...this.#others.keys()];
    return this.#slotCount > 0 ? [this.#slot, ...others] : others;
  }

  add(sequence: number): void {
    if (this.#slotCount > 0 ? this.#slot === sequence : this.#others.size === 0) {
      this.#slot = sequence;
      this.#slotCount++;
    } else this.#others.set(sequence, (this.#others.get(sequence) ?? 0) + 1);
  }

  remove(sequence: number): void {
    if (this.#slotCount > 0 && this.#slot === sequence) {
      this.#slotCount--;
      return;
    }
    const count = this.#others.get(sequence);
    assert(count !== undefined, "a view that closes was open");
    if (count === 1) this.#others.delete(sequence);
    else this.#others.set(sequence, count - 1);
  }
}
