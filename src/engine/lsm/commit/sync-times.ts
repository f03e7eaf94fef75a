/**
 * How long syncs take and how many commits share one, as counts in classes: what a dashboard needs, at the price of two
 * additions for each sync.
 *
 * Always true: a figure given is the upper end of the class that it fell into, so at most a fifth above the truth; the
 * largest is exact.
 */

/** Classes of times begin at one microsecond and grow by 2^(1/4), to above an hour. */
const CLASSES = 128;
const PER_DOUBLING = 4;

class Classes {
  readonly #counts = new Float64Array(CLASSES);
  #count = 0;
  #max = 0;
  #sum = 0;

  get max(): number {
    return this.#max;
  }
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  add(value: number): void {
    const at = value <= 1 ? 0 : Math.ceil(Math.log2(value) * PER_DOUBLING);
    this.#counts[Math.min(at, CLASSES - 1)]!++;
    this.#count++;
    this.#sum += value;
    if (value > this.#max) this.#max = value;
  }

  /** The value that `share` of all are at or below. */
  at(share: number): number {
    let left = Math.ceil(this.#count * share);
    for (let i = 0; i < CLASSES && left > 0; i++) {
      left -= this.#counts[i]!;
      if (left <= 0) return Math.min(2 ** (i / PER_DOUBLING), this.#max);
    }
    return 0;
  }
}

export class SyncTimes {
  readonly #micros = new Classes();
  readonly #commits = new Classes();

  /** One sync that took so long and made so many commits durable. */
  add(millis: number, commits: number): void {
    this.#micros.add(millis * 1_000);
    if (commits > 0) this.#commits.add(commits);
  }

  get stats(): Readonly<Record<string, number>> {
    return {
      syncMicrosP50: this.#micros.at(0.5),
      syncMicrosP99: this.#micros.at(0.99),
      syncMicrosMax: this.#micros.max,
      commitsPerSyncMean: this.#commits.mean,
      commitsPerSyncP99: this.#commits.at(0.99),
      commitsPerSyncMax: this.#commits.max,
    };
  }
}
