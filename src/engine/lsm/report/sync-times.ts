/**
 * How long syncs took and how many commits each made durable: as distributions for people, and as an average of late,
 * which is the guess for the next one.
 */
import { Histogram } from "./histogram.ts";

/** The weight of the newest sync in the average. */
const NEWEST_WEIGHT = 1 / 8;
/** A sync counts as at most so many times the threshold, so that the average comes down again soon. */
const COUNTED_MAX = 4;

export class SyncTimes {
  readonly millis: Histogram = new Histogram();
  readonly commits: Histogram = new Histogram();
  readonly #quickMillis: number;
  #averageMillis: number;

  /** `quickMicros`: what takes less is quick; 0: nothing is. */
  constructor(quickMicros: number) {
    this.#quickMillis = quickMicros / 1_000;
    // To begin with they are not known to be quick.
    this.#averageMillis = this.#quickMillis;
  }

  get areQuick(): boolean {
    return this.#averageMillis < this.#quickMillis;
  }

  get stats(): Readonly<Record<string, number>> {
    const { commits, millis } = this;
    return {
      syncMicrosP50: millis.percentile(0.5) * 1_000,
      syncMicrosP99: millis.percentile(0.99) * 1_000,
      syncMicrosMax: millis.figures.max * 1_000,
      commitsPerSyncMean: commits.figures.mean,
      commitsPerSyncP99: commits.percentile(0.99),
      commitsPerSyncMax: commits.figures.max,
    };
  }

  record(millis: number, commits: number): void {
    this.millis.record(millis);
    if (commits > 0) this.commits.record(commits);
    const counted = Math.min(millis, this.#quickMillis * COUNTED_MAX);
    this.#averageMillis += (counted - this.#averageMillis) * NEWEST_WEIGHT;
  }
}
