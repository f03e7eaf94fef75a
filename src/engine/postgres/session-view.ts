/**
 * Reading one state on a connection that is held: what transactions and snapshots have in common.
 *
 * Always true:
 * (1) The state is fixed by the first read, which carries the BEGIN; the server keeps it for all reads after (law 3).
 *     Only a view that may lose has its first reads answered by themselves, with no commit to wait for: each goes with
 *     those before it once more, in one state, and where an answer has changed the view has lost.
 * (2) From endReads() on every read fails with Closed; the connection goes back to the pool without a transaction.
 */
import { Closed, copyBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { CONFLICT, PRESUMED_WRONGLY, copyOfRange } from "../contract/index.ts";
import type {
  BeginOptions,
  Conflict,
  Decode,
  KeyRange,
  MultiScan,
  ReadView,
  RefScan,
  Scan,
  ScanOptions,
} from "../contract/index.ts";
import { endOf, presumingCalls } from "./commit-calls.ts";
import type { Presumption } from "./commit-calls.ts";
import { engineFailure } from "./connection/index.ts";
import type { Answer, Call, Connection, Pool, Row, Statement, Value } from "./connection/index.ts";
import type { Figures } from "./figures.ts";
import type { NumberCells } from "./number-cells.ts";
import { SessionMultiScan } from "./session-multi-scan.ts";
import { SessionRefScan, SessionScan } from "./session-scan.ts";
import type { ChangeLog } from "./log/index.ts";
import { bytesList, bytesOfText, valueOfRows } from "./table/index.ts";
import type { TableStatements } from "./table/index.ts";

/**
 * So many reads of a view that may lose are answered by themselves: a query, and what it includes. A third would repeat
 * more than the round trip of a COMMIT is worth.
 */
const LONE_READS_MAX = 2;

/** What was read by statements that were their own transaction. */
interface LoneReads {
  readonly calls: readonly Call[];
  readonly answers: readonly Answer[];
}
const NOTHING_PRESUMED: readonly Presumption[] = [];
const NO_READS: LoneReads = { calls: [], answers: [] };

/** What views need of their engine. */
export interface Session {
  readonly pool: Pool;
  readonly cells: NumberCells;
  readonly figures: Figures;
  readonly statements: TableStatements;
  /** There where the option `changeLog` asks for it. */
  readonly log: ChangeLog | undefined;
}

export class SessionView implements ReadView {
  protected readonly session: Session;
  readonly #what: "transaction" | "snapshot";
  readonly #begin: Statement;
  readonly #signal: AbortSignal | undefined;
  #connection: Promise<Connection> | undefined;
  readonly #mayLose: boolean;
  /** What is presumed and was not sent yet: it goes with the next reads, or with the commit. */
  #presumed: readonly Presumption[] = NOTHING_PRESUMED;
  #lone: Promise<LoneReads> | undefined;
  #loneReads = 0;
  #lost: Conflict | undefined;
  #begun = false;
  #closed = false;

  constructor(
    session: Session,
    what: "transaction" | "snapshot",
    { isRetry = false, mayLose = false, readOnly = false, signal }: BeginOptions,
  ) {
    this.session = session;
    this.#what = what;
    const { begin, beginReadOnly, beginUnbeaten } = session.statements;
    if (readOnly) this.#begin = isRetry ? beginUnbeaten : beginReadOnly;
    else this.#begin = begin;
    this.#mayLose = mayLose && readOnly;
    this.#signal = signal;
  }

  async get(key: Bytes): Promise<Bytes | undefined> {
    const values = [copyBytes(key)];
    const [answer] = await this.ask([{ statement: this.session.statements.get, values }]);
    return this.#valueOf(values[0]!, answer!.rows);
  }

  async read<T>(key: Bytes, decode: Decode<T>): Promise<T | undefined> {
    const value = await this.get(key);
    return value === undefined ? undefined : decode(value, 0, value.length);
  }

  async getMany(keys: readonly Bytes[]): Promise<(Bytes | undefined)[]> {
    this.assertOpen();
    if (keys.length === 0) return [];
    const asked = keys.map((key) => copyBytes(key));
    const { getMany } = this.session.statements;
    const calls = [{ statement: getMany, values: [bytesList(asked)] }];
    const [answer] = await this.ask(calls);
    const byKey = new Map<number, Row[]>();
    const values: (Bytes | undefined)[] = Array.from({ length: keys.length });
    for (const [i, n, how, v] of answer!.rows) {
      const at = Number(i) - 1;
      if (how === null) values[at] = bytesOfText(v!);
      else byKey.set(at, [...(byKey.get(at) ?? []), [n!, how!, v!]]);
    }
    for (const [at, rows] of byKey) values[at] = this.#valueOf(asked[at]!, inOrder(rows));
    return values;
  }

  scan(range: KeyRange, options: ScanOptions = {}): Scan {
    this.assertOpen();
    return new SessionScan(this, copyOfRange(range), options);
  }

  scanMany(
    ranges: readonly KeyRange[],
    options: ScanOptions & { readonly limitEach?: number } = {},
  ): MultiScan {
    this.assertOpen();
    return new SessionMultiScan(this, ranges.map(copyOfRange), options);
  }

  scanRefs(range: KeyRange, options: ScanOptions = {}): RefScan {
    this.assertOpen();
    return new SessionRefScan(this, copyOfRange(range), options);
  }

  /** For the scans of this view: a page of the range by a statement of the table. */
  async rowsOf(statement: Statement, range: KeyRange, rowsMax: number): Promise<readonly Row[]> {
    const values: Value[] = [range.start, endOf(range.end), String(rowsMax)];
    const [answer] = await this.ask([{ statement, values }]);
    return answer!.rows;
  }

  /** For the scans of this view. */
  async rowsOfCall(call: Call): Promise<readonly Row[]> {
    const [answer] = await this.ask([call]);
    return answer!.rows;
  }

  get statements(): TableStatements {
    return this.session.statements;
  }

  /** Runs the calls in this view's state, in one round trip; the first time with the BEGIN before them. */
  protected async ask(calls: readonly Call[]): Promise<readonly Answer[]> {
    this.assertOpen();
    try {
      if (this.#lost !== undefined) throw this.#lost;
      const answers = await this.#run(calls, this.takePresumed());
      return answers.slice(answers.length - calls.length);
    } catch (error) {
      // What was on its way when the view was ended has no other reason to be told.
      this.assertOpen();
      const failure = engineFailure(error, "reading");
      if (failure === PRESUMED_WRONGLY) this.#lost = PRESUMED_WRONGLY;
      throw this.session.figures.failed(failure);
    }
  }

  /** The answers to the calls, perhaps behind those to others. */
  async #run(asked: readonly Call[], presumed: readonly Presumption[]): Promise<readonly Answer[]> {
    const calls = presumingCalls(this.session.statements, presumed, asked);
    if (this.#mayLose && !this.#begun) {
      if (this.#loneReads === LONE_READS_MAX) return await this.#askAfter(await this.#lone!, calls);
      this.#loneReads++;
      return (await (this.#lone = this.#askAlone(calls, this.#lone))).answers;
    }
    const connection = await (this.#connection ??= this.session.pool.acquire(this.#signal));
    this.assertOpen();
    if (this.#begun) return await connection.run(calls);
    this.#begun = true;
    return await connection.run([{ statement: this.#begin, values: [] }, ...calls]);
  }

  protected addPresumed(key: Bytes, value: Bytes): void {
    this.#presumed = [...this.#presumed, { key: copyBytes(key), value: copyBytes(value) }];
  }

  /** For whoever sends them now. */
  protected takePresumed(): readonly Presumption[] {
    const taken = this.#presumed;
    this.#presumed = NOTHING_PRESUMED;
    return taken;
  }

  /** As a transaction of its own, with what was read before once more: all of it is of one state then. */
  async #askAlone(
    calls: readonly Call[],
    before: Promise<LoneReads> | undefined,
  ): Promise<LoneReads> {
    const earlier = (await before) ?? NO_READS;
    const { pool, statements } = this.session;
    const connection = await pool.acquire(this.#signal);
    try {
      const all = [...earlier.calls, ...calls];
      // A weaker level would give each its own state.
      const isolation = { statement: statements.assertIsolation, values: [] };
      const first = all.length === 1 ? [] : [isolation];
      const answers = (await connection.run([...first, ...all], { alone: true })).slice(
        first.length,
      );
      this.#compare(earlier, answers);
      return { calls: all, answers };
    } finally {
      pool.release(connection);
    }
  }

  /** Begins, now that there are more reads, and asks for the former ones again in the state of all. */
  async #askAfter(earlier: LoneReads, calls: readonly Call[]): Promise<readonly Answer[]> {
    const connection = await (this.#connection ??= this.session.pool.acquire(this.#signal));
    this.assertOpen();
    if (this.#begun) return await connection.run(calls);
    this.#begun = true;
    const begin = { statement: this.#begin, values: [] };
    const answers = (await connection.run([begin, ...earlier.calls, ...calls])).slice(1);
    this.#compare(earlier, answers);
    return answers;
  }

  #compare(earlier: LoneReads, answers: readonly Answer[]): void {
    if (areEqual(earlier.answers, answers)) return;
    throw (this.#lost = CONFLICT);
  }

  /** What was read is of no one state, or not what was presumed: whoever goes on all the same is told at the end. */
  protected get lost(): Conflict | undefined {
    return this.#lost;
  }

  /** The connection on which the state is read; undefined if nothing was. */
  protected get held(): Promise<Connection> | undefined {
    return this.#connection;
  }

  /** Ends reading; false if it had ended before. */
  protected endReads(): boolean {
    const wasOpen = !this.#closed;
    this.#closed = true;
    return wasOpen;
  }

  /** Gives the connection back, the first time. Never throws; nobody waits for it. */
  protected release(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.then(
      (held) => this.#giveBack(held),
      () => {},
    );
  }

  async #giveBack(connection: Connection): Promise<void> {
    const { pool, statements } = this.session;
    if (this.#begun && !this.isSettled(connection) && !connection.isLost) {
      try {
        await connection.run([{ statement: statements.rollback, values: [] }], { alone: true });
      } catch {
        // A connection that cannot roll back is of no use to anybody: the server does so when it ends.
        connection.destroy();
      }
    }
    pool.release(connection);
  }

  /** The transaction on the server has ended. */
  protected isSettled(_connection: Connection): boolean {
    return false;
  }

  #valueOf(key: Bytes, rows: readonly Row[]): Bytes | undefined {
    const first = rows[0];
    if (first === undefined) return undefined;
    const parts = rows.map((row) => ({ how: row[row.length - 2]!, v: row[row.length - 1]! }));
    if (parts[0]!.how !== null) this.session.cells.found(key, rows.length - 1);
    return valueOfRows(parts);
  }

  protected assertOpen(): void {
    if (this.session.pool.closed) throw new Closed("engine");
    if (this.#closed) throw new Closed(this.#what);
  }
}

/** Rows come in the order of the index, or of one plan: equal answers are equal texts. */
function areEqual(left: readonly Answer[], right: readonly Answer[]): boolean {
  return left.every(({ rows }, at) => {
    const others = right[at]!.rows;
    return (
      rows.length === others.length &&
      rows.every((row, i) => row.every((column, j) => column === others[i]![j]))
    );
  });
}

/** The first column is n. */
function inOrder(rows: readonly Row[]): readonly Row[] {
  return rows.toSorted((a, b) => {
    const [left, right] = [BigInt(a[0]!), BigInt(b[0]!)];
    return left < right ? -1 : Number(left > right);
  });
}
