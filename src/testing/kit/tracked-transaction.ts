/**
 * A transaction that keeps its own read set and plan, as the transaction room does, but without own writes, gathering or
 * limits: so that the suite depends on nothing it tests.
 */
import { EMPTY_BYTES, copyBytes, nextKey } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type {
  BeginOptions,
  CommitPlan,
  CommitResult,
  EngineTransaction,
  KeyRange,
  MergeHow,
  ReadView,
  Requirement,
  ScanOptions,
  StorageEngine,
  WriteOp,
} from "../../engine/contract/index.ts";

export interface Entry {
  readonly key: Bytes;
  /** Empty with keysOnly. */
  readonly value: Bytes;
}

export class TrackedTransaction {
  readonly inner: EngineTransaction;
  readonly #readKeys: Bytes[] = [];
  readonly #readRanges: KeyRange[] = [];
  readonly #ops: WriteOp[] = [];
  readonly #requires: Requirement[] = [];

  private constructor(inner: EngineTransaction) {
    this.inner = inner;
  }

  static async begin(
    engine: StorageEngine,
    options: BeginOptions = {},
  ): Promise<TrackedTransaction> {
    return new TrackedTransaction(await engine.begin(options));
  }

  async get(key: Bytes): Promise<Bytes | undefined> {
    this.#readKeys.push(key);
    return this.inner.get(key);
  }

  async getMany(keys: readonly Bytes[]): Promise<(Bytes | undefined)[]> {
    this.#readKeys.push(...keys);
    return this.inner.getMany(keys);
  }

  /** All rows of the range, or the first `limit`; the read set holds the range as far as it was consumed. */
  async entries(range: KeyRange, options: ScanOptions = {}): Promise<Entry[]> {
    const found = await allEntries(this.inner, range, options);
    this.#readRanges.push(consumedRange(range, options, found));
    return found;
  }

  put(key: Bytes, value: Bytes): void {
    this.#ops.push({ op: "put", key, value });
  }

  del(key: Bytes): void {
    this.#ops.push({ op: "del", key });
  }

  delRange(range: KeyRange): void {
    this.#ops.push({ op: "delRange", range });
  }

  merge(key: Bytes, how: MergeHow, operand: Bytes): void {
    this.#ops.push({ op: "merge", key, how, operand });
  }

  require(requirement: Requirement): void {
    this.#requires.push(requirement);
  }

  get plan(): CommitPlan {
    return {
      readKeys: this.#readKeys,
      readRanges: this.#readRanges,
      ops: this.#ops,
      requires: this.#requires,
    };
  }

  async commit(): Promise<CommitResult> {
    return this.inner.commit(this.plan);
  }

  abort(): void {
    this.inner.abort();
  }
}

export async function allEntries(
  view: Pick<ReadView, "scan">,
  range: KeyRange,
  options: ScanOptions = {},
): Promise<Entry[]> {
  const scan = view.scan(range, options);
  const found: Entry[] = [];
  try {
    for (;;) {
      const page = await scan.next();
      for (let i = 0; i < page.rows; i++) {
        const key = copyBytes(page.buffer, page.keyStart[i]!, page.keyEnd[i]!);
        const value =
          options.keysOnly === true
            ? EMPTY_BYTES
            : copyBytes(page.buffer, page.valueStart[i]!, page.valueEnd[i]!);
        found.push({ key, value });
      }
      if (page.done) return found;
    }
  } finally {
    scan.close();
  }
}

function consumedRange(range: KeyRange, options: ScanOptions, found: readonly Entry[]): KeyRange {
  const last = found[found.length - 1];
  if (last === undefined || found.length < (options.limit ?? Infinity)) return range;
  return options.reverse === true
    ? { start: last.key, end: range.end }
    : { start: range.start, end: nextKey(last.key) };
}

/** Lets everything run that is ready. */
export function pause(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export interface RetryOptions extends BeginOptions {
  /** Default 1,000: the suite's contention is high and its work is short. */
  readonly attempts?: number;
}

/** Runs the work and its commit until they succeed or fail with something that running again cannot help. */
export async function retried<T>(
  engine: StorageEngine,
  work: (transaction: TrackedTransaction) => Promise<T>,
  options: RetryOptions = {},
): Promise<T> {
  const { attempts = 1_000, ...begin } = options;
  for (let attempt = 1; ; attempt++) {
    const transaction = await TrackedTransaction.begin(engine, begin);
    try {
      const result = await work(transaction);
      await transaction.commit();
      return result;
    } catch (error) {
      if (attempt >= attempts || !isRetryable(error)) throw error;
    } finally {
      transaction.abort();
    }
    await pause();
  }
}

function isRetryable(error: unknown): boolean {
  return error instanceof Error && "retryable" in error && error.retryable === true;
}
