/**
 * The engine on a PostgreSQL server: the contract's ordered rows in one table, its transactions in the server's own
 * serializable ones (docs/decisions/0013-postgres-engine.md).
 *
 * Always true:
 * (1) Every transaction is SERIALIZABLE, batches that read nothing included: the server tracks who read what among
 *     those only. It does the checking of laws 5 to 7; what a plan says was read is not sent.
 *     A batch has it from its connection's settings, and asks whether it does: a pooler that changes what stands behind a
 *     connection would lose them without a word.
 * (2) A transaction that reads holds a connection from its first read to its end. A batch that reads nothing is one group
 *     of statements, in one round trip.
 * (3) Nothing is sent twice unless the server has said that it did not happen. A commit whose answer was lost is
 *     CommitUnknown.
 */
import { Closed, assert } from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import { CONFLICT, CommitGate, checkLimits } from "../contract/index.ts";
import type {
  BeginOptions,
  BlindPlan,
  Capabilities,
  CommitPlan,
  CommitResult,
  EngineTransaction,
  Limits,
  Snapshot,
  SnapshotOptions,
  StorageEngine,
} from "../contract/index.ts";
import type { Random, Timers } from "../lsm/host/index.ts";
import { KEY_BYTES_MAX, commitCalls, loneCalls } from "./commit-calls.ts";
import type { Presumption } from "./commit-calls.ts";
import { engineFailure } from "./connection/index.ts";
import type { Call, Connection, Pool } from "./connection/index.ts";
import { BulkLoads } from "./load/index.ts";
import type { CopiedPiece } from "./load/index.ts";
import type { ChangeLog } from "./log/index.ts";
import { Figures } from "./figures.ts";
import { NumberCells } from "./number-cells.ts";
import {
  PostgresSnapshot,
  PostgresTransaction,
  failureOf,
  mayBeRequirement,
} from "./postgres-transaction.ts";
import type { TransactionHost } from "./postgres-transaction.ts";
import type { Session } from "./session-view.ts";
import { valueOfRows } from "./table/index.ts";
import type { TableStatements } from "./table/index.ts";
import { verifyIsolation } from "./verify-isolation.ts";

/**
 * A key has to fit into a page of the server's index three times, however little it can be packed. Values and commits are
 * what a local database takes, or less where the server's text of them would not fit into a string.
 */
function limitsOf(transactionMillis: number): Limits {
  return {
    keyBytes: KEY_BYTES_MAX,
    valueBytes: 32 << 20,
    transactionBytes: 64 << 20,
    transactionMillis,
    snapshotMillis: transactionMillis,
  };
}

/** A batch that lost to another has read nothing, so it may go again at once; so often only under a storm of writers. */
const BATCH_ATTEMPTS_MAX = 20;

/** One attempt: what came of it, or why it failed. */
type Written = { readonly result: CommitResult } | { readonly failure: unknown };

export interface EngineParts {
  readonly pool: Pool;
  /** One connection beside the pool, for what must not wait for it. */
  readonly side: Pool;
  /** Of standbys, where there are any. */
  readonly stale: Pool;
  readonly statements: TableStatements;
  /** Those of `stale`. */
  readonly staleStatements: TableStatements;
  /** There where the option `changeLog` asks for it. */
  readonly log: ChangeLog | undefined;
  readonly connectionsMax: number;
  readonly transactionMillis: number;
  readonly random: Random;
  readonly timers: Pick<Timers, "sleep">;
}

export class PostgresEngine implements StorageEngine {
  readonly name = "postgres";
  readonly limits: Limits;
  readonly capabilities: Capabilities;
  readonly onCommit?: NonNullable<StorageEngine["onCommit"]>;
  readonly changes?: NonNullable<StorageEngine["changes"]>;
  readonly #side: Pool;
  readonly #random: Random;
  readonly #session: Session;
  readonly #stale: Session;
  readonly #host: TransactionHost;
  readonly #loads: BulkLoads;
  /** Of exclusive transactions of this program: each that waits at the server holds a connection. */
  readonly #turns = new CommitGate();

