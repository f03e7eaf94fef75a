/**
 * Tells listeners that commits have become visible, many of them in one call.
 *
 * Always true:
 * (1) A listener is told of a commit after readers can see it, and never of one that they cannot see.
 * (2) It is told of every commit that becomes visible after it was added, also of one that was appended before.
 */
import { copyBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import type { CommitListener, KeyRange, WriteOp } from "../../contract/index.ts";
import type { Host } from "../host/index.ts";

interface Touched {
  readonly sequence: number;
  readonly keys: readonly Bytes[];
  readonly ranges: readonly KeyRange[];
}

/** Beyond so many keys it is cheaper for listeners to look again than to compare. */
const KEYS_MAX = 10_000;

export class CommitWakes {
  readonly #host: Host;
  readonly #listeners = new Set<CommitListener>();
  /** Not yet visible, in the order of sequences. */
  #hidden: Touched[] = [];
  #keys: Bytes[] = [];
  #ranges: KeyRange[] = [];
  #isPlanned = false;
  /** The newest commit that nobody listened to, so that nothing is remembered of what it touched. */
  #unheard = 0;
  #visible = 0;
  /** Something became visible of which nothing is remembered. */
  #isUnknown = false;

  constructor(host: Host) {
    this.#host = host;
  }

  add(listener: CommitListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Remembers what a commit touched, in copies; nothing if nobody listens. */
  committed(sequence: number, ops: readonly WriteOp[]): void {
    if (this.#listeners.size === 0) {
      this.#unheard = sequence;
      return;
    }
    const keys: Bytes[] = [];
    const ranges: KeyRange[] = [];
    for (const op of ops) {
      if (op.op !== "delRange") keys.push(copyBytes(op.key));
      else {
        const end = op.range.end === undefined ? undefined : copyBytes(op.range.end);
        ranges.push({ start: copyBytes(op.range.start), end });
      }
    }
    this.#hidden.push({ sequence, keys, ranges });
  }

  /** Readers see all commits up to `sequence`. */
  visible(sequence: number): void {
    let count = 0;
    for (const touched of this.#hidden) {
      if (touched.sequence > sequence) break;
      for (const key of touched.keys) this.#keys.push(key);
      for (const range of touched.ranges) this.#ranges.push(range);
      count++;
    }
    const isUnknown = this.#unheard > this.#visible && this.#listeners.size > 0;
    this.#visible = sequence;
    if (isUnknown) this.#isUnknown = true;
    else if (count === 0) return;
    this.#hidden.splice(0, count);
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    // Never from inside the commit path: what a listener throws is its own affair.
    this.#host.timers.soon(() => this.#wake());
  }

  #wake(): void {
    this.#isPlanned = false;
    const touched = { keys: this.#keys, ranges: this.#ranges };
    this.#keys = [];
    this.#ranges = [];
    const isTooMuch = touched.keys.length + touched.ranges.length > KEYS_MAX;
    const isUnknown = this.#isUnknown || isTooMuch;
    this.#isUnknown = false;
    for (const listener of this.#listeners) listener(isUnknown ? undefined : touched);
  }
}
