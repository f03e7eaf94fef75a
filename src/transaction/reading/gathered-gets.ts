/**
 * Gets of one microtask turn as one round trip: `Promise.all([get(a), get(b)])` against a remote engine asks once. And
 * within a transaction, which sees one state, what was asked before is not asked again: a body that looks at a document
 * and then updates it by id reads it once.
 */
import { copyBytes, hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { ReadView } from "../../engine/contract/index.ts";

/** Most documents are smaller, and what is larger is worth a round trip. */
const KEPT_BYTES_MAX = 4_096;
/** With the above 4 MiB for a transaction at most. */
const KEPT_VALUES_MAX = 1_000;

interface Waiting {
  readonly key: Bytes;
  resolve(value: Bytes | undefined): void;
  reject(error: unknown): void;
}

export class GatheredGets {
  readonly #view: ReadView;
  /** By key; undefined where nothing is kept. */
  readonly #known: Map<string, Bytes | undefined> | undefined;
  #waiting: Waiting[] = [];

  /** `keeps`: the view lasts no longer than its answers may be kept in memory. */
  constructor(view: ReadView, { keeps = false }: { readonly keeps?: boolean } = {}) {
    this.#view = view;
    this.#known = keeps ? new Map() : undefined;
  }

  /** The bytes of `key` must not change. */
  get(key: Bytes): Promise<Bytes | undefined> {
    if (this.#known !== undefined && this.#known.size > 0) {
      const text = textOf(key);
      const known = this.#known.get(text);
      if (known !== undefined) return Promise.resolve(copyBytes(known));
      if (this.#known.has(text)) return Promise.resolve(undefined);
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, resolve, reject });
      if (this.#waiting.length === 1) queueMicrotask(() => void this.#ask());
    });
  }

  async #ask(): Promise<void> {
    const asked = this.#waiting;
    this.#waiting = [];
    try {
      const values =
        asked.length === 1
          ? [await this.#view.get(asked[0]!.key)]
          : await this.#view.getMany(asked.map(({ key }) => key));
      for (const [i, waiting] of asked.entries()) {
        this.#keep(waiting.key, values[i]);
        waiting.resolve(values[i]);
      }
    } catch (error) {
      for (const waiting of asked) waiting.reject(error);
    }
  }

  /** A copy: what is handed out belongs to the caller. */
  #keep(key: Bytes, value: Bytes | undefined): void {
    if (this.#known === undefined || this.#known.size >= KEPT_VALUES_MAX) return;
    if (value !== undefined && value.length > KEPT_BYTES_MAX) return;
    this.#known.set(textOf(key), value === undefined ? undefined : copyBytes(value));
  }
}

function textOf(key: Bytes): string {
  return hex(key, Infinity);
}
