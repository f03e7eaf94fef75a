/** What the user says, as an engine. It connects when it is opened as a database, or at its first read or write. */
import { KotobaError } from "../../base/index.ts";
import type { StorageEngine } from "../contract/index.ts";
import { nodeHost } from "../lsm/host/index.ts";
import type { Host } from "../lsm/host/index.ts";
import { Connection, Pool, connectFailure, loadDriver } from "./connection/index.ts";
import type { Call, ClientOptions } from "./connection/index.ts";
import type { LogSizes } from "./log/index.ts";
import { ChangeLog, SETTING, logStatements, logTexts, prepareLog } from "./log/index.ts";
import { PostgresEngine } from "./postgres-engine.ts";
import { prepareTable, tableName, tableStatements, tableTexts } from "./table/index.ts";
import type { Ask, Isolation, ServerFigures, TableName, TableStatements } from "./table/index.ts";

export interface PostgresOptions {
  /**
   * Where the server is and as whom: `postgres://user:password@host:5432/database?sslmode=verify-full`. What else a url
   * may say is what the package `pg` takes.
   */
  readonly url: string;
  /** Instead of the one in the url; a function is asked at every connection, for passwords that change. */
  readonly password?: string | (() => string | Promise<string>);
  /** TLS as Node's tls.connect takes it, where the url does not say enough. */
  readonly ssl?: boolean | object;
  /**
   * The table, with its schema if that is not the first of the search path: small letters, digits and underscores, up to
   * 40 characters each. One table is one database. Default "kotoba".
   */
  readonly table?: string;
  /** Makes the table where it is not there. False for a role that may not; `tableDefinition` says what to run. Default true. */
  readonly makeTable?: boolean;
  /**
   * Keeps a log of all commits beside the table, for `changes()` and live queries, of the commits of all programs. All that
   * write to the table must say so; others are refused. The oldest commits go when there are more than `bytesMax` bytes of
   * them (default 256 MiB) or they are older than `millisMax` (default 7 days). Default: none.
   */
  readonly changeLog?: true | LogSizes;
  /**
   * How many connections are held at most, one of them for each transaction that has read and not ended. One more stands
   * beside them for upkeep. Default 16; all programs together must stay below the server's max_connections.
   */
  readonly connectionsMax?: number;
  /** How long work waits for a connection before it fails with StorageError 'Unavailable'. Default 5,000. */
  readonly acquireMillis?: number;
  /** How long making a connection may take. Default 5,000. */
  readonly connectMillis?: number;
  /** How long a transaction or snapshot may do nothing before the server ends it with StorageError 'TooOld'. Default 60,000. */
  readonly transactionMillis?: number;
  /** How long one statement may run. Default 30,000. */
  readonly statementMillis?: number;
  /** What the server shows in pg_stat_activity. Default "kotobadb". */
  readonly applicationName?: string;
  /** Timers, chance, and who is told of settings of the server that make conflicts. Default: the machine's. */
  readonly host?: Pick<Host, "timers" | "random" | "warn">;
}

/** An option of postgres() has a value that it cannot have. Nothing was done. */
export class InvalidPostgresOption extends KotobaError<"InvalidPostgresOption"> {
  readonly _tag = "InvalidPostgresOption" as const;
  readonly option: string;
  constructor(option: string, expected: string, found: unknown) {
    super({
      sentence: "An option of postgres() is not well formed.",
      remedy: "Correct the named option.",
      details: { option, expected, found: typeof found === "string" ? found : String(found) },
    });
    this.option = option;
  }
}

/**
 * The server keeps track of so few reads for each transaction that one which reads much is taken to have read the whole
 * table. Nothing is wrong, but transactions will conflict that need not. The host is told once, as a warning.
 */
export class FewPredicateLocks extends KotobaError<"FewPredicateLocks"> {
  readonly _tag = "FewPredicateLocks" as const;
  constructor(found: number) {
    super({
      sentence:
        "The server tracks few reads for each transaction, so that some conflict for nothing.",
      remedy: `Set max_pred_locks_per_transaction = ${LOCKS}, max_pred_locks_per_relation = 4096 and max_pred_locks_per_page = 8 (docs/SCALING.md).`,
      details: { max_pred_locks_per_transaction: found },
    });
  }
}

/** What is advised; less than a quarter of it is warned of. The server's default is 64. */
const LOCKS = 2_048;

/**
 * The engine on a PostgreSQL server, for `open({ engine })`, which connects, makes the table where there is none, and tries
 * whether the server's transactions are serializable. The package `pg` must be installed.
 *
 * @example
 * import { postgres } from "kotobadb/postgres";
 * await using db = await open({ engine: postgres({ url: process.env.DATABASE_URL }) }, { collections });
 */
export function postgres(options: PostgresOptions): StorageEngine {
  return postgresWith(options, "serializable");
}

/**
 * The statements that make the table, for those who run them with a role of their own and open with `makeTable: false`.
 * The role of the url then needs select, insert, update and delete on the table, and on its log (`<table>_log`) where
 * there is one, and usage on the sequence.
 *
 * @throws InvalidPostgresOption where the table's name is not a plain one.
 */
export function tableDefinition(
  table: string = TABLE,
  { changeLog = false }: { readonly changeLog?: boolean } = {},
): readonly string[] {
  const name = plainName(table);
  return [...tableTexts(name), ...(changeLog ? logTexts(name.table) : [])];
}

