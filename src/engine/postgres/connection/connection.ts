/**
 * One connection to the server, with its statements prepared. What is asked for in one turn of the microtask queue, or
 * while an answer is on its way, goes in one flush.
 *
 * Always true:
 * (1) One group is on its way at a time; what is asked for meanwhile waits for it, and then goes together.
 * (2) What must stand `alone` never shares a group: it would be left out if another's statement failed.
 * (3) After it is lost nothing is sent any more, and everything that waits fails with what ended it.
 */
import type { Client, ClientOptions, Driver, QueryResult } from "./driver.ts";
import { ConnectionLost, Group, isServerError } from "./group.ts";
import type { Answer, Call, Statement, Status } from "./group.ts";

interface Asked {
  readonly calls: readonly Call[];
  readonly alone: boolean;
  resolve(answers: readonly Answer[]): void;
  reject(error: unknown): void;
}

/**
 * The server knows a statement no more, as behind a pooler that has changed what stands behind the connection, or cannot
 * use it any more, as after a change of the table. It would fail for ever; a new connection prepares anew.
 */
const FORGOTTEN: ReadonlySet<string> = new Set(["26000", "0A000"]);

export interface RunOptions {
  /** In a group of its own. Default false. */
  readonly alone?: boolean;
}

/** What every connection does before it is used. */
export interface Preparation {
  /** Is handed the connection while it is bare, to look after what the statements need. */
  before(ask: (text: string) => Promise<QueryResult["rows"]>): Promise<void>;
  /** Prepared, all of them. */
  readonly statements: readonly Statement[];
  /** Run once. */
  readonly first: readonly Call[];
}

export class Connection {
  readonly #client: Client;
  #waiting: Asked[] = [];
  #current: Group | undefined;
  #scheduled = false;
  #lost: Error | undefined;
  #status: Status = "I";
  #roundTrips = 0;

  private constructor(client: Client) {
    this.#client = client;
    client.on("error", (error) => this.#end(error));
    client.on("end", () => this.#end(new ConnectionLost("The connection has ended.", true)));
  }

  /** Connects, and makes ready: one round trip after those of the greeting. */
  static async open(
    driver: Driver,
    options: ClientOptions,
    preparation: Preparation,
  ): Promise<Connection> {
    const { password, ...rest } = options;
    const client = new driver.Client(rest);
    // Given to the client it would be taken from the url instead, also where that has none.
    if (password !== undefined) client.password = password;
    const connection = new Connection(client);
    try {
      await client.connect();
      await preparation.before(async (text) => lastRows(await client.query(text)));
      await connection.#send(new Group(preparation.first, preparation.statements));
    } catch (error) {
      connection.destroy();
      throw error;
    }
    return connection;
  }

  /** Nothing can be asked any more. */
  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** Whether a transaction is open, as the server has said last. */
  get status(): Status {
    return this.#status;
  }

  /** How many groups were sent. */
  get roundTrips(): number {
    return this.#roundTrips;
  }

  /** Runs the statements in order, in one round trip. */
  run(calls: readonly Call[], { alone = false }: RunOptions = {}): Promise<readonly Answer[]> {
    if (this.#lost !== undefined) return Promise.reject(unsent(this.#lost));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ calls, alone, resolve, reject });
      this.#schedule();
    });
  }

  /** Ends it now; what is on its way fails, and the server rolls it back. */
  destroy(): void {
    this.#end(new ConnectionLost("The connection was closed.", true));
    // The client may never have been connected; there is nobody to tell.
    this.#client.end().catch(() => {});
  }

  #schedule(): void {
    if (this.#scheduled || this.#current !== undefined) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      void this.#sendWaiting();
    });
  }

  async #sendWaiting(): Promise<void> {
    if (this.#lost !== undefined || this.#waiting.length === 0) return;
    const asked = this.#takeWaiting();
    try {
      const answers = await this.#send(new Group(asked.flatMap(({ calls }) => calls)));
      let at = 0;
      for (const one of asked) one.resolve(answers.slice(at, (at += one.calls.length)));
    } catch (error) {
      for (const one of asked) one.reject(error);
    }
    this.#schedule();
  }

  #takeWaiting(): readonly Asked[] {
    const alone = this.#waiting.findIndex((asked) => asked.alone);
    const count = alone === -1 ? this.#waiting.length : Math.max(1, alone);
    return this.#waiting.splice(0, count);
  }

  async #send(group: Group): Promise<readonly Answer[]> {
    this.#current = group;
    this.#roundTrips++;
    try {
      this.#client.query(group);
      return await group.finished;
    } catch (error) {
      if (isServerError(error) && FORGOTTEN.has(error.code)) this.destroy();
      throw error;
    } finally {
      this.#status = group.status ?? this.#status;
      this.#current = undefined;
    }
  }

  #end(error: Error): void {
    if (this.#lost !== undefined) return;
    this.#lost = error;
    this.#current?.lost(error);
    for (const one of this.#waiting.splice(0)) one.reject(unsent(error));
  }
}

/** Nothing of it has reached the server. */
function unsent(cause: Error): ConnectionLost {
  return new ConnectionLost("The connection was lost before.", false, { cause });
}

/** Of several statements in one text there are several results. */
function lastRows(result: QueryResult | readonly QueryResult[]): QueryResult["rows"] {
  return "rows" in result ? result.rows : (result[result.length - 1]?.rows ?? []);
}
