/**
 * Making a connection ready for an engine: which of the hosts, who asks, what holds for every statement of it; and the table
 * looked after by the first of all.
 *
 * Always true:
 * (1) What is to write stands on a primary: each connection has asked its server, in the round trip that prepares it. A url
 *     may name a standby, or what was a primary yesterday.
 * (2) A host that is out of reach, or a standby, leads to the next one; every other failure is told, as another host would
 *     tell it too.
 */
import { StorageError } from "../contract/index.ts";
import type { Timers } from "../lsm/host/index.ts";
import { Connection, connectFailure, isUnavailable, loadDriver } from "./connection/index.ts";
import type { Call, ClientOptions, HostPlace, Hosts, Statement } from "./connection/index.ts";
import { SETTING, prepareLog } from "./log/index.ts";
import { prepareTable, refuseStandby, statementList } from "./table/index.ts";
import type { Ask, Isolation, ServerFigures, TableName, TableStatements } from "./table/index.ts";

export interface ConnectorParts {
  readonly hosts: Hosts;
  readonly client: Omit<ClientOptions, "connectionString">;
  readonly name: TableName;
  readonly makeTable: boolean;
  readonly isLogged: boolean;
  readonly statementMillis: number;
  readonly transactionMillis: number;
  readonly timers: Pick<Timers, "later">;
  /** At least 0 and less than 1. */
  chance(): number;
  /** Is told what each server is like. */
  learned(figures: ServerFigures): void;
}

/** What the connections of one pool are for. */
export interface Purpose {
  readonly isolation: Isolation;
  readonly statements: TableStatements;
  readonly more: readonly Statement[];
}

/** What is asked of a server before it is used. */
interface Examination {
  before(ask: Ask): Promise<void>;
  /** Throws to refuse it. */
  look(isStandby: boolean): void;
}

/**
 * After two minutes without a sign of life the server takes the program for gone, and not after two hours: no timeout of its
 * ends a COPY that waits for the rest of its rows, and what it has inserted by then would be held for as long.
 */
const GONE_AFTER: Readonly<Record<string, string>> = {
  tcp_keepalives_idle: "60",
  tcp_keepalives_interval: "10",
  tcp_keepalives_count: "6",
};

/** A server that says nothing for so much longer than a statement may take is gone, and so is the way to it. */
const SILENCE_MILLIS = 5_000;

export class Connector {
  readonly #parts: ConnectorParts;
  /** Where the table has been looked after, or is being. */
  readonly #prepared = new Map<HostPlace, Promise<void>>();

  constructor(parts: ConnectorParts) {
    this.#parts = parts;
  }

  /**
   * A connection to the primary.
   *
   * @throws StorageError 'Unavailable' where none of the hosts is one and can be reached.
   */
  async primary(purpose: Purpose): Promise<Connection> {
    const { hosts } = this.#parts;
    const places = hosts.inOrder();
    const failures: string[] = [];
    for (const place of places) {
      try {
        const connection = await this.#open(place, purpose, {
          before: (ask) => this.#prepareOnce(place, ask),
          look: (isStandby) => {
            if (isStandby) refuseStandby();
          },
        });
        hosts.found(place);
        return connection;
      } catch (error) {
        const failure = connectFailure(error);
        if (places.length === 1 || !isUnavailable(failure)) throw failure;
        failures.push(`${place.shown}: ${reasonOf(failure)}`);
      }
    }
    throw new StorageError(
      "Unavailable",
      { hosts: failures.join("; ") },
      { remedy: "Look whether one of the hosts is a primary and can be reached." },
    );
  }

  /** A connection to any standby; to the primary where none can be reached. */
  async standby(purpose: Purpose): Promise<Connection> {
    let primary: Connection | undefined;
    let failure: unknown;
    for (const place of this.#parts.hosts.fromAny(this.#parts.chance())) {
      try {
        let isStandby = false;
        const connection = await this.#open(place, purpose, {
          before: async () => {},
          look: (found) => {
            isStandby = found;
          },
        });
        if (isStandby) {
          primary?.destroy();
          return connection;
        }
        primary?.destroy();
        primary = connection;
      } catch (error) {
        // A standby may lag behind the making of the table: the primary does not.
        failure = connectFailure(error);
      }
    }
    if (primary !== undefined) return primary;
    throw failure as Error;
  }

  async #open(
    { url }: HostPlace,
    { isolation, more, statements }: Purpose,
    examination: Examination,
  ): Promise<Connection> {
    const { client, statementMillis, timers } = this.#parts;
    const driver = await loadDriver();
    return await Connection.open(
      driver,
      { ...client, connectionString: url },
      {
        statements: [...statementList(statements), ...more],
        first: [
          { statement: statements.settings, values: this.#settings(isolation) },
          { statement: statements.isStandby, values: [] },
        ],
        before: (ask) => examination.before(ask),
        accept: ([, answer]) => {
          examination.look(answer!.rows[0]![0] === "t");
        },
      },
      { silenceMillis: statementMillis + SILENCE_MILLIS, timers },
    );
  }

  async #prepareOnce(place: HostPlace, ask: Ask): Promise<void> {
    const preparing = this.#prepared.get(place) ?? this.#prepare(ask);
    this.#prepared.set(place, preparing);
    try {
      await preparing;
    } catch (error) {
      if (this.#prepared.get(place) === preparing) this.#prepared.delete(place);
      throw error;
    }
  }

  async #prepare(ask: Ask): Promise<void> {
    const { isLogged, makeTable, name } = this.#parts;
    const figures = await prepareTable(ask, name, makeTable);
    if (isLogged) await prepareLog(ask, name.table, makeTable);
    this.#parts.learned(figures);
  }

  /**
   * What holds for every statement of a connection. The planner is left with the index in its order, the one way that
   * reads no more than was asked for: what a plan reads beside that would conflict with others.
   */
  #settings(isolation: Isolation): Call["values"] {
    const { isLogged, statementMillis, transactionMillis } = this.#parts;
    const values: Readonly<Record<string, string>> = {
      default_transaction_isolation: isolation,
      statement_timeout: `${statementMillis}ms`,
      idle_in_transaction_session_timeout: `${transactionMillis}ms`,
      ...GONE_AFTER,
      plan_cache_mode: "force_generic_plan",
      enable_seqscan: "off",
      enable_bitmapscan: "off",
      enable_hashjoin: "off",
      enable_mergejoin: "off",
      enable_sort: "off",
      jit: "off",
      bytea_output: "hex",
      ...(isLogged ? { [SETTING]: "on" } : {}),
    };
    const list = (texts: readonly string[]): string => `{${texts.map((t) => `"${t}"`).join(",")}}`;
    return [list(Object.keys(values)), list(Object.values(values))];
  }
}

function reasonOf({ details }: StorageError): string {
  const reason = details?.["server"] ?? details?.["code"];
  return typeof reason === "string" ? reason : "out of reach";
}
