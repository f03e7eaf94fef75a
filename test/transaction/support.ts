/** What the tests of this room share: keys of text, a host, and engines that behave like those far away. */
import type { Awaitable, Bytes } from "../../src/base/index.ts";
import { EMPTY_DONE_PAGE, PageBuilder } from "../../src/engine/contract/index.ts";
import type {
  BeginOptions,
  Capabilities,
  CommitPlan,
  CommitResult,
  EngineTransaction,
  KeyRange,
  Page,
  ReadView,
  Scan,
  ScanOptions,
  Snapshot,
  StorageEngine,
} from "../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import type { TransactionHost } from "../../src/transaction/index.ts";

export const bytes = (text: string): Bytes => new TextEncoder().encode(text);
export const text = (value: Bytes | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value);
export const range = (start: string, end?: string): KeyRange => ({
  start: bytes(start),
  end: end === undefined ? undefined : bytes(end),
});

export class TestHost implements TransactionHost {
  readonly reported: unknown[] = [];
  timers = 0;
  nowMillis(): number {
    return performance.now();
  }
  random(): number {
    return 0.5;
  }
  after(millis: number, task: () => void): () => void {
    this.timers++;
    let over = false;
    const end = (): void => {
      if (!over) this.timers--;
      over = true;
    };
    const timer = setTimeout(() => {
      end();
      task();
    }, millis);
    return () => {
      clearTimeout(timer);
      end();
    };
  }
  deadline(millis: number, task: () => void): () => void {
    return this.after(millis, task);
  }
  report(error: unknown): void {
    this.reported.push(error);
  }
}

export const pause = (millis = 0): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, millis);
  });

/** Puts rows of text into the engine. */
export async function fill(
  engine: StorageEngine,
  rows: Readonly<Record<string, string>>,
): Promise<void> {
  const ops = Object.entries(rows).map(
    ([key, value]) => ({ op: "put", key: bytes(key), value: bytes(value) }) as const,
  );
  await engine.write({ ops, requires: [] });
}

/** All rows of a view, as text. */
export async function rowsOf(
  view: ReadView,
  of: KeyRange = range(""),
  options?: ScanOptions,
): Promise<[string, string][]> {
  return (await drain(view.scan(of, options), options)).map(([key, value]) => [
    text(key)!,
    text(value)!,
  ]);
}

/** All rows that are committed, as text. */
export async function rowsIn(engine: StorageEngine): Promise<[string, string][]> {
  const snapshot = await engine.snapshot();
  const rows = await rowsOf(snapshot);
  snapshot.close();
  return rows;
}

/** What the work throws. */
export async function failureOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

/** The rows of a scan up to its end, or of its first pages. */
export async function drain(
  scan: Scan,
  options: ScanOptions = {},
  pagesMax = Infinity,
): Promise<[Bytes, Bytes][]> {
  const rows: [Bytes, Bytes][] = [];
  for (let pages = 0; pages < pagesMax; pages++) {
    const page = await scan.next();
    rows.push(...rowsOfPage(page, options.keysOnly ?? false));
    if (page.done) break;
  }
  return rows;
}

export function rowsOfPage(page: Page, keysOnly = false): [Bytes, Bytes][] {
  return Array.from({ length: page.rows }, (_, i) => [
    page.buffer.slice(page.keyStart[i], page.keyEnd[i]),
    keysOnly ? new Uint8Array(0) : page.buffer.slice(page.valueStart[i], page.valueEnd[i]),
  ]);
}

export interface DoubleOptions {
  /** Every answer is a promise. */
  readonly remote?: boolean;
  readonly readsAreFinal?: boolean;
  readonly exclusive?: boolean;
  readonly answersMayBeLost?: boolean;
  /** How many rows the next page has at most. */
  readonly pageRows?: () => number;
  /** Called with each plan before it is committed; what it throws the commit throws. */
  readonly onPlan?: (plan: CommitPlan) => void;
}

/** A memory engine that answers as another kind of engine would, and counts what it is asked. */
export class EngineDouble implements StorageEngine {
  readonly name = "double";
  readonly memory: MemoryEngine;
  readonly capabilities: Capabilities;
  readonly calls: string[] = [];
  readonly plans: CommitPlan[] = [];
  readonly #options: DoubleOptions;

