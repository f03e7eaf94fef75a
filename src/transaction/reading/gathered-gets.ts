/**
 * Gets of one microtask turn as one round trip: `Promise.all([get(a), get(b)])` against a remote engine asks once.
 */
import type { Bytes } from "../../base/index.ts";
import type { ReadView } from "../../engine/contract/index.ts";

interface Waiting {
  readonly key: Bytes;
  resolve(value: Bytes | undefined): void;
  reject(error: unknown): void;
}

export class GatheredGets {
  readonly #view: ReadView;
  #waiting: Waiting[] = [];

  constructor(view: ReadView) {
    this.#view = view;
  }

  /** The bytes of `key` must not change. */
  get(key: Bytes): Promise<Bytes | undefined> {
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
      for (const [i, waiting] of asked.entries()) waiting.resolve(values[i]);
    } catch (error) {
      for (const waiting of asked) waiting.reject(error);
    }
  }
}
