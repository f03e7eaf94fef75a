/**
 * The storage engine on a cluster of etcd: rows are its keys, a state is a revision, a commit is one transaction with all that
 * was read as comparisons. It is here to hold the contract against a store unlike the others: of several nodes that choose
 * a leader, without ranges in its validation, without sessions. Tests only; a product would meet etcd's bounds
 * (requests of a few MB, a few GB in all).
 *
 * Always true:
 * (1) etcd decides each commit by itself, in one step. Here nothing is remembered between two of them.
 * (2) A commit is sent again only if etcd has answered that nothing of it was done (etcd-commit.ts), or refused the connection.
 */
import { Closed, assert } from "../../../src/base/index.ts";
import { PORTABLE_LIMITS, checkLimits } from "../../../src/engine/contract/index.ts";
import type {
  BeginOptions,
  BlindPlan,
  Capabilities,
  ChangeSet,
  CommitListener,
  CommitPlan,
  CommitResult,
  EngineTransaction,
  Limits,
  Snapshot,
  StorageEngine,
  Version,
} from "../../../src/engine/contract/index.ts";
import { EtcdChanges } from "./etcd-changes.ts";
import { cellsOf, commitTxn, mergedCells, outcomeOf, readCompares } from "./etcd-commit.ts";
import type { Cells, RangeChecks } from "./etcd-commit.ts";
import { EtcdView } from "./etcd-view.ts";
import type { Link, Reads } from "./etcd-view.ts";
import { Gateway } from "./gateway.ts";
import { Keyspace } from "./keyspace.ts";

export interface EtcdOptions {
  /** Of the nodes; the first is asked until it fails. They take what test/support/etcd/start-cluster.ts sets. */
  readonly urls: readonly string[];
  /** Engines of one name share their rows, those of different names nothing. */
  readonly name: string;
  /** After so long an answer counts as lost. Default 2,000. */
  readonly answerMillisMax?: number;
  /** Mistakes, to be caught by tests. */
  readonly checks?: Partial<RangeChecks>;
}

const CAPABILITIES: Capabilities = {
  remote: true,
  readsAreFinal: true,
  pastVersions: true,
  changes: "log",
  exclusive: false,
  answersMayBeLost: true,
  openTransactions: Infinity,
};

export class EtcdEngine implements StorageEngine {
  readonly name = "etcd";
  readonly limits: Limits = {
    ...PORTABLE_LIMITS,
    transactionMillis: Infinity,
    snapshotMillis: Infinity,
  };
  readonly capabilities = CAPABILITIES;
  readonly #gateway: Gateway;
  readonly #keyspace: Keyspace;
  readonly #checks: RangeChecks;
  readonly #link: Link;
  readonly #changes: EtcdChanges;
  #isClosed = false;

  constructor({ answerMillisMax = 2_000, checks, name, urls }: EtcdOptions) {
    this.#gateway = new Gateway(urls, answerMillisMax);
    this.#keyspace = new Keyspace(name);
    this.#checks = { rows: true, gaps: true, ...checks };
    this.#changes = new EtcdChanges(this.#gateway, this.#keyspace);
    this.#link = {
      gateway: this.#gateway,
      keyspace: this.#keyspace,
      assertOpen: () => this.#assertOpen(),
    };
  }

  begin({ at, exclusive, signal }: BeginOptions = {}): EngineTransaction {
    this.#assertOpen();
    assert(exclusive !== true, "begin({ exclusive }) is for engines that can");
    signal?.throwIfAborted();
    return new EtcdTransaction(this.#link, at, (plan, reads) => this.#commit(plan, reads));
  }

  async snapshot(): Promise<Snapshot> {
    return new EtcdSnapshot(this.#link).fix();
  }

  write(plan: BlindPlan): Promise<CommitResult> {
    return this.#commit({ ...plan, readKeys: [], readRanges: [] }, undefined);
  }

  onCommit(wake: CommitListener): () => void {
    this.#assertOpen();
    return this.#changes.listen(wake);
  }

  changes(
    after: Version | undefined,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncIterable<readonly ChangeSet[]> {
    this.#assertOpen();
    return this.#changes.read(after, signal);
  }

  /** Idempotent. Commits that are under way come to their end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#changes.close();
  }

  async #commit(plan: CommitPlan, reads: Reads | undefined): Promise<CommitResult> {
    this.#assertOpen();
    plan.signal?.throwIfAborted();
    checkLimits(plan, this.limits);
    // A plan that changes and requires nothing agrees with any order: it has read one state.
    if (plan.ops.length === 0 && plan.requires.length === 0) {
      return reads === undefined ? {} : { version: reads.revision as Version };
    }
    await this.#changes.begun();
    const compares = readCompares(this.#keyspace, plan, reads, this.#checks);
    for (let cells = await this.#cells(plan); ; plan.signal?.throwIfAborted()) {
      const answer = await this.#gateway.commit(commitTxn(this.#keyspace, plan, compares, cells));
      const outcome = outcomeOf(plan, cells, answer);
      if ("revision" in outcome) {
        this.#changes.committed(plan.ops);
        return { version: outcome.revision as Version };
      }
      if ("failure" in outcome) throw outcome.failure;
      ({ cells } = outcome);
    }
  }

  /** The number cells that the plan merges into, as they are now. */
  async #cells({ ops }: CommitPlan): Promise<Cells> {
    const keys = mergedCells(this.#keyspace, ops);
    if (keys.length === 0) return new Map();
    const { responses = [] } = await this.#gateway.read(keys.map((key) => ({ key })));
    return cellsOf(
      keys,
      responses.map(({ response_range }) => response_range!),
    );
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new Closed("engine");
  }
}

class EtcdTransaction extends EtcdView implements EngineTransaction {
  readonly #commit: (plan: CommitPlan, reads: Reads | undefined) => Promise<CommitResult>;

  constructor(
    link: Link,
    at: string | undefined,
    commit: (plan: CommitPlan, reads: Reads | undefined) => Promise<CommitResult>,
  ) {
    super(link, "transaction", at);
    this.#commit = commit;
  }

  async commit(plan: CommitPlan): Promise<CommitResult> {
    this.link.assertOpen();
    if (!this.end()) throw new Closed("transaction");
    return this.#commit(plan, await this.reads());
  }

  abort(): void {
    this.end();
  }
}

class EtcdSnapshot extends EtcdView implements Snapshot {
  #version: Version | undefined;

  constructor(link: Link) {
    super(link, "snapshot");
  }

  get version(): Version | undefined {
    return this.#version;
  }

  /** Any read fixes the state: of a transaction without reads etcd would not ask the other nodes how new it is. */
  async fix(): Promise<this> {
    await this.getMany([new Uint8Array()]);
    this.#version = (await this.reads())!.revision as Version;
    return this;
  }

  close(): void {
    this.end();
  }
}