  /** @internal postgres() makes it. */
  constructor(parts: EngineParts) {
    const { log, pool, side, stale, staleStatements, statements } = parts;
    this.limits = limitsOf(parts.transactionMillis);
    this.capabilities = {
      remote: true,
      shared: true,
      readsAreFinal: false,
      pastVersions: false,
      changes: log === undefined ? "none" : "log",
      exclusive: true,
      answersMayBeLost: true,
      openTransactions: parts.connectionsMax,
    };
    this.#side = side;
    this.#random = parts.random;
    const cells = new NumberCells(statements, side);
    const figures = new Figures();
    this.#session = { pool, statements, log, cells, figures };
    this.#stale = { pool: stale, statements: staleStatements, log: undefined, cells, figures };
    this.#host = {
      check: (plan) => this.#check(plan),
      write: (plan, presumed) => this.#write(plan, presumed),
      newest: (connection, keys) => this.#newest(connection, keys),
    };
    this.#loads = new BulkLoads({
      limits: this.limits,
      timers: parts.timers,
      random: parts.random,
      isLogged: log !== undefined,
      copy: (piece) => this.#copy(piece),
      write: (plan) => this.write(plan),
    });
    if (log === undefined) return;
    this.onCommit = (wake) => {
      this.#assertOpen();
      return log.onCommit(wake);
    };
    this.changes = (after, { signal } = {}) => {
      this.#assertOpen();
      return log.changes(after, signal);
    };
  }

  begin(options: BeginOptions = {}): Awaitable<EngineTransaction> {
    this.#assertOpen();
    assert(options.at === undefined, "begin({ at }) is for engines with pastVersions");
    options.signal?.throwIfAborted();
    if (options.exclusive !== true)
      return new PostgresTransaction(this.#session, this.#host, options);
    return this.#beginAlone(options);
  }

  snapshot({ stale = false }: SnapshotOptions = {}): Promise<Snapshot> {
    this.#assertOpen();
    return new PostgresSnapshot(stale ? this.#stale : this.#session).pin();
  }

  write(plan: BlindPlan): Promise<CommitResult> {
    return this.#write(plan, []);
  }

  async #write(batch: BlindPlan, presumed: readonly Presumption[]): Promise<CommitResult> {
    const plan = { ...batch, readKeys: [], readRanges: [] };
    this.#check(plan);
    if (plan.ops.length === 0 && plan.requires.length === 0) return {};
    const { cells, figures, log, statements } = this.#session;
    let result: CommitResult | undefined;
    try {
      await log?.beginning;
      await cells.make(plan.ops);
      for (let attempt = 1; ; attempt++) {
        const written = plan.requires.some(({ key }) => cells.isKnown(key))
          ? await this.#writeReading(plan, presumed)
          : await this.#writeOnce(plan, commitCalls(statements, plan), presumed);
        if ("result" in written) {
          ({ result } = written);
          break;
        }
        const { failure } = written;
        if (failure !== CONFLICT || attempt === BATCH_ATTEMPTS_MAX) throw failure as Error;
        figures.batchRetried();
      }
    } catch (error) {
      throw engineFailure(error, "reading");
    }
    cells.merged(plan.ops);
    return result;
  }

  /**
   * Rows in pieces of some megabytes, each a commit; a piece whose answer was lost is settled. Beside a change log it is
   * told of like other commits.
   */
  async load(...load: Parameters<BulkLoads["load"]>): Promise<void> {
    this.#assertOpen();
    await this.#loads.load(...load);
  }

  async verifyIsolation(): Promise<void> {
    await verifyIsolation(this, this.#random.bytes(16));
  }

  /**
   * connections of the pool, idle ones, waiting for one, made and lost so far; connections to standbys; commits, conflicts,
   * batches that went again, commits whose answer was lost, and round trips so far.
   */
  stats(): Readonly<Record<string, number>> {
    const { figures, log, pool } = this.#session;
    const { roundTrips, ...ofPool } = pool.stats();
    const side = this.#side.stats();
    const stale = this.#stale.pool.stats();
    const beside = side["roundTrips"]! + stale["roundTrips"]! + (log?.roundTrips ?? 0);
    return {
      ...ofPool,
      connectionsStale: stale["connections"]!,
      ...figures.stats(),
      roundTrips: roundTrips! + beside,
    };
  }

  /** Idempotent. Open transactions are rolled back. */
  async close(): Promise<void> {
    this.#loads.stop();
    this.#turns.close(new Closed("engine"));
    this.#session.pool.close();
    this.#side.close();
    this.#stale.pool.close();
    this.#session.log?.close();
  }

  async #beginAlone(options: BeginOptions): Promise<EngineTransaction> {
    const ended = (): void => this.#turns.leave();
    const begin = (): Promise<EngineTransaction> =>
      new PostgresTransaction(this.#session, this.#host, options, ended).lock();
    return await this.#turns.enter(begin, options.signal);
  }

  /** One attempt of a batch in one round trip. */
  async #writeOnce(
    plan: CommitPlan,
    calls: readonly Call[],
    presumed: readonly Presumption[] = [],
  ): Promise<Written> {
    const { figures, log, pool, statements } = this.#session;
    const connection = await pool.acquire(plan.signal);
    try {
      const isLogged = log !== undefined && plan.ops.length > 0;
      const all = [
        ...loneCalls(statements, presumed),
        ...calls,
        ...(isLogged ? [log.append(plan.ops)] : []),
      ];
      const answers = await connection.run(all, { alone: true });
      figures.committed();
      if (!isLogged) return { result: {} };
      return { result: { version: log.committed(answers[answers.length - 1]!, plan.ops) } };
    } catch (error) {
      const failure = mayBeRequirement(error, plan)
        ? await failureOf(plan, (keys) => this.#newest(connection, keys))
        : engineFailure(error, "committing");
      return { failure: figures.failed(failure) };
    } finally {
      pool.release(connection);
    }
  }

  /** One attempt, in one round trip: the plan says what of it somebody is told. */
  async #copy({ copied, requires, told }: CopiedPiece): Promise<void> {
    const { log, statements } = this.#session;
    const plan = { ops: told, requires, readKeys: [], readRanges: [] };
    try {
      this.#assertOpen();
      await log?.beginning;
      const written = await this.#writeOnce(plan, [
        ...commitCalls(statements, { ops: [], requires }),
        { statement: statements.copyIn, values: [], copied },
      ]);
      if ("failure" in written) throw written.failure as Error;
    } catch (error) {
      throw engineFailure(error, "reading");
    }
  }

  /** A batch that requires something of number cells has to read them. */
  async #writeReading(plan: CommitPlan, presumed: readonly Presumption[]): Promise<Written> {
    const transaction = new PostgresTransaction(this.#session, this.#host, {});
    try {
      for (const { key, value } of presumed) transaction.presume(key, value);
      await transaction.getMany(plan.requires.map(({ key }) => key));
      return { result: await transaction.commit(plan) };
    } catch (error) {
      return { failure: error };
    } finally {
      transaction.abort();
    }
  }

  async #newest(
    connection: Connection,
    keys: readonly Bytes[],
  ): Promise<readonly (Bytes | undefined)[]> {
    const { cells, statements } = this.#session;
    const answers = await connection.run(
      keys.map((key) => ({ statement: statements.get, values: [key] })),
    );
    return answers.map(({ rows }, at) => {
      const parts = rows.map(([how, v]) => ({ how: how!, v: v! }));
      if (parts.length > 0 && parts[0]!.how !== null) cells.found(keys[at]!, parts.length - 1);
      return valueOfRows(parts);
    });
  }

  #check(plan: CommitPlan): void {
    this.#assertOpen();
    plan.signal?.throwIfAborted();
    checkLimits(plan, this.limits);
  }

  #assertOpen(): void {
    if (this.#session.pool.closed) throw new Closed("engine");
  }
}