/** @internal For tests that show what a weaker isolation would break. */
export function postgresWith(options: PostgresOptions, isolation: Isolation): StorageEngine {
  const settings = settingsOf(options);
  const { table, sequence } = settings.name;
  const statements = tableStatements(table, sequence, isolation);
  const { acquireMillis, connectionsMax } = settings;
  const host = options.host ?? nodeHost();
  const { random, timers } = host;
  const connect = connector(options, settings, statements, isolation, host);
  const one = { acquireMillis, connectionsMax: 1, timers };
  const log = (): ChangeLog =>
    new ChangeLog({
      // What a SERIALIZABLE reader has seen of the log's end would be a conflict with every commit.
      pool: new Pool({
        connect: connector(options, settings, statements, "repeatable read", host),
        ...one,
      }),
      statements: logStatements(table),
      timers,
      sizes: typeof options.changeLog === "object" ? options.changeLog : {},
    });
  return new PostgresEngine({
    pool: new Pool({ connect, acquireMillis, connectionsMax, timers }),
    side: new Pool({ connect, ...one }),
    statements,
    log: options.changeLog === undefined ? undefined : log(),
    connectionsMax,
    transactionMillis: settings.transactionMillis,
    random,
  });
}

type Numbers =
  | "acquireMillis"
  | "connectMillis"
  | "connectionsMax"
  | "statementMillis"
  | "transactionMillis";
type Settings = { readonly [N in Numbers]: number } & { readonly name: TableName };

const TABLE = "kotoba";

function plainName(table: string): TableName {
  const name = tableName(table);
  if (name !== undefined) return name;
  throw new InvalidPostgresOption("table", "a plain name, or schema.name", table);
}

const DEFAULTS: { readonly [N in Numbers]: number } = {
  acquireMillis: 5_000,
  connectMillis: 5_000,
  connectionsMax: 16,
  statementMillis: 30_000,
  transactionMillis: 60_000,
};

function settingsOf(options: PostgresOptions): Settings {
  const { changeLog, table = TABLE, url } = options;
  if (typeof url !== "string" || !/^postgres(ql)?:\/\//.test(url))
    throw new InvalidPostgresOption("url", "a url that begins with postgres://", typeof url);
  const name = plainName(table);
  if (changeLog !== undefined) checkChangeLog(changeLog);
  const numbers: Record<string, number> = {};
  for (const [option, value] of Object.entries(DEFAULTS)) {
    const given = options[option as Numbers] ?? value;
    if (!Number.isInteger(given) || given < 1 || given > 2 ** 31 - 1)
      throw new InvalidPostgresOption(option, "a whole number above 0", given);
    numbers[option] = given;
  }
  return { ...(numbers as { readonly [N in Numbers]: number }), name };
}

function checkChangeLog(changeLog: true | LogSizes): void {
  if (changeLog === true) return;
  if (typeof changeLog !== "object" || changeLog === null)
    throw new InvalidPostgresOption("changeLog", "true, or { bytesMax, millisMax }", changeLog);
  const { bytesMax = 1_024, millisMax = 1 } = changeLog;
  if (!(typeof bytesMax === "number" && bytesMax >= 1_024))
    throw new InvalidPostgresOption("changeLog.bytesMax", "a number of at least 1024", bytesMax);
  if (!(typeof millisMax === "number" && millisMax >= 1))
    throw new InvalidPostgresOption("changeLog.millisMax", "a number of at least 1", millisMax);
}

/** Makes connections; the first of them looks after the table. */
function connector(
  options: PostgresOptions,
  settings: Settings,
  statements: TableStatements,
  isolation: Isolation,
  host: Pick<Host, "warn">,
): () => Promise<Connection> {
  const client: ClientOptions = {
    connectionString: options.url,
    connectionTimeoutMillis: settings.connectMillis,
    keepAlive: true,
    application_name: options.applicationName ?? "kotobadb",
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
  };
  const isLogged = options.changeLog !== undefined;
  const first = [sessionSettings(settings, statements, isolation, isLogged)];
  const logged = isLogged ? Object.values(logStatements(settings.name.table)) : [];
  let table: Promise<void> | undefined;
  const warnOf = ({ predicateLocks }: ServerFigures): void => {
    if (predicateLocks < LOCKS / 4)
      host.warn(new FewPredicateLocks(predicateLocks), "opening PostgreSQL");
  };
  return async () => {
    try {
      const driver = await loadDriver();
      return await Connection.open(driver, client, {
        statements: [...Object.values(statements), ...logged],
        first,
        before: async (ask) => {
          table ??= prepare(ask, settings.name, options.makeTable ?? true, isLogged).then(warnOf);
          try {
            await table;
          } catch (error) {
            table = undefined;
            throw error;
          }
        },
      });
    } catch (error) {
      throw connectFailure(error);
    }
  };
}

async function prepare(
  ask: Ask,
  name: TableName,
  make: boolean,
  isLogged: boolean,
): Promise<ServerFigures> {
  const figures = await prepareTable(ask, name, make);
  if (isLogged) await prepareLog(ask, name.table, make);
  return figures;
}

/**
 * What holds for every statement of a connection. The planner is left with the index in its order, the one way that
 * reads no more than was asked for: what a plan reads beside that would conflict with others.
 */
function sessionSettings(
  settings: Settings,
  statements: TableStatements,
  isolation: Isolation,
  isLogged: boolean,
): Call {
  const values: Readonly<Record<string, string>> = {
    default_transaction_isolation: isolation,
    statement_timeout: `${settings.statementMillis}ms`,
    idle_in_transaction_session_timeout: `${settings.transactionMillis}ms`,
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
  return {
    statement: statements.settings,
    values: [list(Object.keys(values)), list(Object.values(values))],
  };
}
