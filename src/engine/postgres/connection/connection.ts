/**
 * One connection to the server, with its statements prepared. What is asked for in one turn of the microtask queue, or
 * while an answer is on its way, goes in one flush.
 *
 * Always true:
 * (1) One group is on its way at a time; what is asked for meanwhile waits for it, and then goes together.
 * (2) What must stand `alone` never shares a group: it would be left out if another's statement failed.
 * (3) After it is lost nothing is sent any more, and everything that waits fails with what ended it.
 */
import type { Timers } from "../../lsm/host/index.ts";
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
 * use it any more, as after a change of the table; or it takes no writes any more. It would fail for ever; a new connection
 * prepares anew, and finds the primary.
 */
const USELESS: ReadonlySet<string> = new Set(["25006", "26000", "0A000"]);

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
  /** Is handed what they have answered; throws to refuse the server. */
  accept(answers: readonly Answer[]): void;
}

/** When a server is given up that says nothing any more: its machine, or the way to it, may be gone without a word. */
export interface Listening {
  /** Longer than any statement may take. */
  readonly silenceMillis: number;
  readonly timers: Pick<Timers, "later">;
}

export class Connection {
  readonly #client: Client;
  #waiting: Asked[] = [];
  #current: Group | undefined;
  #scheduled = false;
  #lost: Error | undefined;
  #status: Status = "I";
  #roundTrips = 0;
  readonly #listening: Listening;
  #stopListening: (() => void) | undefined;

  private constructor(client: Client, listening: Listening) {
    this.#client = client;
    this.#listening = listening;
    client.on("error", (error) => this.#end(error));
    client.on("end", () => this.#end(new ConnectionLost("The connection has ended.", true)));
  }

  /** Connects, and makes ready: one round trip after those of the greeting. */
  static async open(
    driver: Driver,
    options: ClientOptions,
    preparation: Preparation,
    listening: Listening,
  ): Promise<Connection> {
    const { password, ...rest } = options;
    const client = new driver.Client(rest);
    // Given to the client it would be taken from the url instead, also where that has none.
    if (password !== undefined) client.password = password;
    const connection = new Connection(client, listening);
    try {
      await client.connect();
      await preparation.before(async (text) => lastRows(await client.query(text)));
      const answers = await connection.#send(new Group(preparation.first, preparation.statements));
      preparation.accept(answers);
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
    this.#giveUp(new ConnectionLost("The connection was closed.", true));
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
      if (this.#stopListening === undefined) this.#listen(group);
      return await group.finished;
    } catch (error) {
      if (isServerError(error) && USELESS.has(error.code)) this.destroy();
      throw error;
    } finally {
      this.#status = group.status ?? this.#status;
      this.#current = undefined;
    }
  }

  /** One timer for many groups: it looks whether the one that was on its way still waits for the same word. */
  #listen(group: Group): void {
    const { silenceMillis, timers } = this.#listening;
    const heard = group.heard;
    this.#stopListening = timers.later(silenceMillis, () => {
      this.#stopListening = undefined;
      const current = this.#current;
      if (current === undefined) return;
      if (current !== group || current.heard !== heard) this.#listen(current);
      else this.#giveUp(new ConnectionLost("The server has not answered for too long.", true));
    });
  }

  #giveUp(error: ConnectionLost): void {
    this.#end(error);
    // The client may never have been connected; there is nobody to tell.
    this.#client.end().catch(() => {});
  }

  #end(error: Error): void {
    if (this.#lost !== undefined) return;
    this.#lost = error;
    this.#stopListening?.();
    this.#current?.lost(error);
    for (const one of this.#waiting.splice(0)) one.reject(unsent(error));
  }
}

/** Nothing of it has reached the server. */
function unsent(cause: Error): ConnectionLost {
  return new ConnectionLost("The connection was lost before.", false, { cause });
}

/** Of several statements in one text there are several results. */
export function lastRows(result: QueryResult | readonly QueryResult[]): QueryResult["rows"] {
  return "rows" in result ? result.rows : (result[result.length - 1]?.rows ?? []);
}
