/**
 * Tells listeners about commits, all commits of one turn in one call. Listeners run in microtasks of their own, so that a
 * listener that throws fails neither the commit, which has happened, nor the other listeners.
 */
import { copyBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { copyOfRange } from "../contract/index.ts";
import type { CommitListener, KeyRange, WriteOp } from "../contract/index.ts";

/** Beyond this many keys a listener is told "anything may have changed": looking is cheaper than comparing. */
const TOUCHED_KEYS_MAX = 10_000;

export class CommitListeners {
  readonly #listeners = new Set<{ readonly wake: CommitListener }>();
  #keys: Bytes[] = [];
  #ranges: KeyRange[] = [];
  #scheduled = false;

  /** Returns the undo; the same function may be added twice. */
  add(wake: CommitListener): () => void {
    const listener = { wake };
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  committed(ops: readonly WriteOp[]): void {
    if (this.#listeners.size === 0) return;
    for (const op of ops) {
      if (op.op === "delRange") this.#ranges.push(copyOfRange(op.range));
      else if (this.#keys.length <= TOUCHED_KEYS_MAX) this.#keys.push(copyBytes(op.key));
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#tell());
  }

  close(): void {
    this.#listeners.clear();
  }

  #tell(): void {
    const touched =
      this.#keys.length > TOUCHED_KEYS_MAX ? undefined : { keys: this.#keys, ranges: this.#ranges };
    this.#keys = [];
    this.#ranges = [];
    this.#scheduled = false;
    for (const listener of this.#listeners) {
      queueMicrotask(() => {
        if (this.#listeners.has(listener)) listener.wake(touched);
      });
    }
  }
}
