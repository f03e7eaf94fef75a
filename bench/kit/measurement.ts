/** What one phase of one store's round gave: a line of the file that a child hands to its parent. */

export type SuiteName = "limits" | "keyvalue" | "documents";
export type Unit = "ops/s" | "ms" | "bytes" | "µs" | "MB/s";
export type Better = "higher" | "lower";

export interface Measurement {
  readonly suite: SuiteName;
  readonly store: string;
  readonly workload: string;
  readonly unit: Unit;
  readonly value: number;
  readonly better: Better;
  /** Of the whole process, its threads included, during the phase. */
  readonly cpuSeconds?: number;
  readonly wallSeconds?: number;
  readonly latencyMicros?: LatencyMicros;
  readonly data?: DataRead;
}

/** What a workload reads, beside the memory for it that every store is told to take that can be told. */
export interface DataRead {
  /** Of keys and values, as they are written. */
  readonly bytes: number;
  readonly cacheBytes: number;
}

/** How long single operations took. */
export interface LatencyMicros {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}
