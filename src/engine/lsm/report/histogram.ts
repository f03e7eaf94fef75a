/**
 * How often which values came: a fixed list of buckets, so that recording costs no memory and percentiles need no list
 * of all values. Buckets grow by a quarter of a power of two: a percentile is right to within 25 % of its value, which
 * tells 2 ms from 3 ms and 200 ms from 300 ms alike.
 *
 * Always true:
 * (1) count is the sum of all buckets; the smallest and the largest value are exact.
 * (2) Bucket i holds the values v with bound(i - 1) < v <= bound(i); the last one has no upper bound.
 * (3) A percentile is never below the smallest value nor above the largest.
 */
import { assert } from "../../../base/index.ts";

/** 64 powers of two from 2^-10 on: from a microsecond, in milliseconds, to 2^54. */
const POWER_MIN = -10;
const STEPS = 4;
const BUCKETS: number = 64 * STEPS;

/** What a histogram says, as plain figures in the unit of its values. */
export interface HistogramFigures {
  readonly count: number;
  readonly sum: number;
  /** 0 when nothing was recorded, as the others. */
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export class Histogram {
  readonly #buckets = new Uint32Array(BUCKETS);
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  /** Takes in a value of 0 or more; anything else is a mistake of the caller. */
  record(value: number): void {
    assert(value >= 0 && value < Infinity, "a histogram takes numbers from 0 on");
    this.#buckets[bucketOf(value)]!++;
    this.#count++;
    this.#sum += value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /** The value that a share of `part` (0 to 1) of all values does not exceed; 0 if there are none. */
  percentile(part: number): number {
    assert(part >= 0 && part <= 1, "a percentile is a part of all");
    if (this.#count === 0) return 0;
    const wanted = Math.max(1, Math.ceil(part * this.#count));
    let seen = 0;
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.#buckets[i]!;
      if (seen >= wanted) return Math.min(this.#max, Math.max(this.#min, boundOf(i)));
    }
    return this.#max;
  }

  get figures(): HistogramFigures {
    const isEmpty = this.#count === 0;
    return {
      count: this.#count,
      sum: this.#sum,
      min: isEmpty ? 0 : this.#min,
      mean: isEmpty ? 0 : this.#sum / this.#count,
      p50: this.percentile(0.5),
      p90: this.percentile(0.9),
      p99: this.percentile(0.99),
      p999: this.percentile(0.999),
      max: this.#max,
    };
  }
}

/** The upper bound of a bucket, inclusive. */
function boundOf(bucket: number): number {
  return 2 ** (POWER_MIN + bucket / STEPS);
}

function bucketOf(value: number): number {
  if (value <= boundOf(0)) return 0;
  const near = Math.min(BUCKETS - 1, Math.floor((Math.log2(value) - POWER_MIN) * STEPS));
  // The logarithm is rounded, so its neighbour may be the right one.
  for (let bucket = Math.max(0, near - 1); bucket < BUCKETS - 1; bucket++) {
    if (value <= boundOf(bucket)) return bucket;
  }
  return BUCKETS - 1;
}
