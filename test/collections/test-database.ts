/** A database for tests of collections: an engine, a catalog, and stores whose operations commit by themselves. */
import { andThen } from "../../src/base/index.ts";
import type { Awaitable } from "../../src/base/index.ts";
import type {
  BeginOptions,
  BlindPlan,
  Capabilities,
  CommitResult,
  EngineTransaction,
  Limits,
  ReadView,
  Snapshot,
  StorageEngine,
} from "../../src/engine/contract/index.ts";
import { Catalog, CollectionStore } from "../../src/collections/index.ts";
import type { Def, Document, StoreHost } from "../../src/collections/index.ts";
import { nodeTimers } from "../../src/engine/lsm/host/index.ts";
import { transact, withView } from "../../src/transaction/index.ts";
import type { FullView, Transaction, TransactionHost } from "../../src/transaction/index.ts";
import { engineHere } from "../support/elsewhere.ts";

export const testTransactionHost: TransactionHost = {
  nowMillis: () => performance.now(),
  random: () => 0.5,
  ...nodeTimers,
  report: (error, where) => {
    throw new Error(`unexpected report from ${where}`, { cause: error });
  },
};

/** An engine whose next commits fail with the errors of `faults`, in their order; undefined lets one through. */
export class FaultyEngine implements StorageEngine {
  readonly faults: (Error | undefined)[] = [];
  readonly #inner: StorageEngine = engineHere();

  get name(): string {
    return this.#inner.name;
  }
  get limits(): Limits {
    return this.#inner.limits;
  }
  get capabilities(): Capabilities {
    return this.#inner.capabilities;
  }
  snapshot(): Awaitable<Snapshot> {
    return this.#inner.snapshot();
  }
  write(plan: BlindPlan): Awaitable<CommitResult> {
    return this.#inner.write(plan);
  }
  close(): Promise<void> {
    return this.#inner.close();
  }
  begin(options?: BeginOptions): Awaitable<EngineTransaction> {
    return andThen(this.#inner.begin(options), (tx) => {
      const commit = tx.commit.bind(tx);
      tx.commit = (plan) => {
        const fault = plan.ops.length === 0 ? undefined : this.faults.shift();
        if (fault === undefined) return commit(plan);
        tx.abort();
        throw fault;
      };
      return tx;
    });
  }
}

export interface TestClock {
  millis: number;
}

export class TestDatabase {
  readonly engine: StorageEngine;
  readonly clock: TestClock;
  readonly catalog: Catalog;
  readonly #stores: CollectionStore[] = [];

  constructor(
    engine: StorageEngine = engineHere(),
    clock: TestClock = { millis: 1_700_000_000_000 },
  ) {
    this.engine = engine;
    this.clock = clock;
    let seed = 1;
    const host: StoreHost = {
      engine,
      transactionHost: testTransactionHost,
      nowMillis: () => clock.millis,
      randomFill: (target) => {
        for (let i = 0; i < target.length; i++) {
          seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
          target[i] = seed >> 16;
        }
      },
    };
    this.catalog = new Catalog(host);
  }

  /** The same data seen by a new process. */
  reopened(): TestDatabase {
    return new TestDatabase(this.engine, this.clock);
  }

  async store(definition: Def): Promise<TestStore> {
    const store = new CollectionStore(this.catalog, definition.definition);
    await store.built();
    this.#stores.push(store);
    return new TestStore(this, store);
  }

  async transact<T>(body: (tx: Transaction) => T | Promise<T>): Promise<T> {
    return await transact(testTransactionHost, this.engine, async (tx) => {
      await this.#look(tx);
      return await body(tx);
    });
  }

  async read<T>(body: (view: FullView) => T | Promise<T>): Promise<T> {
    return await withView(this.engine, async (view) => {
      await this.#look(view);
      return await body(view);
    });
  }

  /** What whoever uses stores does first. */
  async #look(view: ReadView): Promise<void> {
    for (const store of this.#stores) await store.lookIn(view);
  }
}

/** A store whose operations are transactions of their own. */
export class TestStore {
  readonly database: TestDatabase;
  readonly inner: CollectionStore;

  constructor(database: TestDatabase, inner: CollectionStore) {
    this.database = database;
    this.inner = inner;
  }

  async insert(input: unknown): Promise<Document> {
    return await this.database.transact((tx) => this.inner.insert(tx, input));
  }
  async insertMany(inputs: readonly unknown[]): Promise<Document[]> {
    return await this.database.transact((tx) => this.inner.insertMany(tx, inputs));
  }
  async update(id: string, change: object | ((document: Document) => object)): Promise<Document> {
    return await this.database.transact((tx) => this.inner.update(tx, id, change));
  }
  async replace(id: string, input: unknown): Promise<Document> {
    return await this.database.transact((tx) => this.inner.replace(tx, id, input));
  }
  async upsert(
    where: Record<string, unknown>,
    values: { create: unknown; update: object },
  ): Promise<Document> {
    return await this.database.transact((tx) => this.inner.upsert(tx, where, values));
  }
  async delete(id: string): Promise<boolean> {
    return await this.database.transact((tx) => this.inner.delete(tx, id));
  }
  async get(id: string): Promise<Document | undefined> {
    return await this.database.read((view) => this.inner.get(view, id));
  }
  async getMany(ids: readonly string[]): Promise<(Document | undefined)[]> {
    return await this.database.read((view) => this.inner.getMany(view, ids));
  }
  async find(where: Record<string, unknown>): Promise<Document | undefined> {
    return await this.database.read((view) => this.inner.find(view, where));
  }
  async verify(): Promise<readonly string[]> {
    return await this.database.read((view) => this.inner.verify(view));
  }
  /** All documents in the order of their ids, decoded where they lie in a page. */
  async all(): Promise<Document[]> {
    const documents: Document[] = [];
    await this.database.read(async (view) => {
      const scan = view.scan(this.inner.layout().documents, { expect: "all" });
      for (let done = false; !done;) {
        const page = await scan.next();
        for (let i = 0; i < page.rows; i++) {
          documents.push(
            this.inner.decode(
              page.buffer,
              page.keyStart[i]!,
              page.keyEnd[i]!,
              page.buffer,
              page.valueStart[i]!,
              page.valueEnd[i]!,
            ),
          );
        }
        done = page.done;
      }
    });
    return documents;
  }
}

/** Every row of an engine as hexadecimal text. */
export async function rowsOf(engine: StorageEngine): Promise<Map<string, string>> {
  const rows = new Map<string, string>();
  await withView(engine, async (view) => {
    const scan = view.scan({ start: new Uint8Array(0), end: undefined }, { expect: "all" });
    for (let done = false; !done;) {
      const page = await scan.next();
      for (let i = 0; i < page.rows; i++) {
        rows.set(
          Buffer.from(page.buffer.subarray(page.keyStart[i], page.keyEnd[i])).toString("hex"),
          Buffer.from(page.buffer.subarray(page.valueStart[i], page.valueEnd[i])).toString("hex"),
        );
      }
      done = page.done;
    }
  });
  return rows;
}