  constructor(options: DoubleOptions = {}, memory: MemoryEngine = new MemoryEngine()) {
    this.#options = options;
    this.memory = memory;
    this.capabilities = {
      ...memory.capabilities,
      remote: options.remote ?? false,
      readsAreFinal: options.readsAreFinal ?? true,
      exclusive: options.exclusive ?? true,
      answersMayBeLost: options.answersMayBeLost ?? false,
    };
  }
  get limits(): StorageEngine["limits"] {
    return this.memory.limits;
  }
  async begin(options: BeginOptions = {}): Promise<EngineTransaction> {
    const inner = await this.memory.begin(options);
    return new TransactionDouble(inner, this);
  }
  snapshot(): Awaitable<Snapshot> {
    return this.memory.snapshot();
  }
  write(plan: Parameters<StorageEngine["write"]>[0]): Awaitable<CommitResult> {
    return this.memory.write(plan);
  }
  close(): Promise<void> {
    return this.memory.close();
  }
  answer<T>(call: string, value: () => Awaitable<T>): Awaitable<T> {
    this.calls.push(call);
    if (this.#options.remote !== true) return value();
    return (async () => {
      await Promise.resolve();
      return await value();
    })();
  }
  pageRows(): number {
    return this.#options.pageRows?.() ?? 1_000_000;
  }
  plan(plan: CommitPlan): void {
    this.plans.push(plan);
    this.#options.onPlan?.(plan);
  }
}

class TransactionDouble implements EngineTransaction {
  readonly #inner: EngineTransaction;
  readonly #engine: EngineDouble;
  constructor(inner: EngineTransaction, engine: EngineDouble) {
    this.#inner = inner;
    this.#engine = engine;
  }
  get(key: Bytes): Awaitable<Bytes | undefined> {
    return this.#engine.answer("get", () => this.#inner.get(key));
  }
  read<T>(key: Bytes, decode: (b: Bytes, s: number, e: number) => T): Awaitable<T | undefined> {
    return this.#engine.answer("read", () => this.#inner.read(key, decode));
  }
  getMany(keys: readonly Bytes[]): Awaitable<(Bytes | undefined)[]> {
    return this.#engine.answer(`getMany ${keys.length}`, () => this.#inner.getMany(keys));
  }
  scan(of: KeyRange, options: ScanOptions = {}): Scan {
    const scan = this.#inner.scan(of, options);
    const slices = new SlicedScan(scan, options.keysOnly ?? false, () => this.#engine.pageRows());
    return {
      next: () => this.#engine.answer("page", () => slices.next()),
      close: () => {
        slices.close();
      },
    };
  }
  commit(plan: CommitPlan): Awaitable<CommitResult> {
    return this.#engine.answer("commit", () => {
      this.#engine.plan(plan);
      return this.#inner.commit(plan);
    });
  }
  abort(): void {
    this.#engine.calls.push("abort");
    this.#inner.abort();
  }
}

/** Cuts pages into smaller ones; the last of them is sometimes an empty one. */
class SlicedScan implements Scan {
  readonly #scan: Scan;
  readonly #keysOnly: boolean;
  readonly #size: () => number;
  #page: Page | undefined;
  #at = 0;
  constructor(scan: Scan, keysOnly: boolean, size: () => number) {
    this.#scan = scan;
    this.#keysOnly = keysOnly;
    this.#size = size;
  }
  next(): Page {
    this.#page ??= this.#scan.next() as Page;
    const page = this.#page;
    const end = Math.min(page.rows, this.#at + this.#size());
    if (this.#at === 0 && end === page.rows && this.#size() > 3) {
      this.#page = undefined;
      return page;
    }
    const built = new PageBuilder({ keysOnly: this.#keysOnly, rows: 4, bytes: 16 });
    for (; this.#at < end; this.#at++) {
      const i = this.#at;
      const [from, to] = this.#keysOnly ? [0, 0] : [page.valueStart[i]!, page.valueEnd[i]!];
      built.add(page.buffer, page.keyStart[i]!, page.keyEnd[i]!, page.buffer, from, to);
    }
    if (built.rows === 0 && page.done) return EMPTY_DONE_PAGE;
    if (this.#at < page.rows || (page.done && this.#size() % 2 === 0)) return built.build(false);
    this.#page = undefined;
    this.#at = 0;
    return built.build(page.done);
  }
  close(): void {
    this.#scan.close();
  }
}
