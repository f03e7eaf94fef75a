/** A memory engine with hooks: each planted defect overrides one of them. Without overrides it keeps the contract. */
import { andThen } from "../../../src/base/index.ts";
import type { Awaitable, Bytes } from "../../../src/base/index.ts";
import type {
  BeginOptions,
  BlindPlan,
  Capabilities,
  CommitListener,
  CommitPlan,
  CommitResult,
  Decode,
  EngineTransaction,
  KeyRange,
  Limits,
  ReadView,
  Scan,
  ScanOptions,
  Snapshot,
  StorageEngine,
  Version,
} from "../../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";

/** The memory engine answers reads at once; so may who builds upon it. */
export interface PlainView extends ReadView {
  get(key: Bytes): Bytes | undefined;
  getMany(keys: readonly Bytes[]): (Bytes | undefined)[];
}
export interface PlainTransaction extends PlainView {
  commit(plan: CommitPlan): Awaitable<CommitResult>;
  abort(): void;
}

export class WrappedEngine implements StorageEngine {
  readonly inner: MemoryEngine = new MemoryEngine();
  readonly name: string = "broken";
  readonly limits: Limits = this.inner.limits;
  readonly capabilities: Capabilities = this.inner.capabilities;

  begin(options: BeginOptions = {}): Awaitable<EngineTransaction> {
    return andThen(
      this.inner.begin(options),
      (inner) => new WrappedTransaction(this, inner as PlainTransaction, options),
    );
  }

  /** A view of the newest state. */
  fresh(): PlainTransaction {
    return this.inner.begin() as PlainTransaction;
  }

  snapshot(): Awaitable<Snapshot> {
    return new WrappedSnapshot(this, this.inner.snapshot() as Snapshot & PlainView);
  }

  write(plan: BlindPlan): Awaitable<CommitResult> {
    return this.apply({ ...plan, readKeys: [], readRanges: [] }, undefined);
  }

  onCommit(wake: CommitListener): () => void {
    return this.inner.onCommit(wake);
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  // Hooks of views

  /** Where a read of `view` is answered. */
  viewOf(view: WrappedView): PlainView {
    return view.inner;
  }

  get(view: WrappedView, key: Bytes): Awaitable<Bytes | undefined> {
    return this.viewOf(view).get(key);
  }

  getMany(view: WrappedView, keys: readonly Bytes[]): Awaitable<(Bytes | undefined)[]> {
    return this.viewOf(view).getMany(keys);
  }

  read<T>(view: WrappedView, key: Bytes, decode: Decode<T>): Awaitable<T | undefined> {
    return this.viewOf(view).read(key, decode);
  }

  scan(view: WrappedView, range: KeyRange, options: ScanOptions): Scan {
    return this.viewOf(view).scan(range, options);
  }

  // Hooks of commits

  /** Commits of transactions and batches; `transaction` is undefined for a batch. */
  apply(plan: CommitPlan, transaction: WrappedTransaction | undefined): Awaitable<CommitResult> {
    const changed = this.plan(plan, transaction);
    return transaction === undefined
      ? this.inner.write(changed)
      : transaction.inner.commit(changed);
  }

  plan(plan: CommitPlan, _transaction: WrappedTransaction | undefined): CommitPlan {
    return plan;
  }

  abort(transaction: WrappedTransaction): void {
    transaction.inner.abort();
  }
}

export class WrappedView implements ReadView {
  readonly engine: WrappedEngine;
  readonly inner: PlainView;
  /** How many reads were asked of it. */
  reads = 0;
  constructor(engine: WrappedEngine, inner: PlainView) {
    this.engine = engine;
    this.inner = inner;
  }
  get(key: Bytes): Awaitable<Bytes | undefined> {
    this.reads++;
    return this.engine.get(this, key);
  }
  read<T>(key: Bytes, decode: Decode<T>): Awaitable<T | undefined> {
    this.reads++;
    return this.engine.read(this, key, decode);
  }
  getMany(keys: readonly Bytes[]): Awaitable<(Bytes | undefined)[]> {
    this.reads++;
    return this.engine.getMany(this, keys);
  }
  scan(range: KeyRange, options: ScanOptions = {}): Scan {
    this.reads++;
    return this.engine.scan(this, range, options);
  }
}

export class WrappedTransaction extends WrappedView implements EngineTransaction {
  override readonly inner: PlainTransaction;
  readonly options: BeginOptions;
  ended = false;
  constructor(engine: WrappedEngine, inner: PlainTransaction, options: BeginOptions) {
    super(engine, inner);
    this.inner = inner;
    this.options = options;
  }
  commit(plan: CommitPlan): Awaitable<CommitResult> {
    const result = this.engine.apply(plan, this);
    this.ended = true;
    return result;
  }
  abort(): void {
    this.engine.abort(this);
    this.ended = true;
  }
}

class WrappedSnapshot extends WrappedView implements Snapshot {
  override readonly inner: Snapshot & PlainView;
  constructor(engine: WrappedEngine, inner: Snapshot & PlainView) {
    super(engine, inner);
    this.inner = inner;
  }
  get version(): Version | undefined {
    return this.inner.version;
  }
  close(): void {
    this.inner.close();
  }
}
