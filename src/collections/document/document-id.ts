/**
 * New ids: ULIDs that strictly rise within one database, whatever the clock does.
 *
 * Always true:
 * (1) Every id is greater than all that came before it from the same source, and than what it was shown by `follow`.
 * (2) Time and chance come from the host. Chance is drawn 4 KiB at a time: asking the system for each id costs 50 µs.
 * (3) While the clock stands or goes back, the time part stays and the random part counts up by one.
 */
import { decodeTime, monotonicFactory } from "ulid";
import type { Bytes } from "../../base/index.ts";
import { isUlid } from "./document-key.ts";

/** Time and chance, as ids need them. */
export interface IdHost {
  /** The time of day, in milliseconds since 1970. */
  nowMillis(): number;
  /** Fills the array with bytes that nobody can guess. */
  randomFill(target: Bytes): void;
}

const POOL_BYTES = 4_096;
/**
 * How far stored ids may be ahead of the clock for new ids to follow them: a clock that was set back by an hour or a
 * time zone. Ids further in the future were made by callers and would drag all new ones there.
 */
const AHEAD_MILLIS_MAX = 24 * 60 * 60 * 1000;

export class DocumentIds {
  readonly #host: IdHost;
  readonly #next: (seedMillis?: number) => string;
  /** The time part of the newest id. Not 0, which the factory would take for no time at all. */
  #lastMillis = 1;

  constructor(host: IdHost) {
    this.#host = host;
    this.#next = monotonicFactory(pooledFractions(host));
  }

  next(): string {
    const millis = Math.max(Math.floor(this.#host.nowMillis()), this.#lastMillis);
    this.#lastMillis = millis;
    try {
      return this.#next(millis);
    } catch (cause) {
      // The random part of this millisecond is used up: it began near its end, once in 2^70 times.
      if ((cause as { readonly code?: unknown }).code !== "B32_ENC_INVALID") throw cause;
      this.#lastMillis = millis + 1;
      return this.#next(this.#lastMillis);
    }
  }

  /** New ids come after this one, if it is a ULID whose time is not absurdly far ahead. */
  follow(id: string): void {
    if (!isUlid(id)) return;
    const millis = decodeTime(id);
    if (millis > this.#host.nowMillis() + AHEAD_MILLIS_MAX) return;
    // The factory cannot be told an id, but it can be told a later millisecond.
    this.#lastMillis = Math.max(this.#lastMillis, millis + 1);
  }
}

/** Numbers from 0 to less than 1, in steps of 1/256: ulid takes five bits of each. */
function pooledFractions(host: IdHost): () => number {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  return () => {
    if (used === POOL_BYTES) {
      host.randomFill(pool);
      used = 0;
    }
    return pool[used++]! / 256;
  };
}
