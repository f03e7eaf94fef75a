/**
 * The rows of a run: numbered keys of digits, and values half of which can be compressed, as those of db_bench. What a key
 * holds can be told from its number and how often it was written, so that every answer can be checked.
 *
 * A key ends with "0"; with "5" it is one that is missing, between two that are there. A hundred keys in a row share all
 * but their last three digits.
 */
import { stampAt } from "./key-value-store.ts";

/** Values come from this many, made once: making them is not what is measured. */
const VALUES = 4_096;
const GENERATION_STEP = 1_009;
/** With the last one, which is 0 or 5. */
const DIGITS = 12;
const PRESENT = 48;
const MISSING = 53;

export interface RowSizes {
  readonly keyBytes: number;
  readonly valueBytes: number;
}

export class Rows {
  /** [0, count) are there; grows with append(). */
  count: number;
  readonly keyBytes: number;
  readonly #prefix: Buffer;
  readonly #values: readonly Buffer[];
  readonly #generations: Uint8Array;

  /** Room for twice `count` rows. */
  constructor(sizes: RowSizes, count: number) {
    this.count = count;
    this.keyBytes = sizes.keyBytes;
    const length = sizes.keyBytes - DIGITS;
    this.#prefix = Buffer.from("kotobadb/bench/".slice(0, length).padEnd(length, "."));
    this.#values = valuesOf(sizes.valueBytes);
    this.#generations = new Uint8Array(count * 2);
  }

  /** A new buffer. */
  key(n: number): Buffer {
    const key = Buffer.allocUnsafe(this.keyBytes);
    this.writeKey(key, n);
    return key;
  }

  /** Into a buffer that is used again and again, for reads. */
  writeKey(key: Buffer, n: number): void {
    const prefix = this.#prefix;
    for (let at = 0; at < prefix.length; at++) key[at] = prefix[at]!;
    let rest = n;
    for (let at = this.keyBytes - 2; at >= prefix.length; at--) {
      const next = (rest / 10) | 0;
      key[at] = 48 + rest - next * 10;
      rest = next;
    }
    key[this.keyBytes - 1] = PRESENT;
  }

  /** A key that is not there, right behind row n. */
  writeMissingKey(key: Buffer, n: number): void {
    this.writeKey(key, n);
    key[this.keyBytes - 1] = MISSING;
  }

  /** What a hundred rows share, of which n is one. */
  hundredPrefix(n: number): Buffer {
    return this.key(n).subarray(0, this.keyBytes - 3);
  }

  /** What the key holds now. */
  value(n: number): Buffer {
    return this.#values[this.stamp(n)]!;
  }

  /** What it holds from now on. */
  nextValue(n: number): Buffer {
    this.#generations[n]!++;
    return this.value(n);
  }

  /** The number of one more row. */
  append(): number {
    return this.count++;
  }

  stamp(n: number): number {
    return (n + this.#generations[n]! * GENERATION_STEP) % VALUES;
  }

  /** What a scan of the rows [start, end) adds up to. */
  sum(start: number, end: number): number {
    let sum = 0;
    for (let n = start; n < end; n++) sum += this.stamp(n) + 48 + (n % 10);
    return sum;
  }

  get bytes(): number {
    return this.count * (this.keyBytes + this.#values[0]!.length);
  }
}

function valuesOf(bytes: number): Buffer[] {
  const random = randomOf(7);
  const slab = Buffer.alloc(VALUES * bytes);
  return Array.from({ length: VALUES }, (_, n) => {
    const value = slab.subarray(n * bytes, (n + 1) * bytes);
    const half = bytes >> 1;
    for (let i = 0; i < half; i++) value[i] = 32 + Math.floor(random() * 95);
    value.copy(value, half, 0, bytes - half);
    value.writeUInt16BE(n, 0);
    if (stampAt(value, 0) !== n) throw new Error("a stamp does not fit into a value");
    return value;
  });
}

// ---------------------------------------------------------------- orders, the same in every run

/** A generator of its own (xorshift), so that every store gets the same numbers. */
export function randomOf(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** [0, count), each once, without pattern. */
export function shuffled(count: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, n) => n);
  const random = randomOf(seed);
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const held = order[i]!;
    order[i] = order[j]!;
    order[j] = held;
  }
  return order;
}

/** Numbers of [0, count), all as likely. */
export function uniform(count: number, draws: number, seed: number): Uint32Array {
  const random = randomOf(seed);
  return Uint32Array.from({ length: draws }, () => Math.floor(random() * count));
}

/** Numbers of [0, count) as YCSB draws them: few of them most of the time (theta 0.99), spread over all keys. */
export function zipfian(count: number, draws: number, seed: number): Uint32Array {
  const theta = 0.99;
  const zetaOf = (n: number): number => {
    let sum = 0;
    for (let i = 1; i <= n; i++) sum += 1 / i ** theta;
    return sum;
  };
  const zeta = zetaOf(count);
  const alpha = 1 / (1 - theta);
  const eta = (1 - (2 / count) ** (1 - theta)) / (1 - zetaOf(2) / zeta);
  const random = randomOf(seed);
  return Uint32Array.from({ length: draws }, () => {
    const u = random();
    const uz = u * zeta;
    let rank = Math.floor(count * (eta * u - eta + 1) ** alpha);
    if (uz < 1) rank = 0;
    else if (uz < 1 + 0.5 ** theta) rank = 1;
    return (Math.imul(rank ^ 0x5bd1e995, 0x9e3779b1) >>> 0) % count;
  });
}
