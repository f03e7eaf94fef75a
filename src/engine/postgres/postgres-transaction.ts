/** A transaction: reads on a connection that it holds, then one group with all that it writes and the COMMIT. */
import { Closed, equalBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import {
  CONFLICT,
  RequirementFailed,
  StorageError,
  rangeContains,
  requirementHolds,
} from "../contract/index.ts";
import type {
  BeginOptions,
  BlindPlan,
  CommitPlan,
  CommitResult,
  EngineTransaction,
  Requirement,
  Snapshot,
  Version,
} from "../contract/index.ts";
import { commitCalls, presumeCalls } from "./commit-calls.ts";
import type { Changes, Presumption } from "./commit-calls.ts";
import { engineFailure, isServerError } from "./connection/index.ts";
import type { Answer, Connection } from "./connection/index.ts";
import { SessionView } from "./session-view.ts";
import type { Session } from "./session-view.ts";

/** What the engine does for its transactions. */
export interface TransactionHost {
  /** Refuses a plan that is too large, or comes too late. */
  check(plan: CommitPlan): void;
  /** Commits what was not preceded by a read; `presumed` is asked before it, with it. */
  write(plan: BlindPlan, presumed: readonly Presumption[]): Promise<CommitResult>;
  /** What the server holds now under the keys; on a connection that has no transaction. */
  newest(connection: Connection, keys: readonly Bytes[]): Promise<readonly (Bytes | undefined)[]>;
}

const NO_RESULT: CommitResult = {};

export class PostgresTransaction extends SessionView implements EngineTransaction {
  readonly #host: TransactionHost;
  readonly #isAlone: boolean;
  /** Called once, of one that is alone. */
  #ended: (() => void) | undefined;
  #settled = false;

  constructor(session: Session, host: TransactionHost, options: BeginOptions, ended?: () => void) {
    super(session, "transaction", options);
    this.#host = host;
    this.#isAlone = ended !== undefined;
    this.#ended = ended;
  }

  /** Waits until nobody else writes, and keeps it so until the end. Before anything is read. */
  async lock(): Promise<this> {
    try {
      const { holdBriefly, lockTable } = this.statements;
      await this.ask([lockTable, holdBriefly].map((statement) => ({ statement, values: [] })));
      return this;
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  presume(key: Bytes, value: Bytes): boolean {
    this.assertOpen();
    this.addPresumed(key, value);
    return true;
  }

  async commit(plan: CommitPlan): Promise<CommitResult> {
    const { held } = this;
    this.assertOpen();
    try {
      this.#host.check(plan);
      if (this.lost !== undefined) throw this.lost;
      // Cells are looked at by reading, so before the reads end.
      const changes = held === undefined ? plan : await this.#withoutCells(plan);
      if (!this.endReads()) throw new Closed("transaction");
      if (held === undefined) return await this.#host.write(plan, this.takePresumed());
      await this.session.log?.beginning;
      if (!this.#isAlone) await this.session.cells.make(plan.ops);
      return await this.#commitOn(await held, plan, changes);
    } catch (error) {
      this.endReads();
      throw engineFailure(error, "reading");
    } finally {
      this.release();
    }
  }

  abort(): void {
    if (this.endReads()) this.release();
  }

  protected override release(): void {
    super.release();
    this.#ended?.();
    this.#ended = undefined;
  }

  protected override isSettled(): boolean {
    return this.#settled;
  }

  async #commitOn(
    connection: Connection,
    plan: CommitPlan,
    changes: Changes,
  ): Promise<CommitResult> {
    const { log, statements } = this.session;
    const isLogged = log !== undefined && changes.ops.length > 0;
    const calls = [
      ...presumeCalls(statements, this.takePresumed()),
      ...commitCalls(statements, changes, this.#isAlone),
      ...(isLogged ? [log.append(changes.ops)] : []),
      { statement: statements.commit, values: [] },
    ];
    let answers: readonly Answer[];
    try {
      answers = await connection.run(calls, { alone: true });
      this.#settled = connection.status === "I";
      // A transaction that had failed before is answered so, and is no error to the server.
      if (answers[answers.length - 1]!.tag !== "COMMIT") throw CONFLICT;
    } catch (error) {
      throw this.session.figures.failed(await this.#failure(error, connection, plan));
    }
    this.session.figures.committed();
    if (this.#isAlone) this.session.cells.madeWith(plan.ops);
    this.session.cells.merged(plan.ops);
    if (!isLogged) return NO_RESULT;
    return { version: log.committed(answers[answers.length - 2]!, changes.ops) };
  }

  /** The error of a commit; where requirements may be the reason, the newest state decides whether they are. */
  async #failure(error: unknown, connection: Connection, plan: CommitPlan): Promise<unknown> {
    const writes = plan.ops.length > 0 || plan.requires.length > 0;
    if (!mayBeRequirement(error, plan)) {
      return engineFailure(error, writes ? "committing" : "reading");
    }
    try {
      const { rollback } = this.session.statements;
      await connection.run([{ statement: rollback, values: [] }], { alone: true });
      this.#settled = true;
      return await failureOf(plan, (keys) => this.#host.newest(connection, keys));
    } catch (cause) {
      return engineFailure(cause, "reading");
    }
  }

  /** Requirements on number cells are checked here, by reading them; the others are left for the commit. */
  async #withoutCells(plan: CommitPlan): Promise<Changes> {
    const { cells } = this.session;
    const onCells = plan.requires.filter(({ key }) => cells.isKnown(key));
    if (onCells.length === 0) return plan;
    const values = await this.getMany(onCells.map(({ key }) => key));
    const failed = onCells.find((requirement, at) => !requirementHolds(requirement, values[at]));
    if (failed !== undefined) {
      throw wasRead(plan, failed) ? CONFLICT : new RequirementFailed(Uint8Array.from(failed.key));
    }
    return { ops: plan.ops, requires: plan.requires.filter((one) => !onCells.includes(one)) };
  }
}

export class PostgresSnapshot extends SessionView implements Snapshot {
  #version: Version | undefined;

  constructor(session: Session) {
    super(session, "snapshot", { readOnly: true });
  }

  /** Where the engine keeps a log: the commits that this one sees. */
  get version(): Version | undefined {
    return this.#version;
  }

  /** Fixes the state: the newest one now. */
  async pin(): Promise<this> {
    const { log } = this.session;
    try {
      const [seen] = await this.ask([log?.pin() ?? { statement: this.statements.pin, values: [] }]);
      this.#version = await log?.versionOf(seen!.rows[0]![0]!);
    } catch (error) {
      this.close();
      throw error;
    }
    return this;
  }

  close(): void {
    if (this.endReads()) this.release();
  }

  /** Nobody runs a snapshot again, so a state that the server cannot keep is one that has become too old. */
  protected override async ask(
    ...[calls]: Parameters<SessionView["ask"]>
  ): ReturnType<SessionView["ask"]> {
    try {
      return await super.ask(calls);
    } catch (error) {
      throw error === CONFLICT ? new StorageError("TooOld", { what: "snapshot" }) : error;
    }
  }
}

/** Duplicate key, division by zero (see checkEqual): a requirement. A conflict: perhaps of a requirement with another's write. */
export function mayBeRequirement(error: unknown, plan: Changes): boolean {
  if (!isServerError(error)) return false;
  if (error.code === "23505" || error.code === "22012") return true;
  return plan.requires.length > 0 && engineFailure(error, "committing") === CONFLICT;
}

/** Law 7. Where all requirements hold by now, running again will do. */
export async function failureOf(
  plan: CommitPlan,
  newest: (keys: readonly Bytes[]) => Promise<readonly (Bytes | undefined)[]>,
): Promise<Error> {
  if (plan.requires.length === 0) return CONFLICT;
  const values = await newest(plan.requires.map(({ key }) => key));
  const failed = plan.requires.find((one, at) => !requirementHolds(one, values[at]));
  if (failed === undefined || wasRead(plan, failed)) return CONFLICT;
  return new RequirementFailed(Uint8Array.from(failed.key));
}

/** A failed requirement on something that the transaction read itself is a conflict. */
function wasRead(plan: CommitPlan, { key }: Requirement): boolean {
  return (
    plan.readKeys.some((read) => equalBytes(read, key)) ||
    plan.readRanges.some((range) => rangeContains(range, key))
  );
}
