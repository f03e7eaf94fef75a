/** What the user says, as an engine. It connects when it is opened as a database, or at its first read or write. */
import { KotobaError } from "../../base/index.ts";
import type { StorageEngine } from "../contract/index.ts";
import { nodeHost } from "../lsm/host/index.ts";
import type { Host } from "../lsm/host/index.ts";
import { Hosts, Pool, hostPlaces } from "./connection/index.ts";
import type { Connection, HostPlace } from "./connection/index.ts";
import { Connector } from "./connector.ts";
import type { Purpose } from "./connector.ts";
import type { LogSizes } from "./log/index.ts";
import { initTable as tableByHand, rightsTexts } from "./init/index.ts";
import type { InitTableOptions, InitTableReport } from "./init/index.ts";
import { ChangeLog, logStatements, logTexts } from "./log/index.ts";
import { PostgresEngine } from "./postgres-engine.ts";
import { tableName, tableStatements, tableTexts } from "./table/index.ts";
import type { Isolation, ServerFigures, TableName } from "./table/index.ts";

export interface PostgresOptions {
  /**
   * Where the server is and as whom: `postgres://user:password@host:5432/database?sslmode=verify-full`. What else a url
   * may say is what the package `pg` takes. Several hosts, a primary and its standbys, are separated by commas:
   * `postgres://app@one,two:5433,three/app`. The one that is the primary is found, again when it moves.
   */
  readonly url: string;
  /** Instead of the one in the url; a function is asked at every connection, for passwords that change. */
  readonly password?: string | (() => string | Promise<string>);
  /** TLS as Node's tls.connect takes it, for a url that says nothing of it (`sslmode` and others). */
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
  /**
   * How long work waits for a connection before it fails with StorageError 'Unavailable': for one that others hold, or for
   * a server that was there before and is not now. Default 5,000.
   */
  readonly acquireMillis?: number;
  /** How long making a connection may take, at each host. Default 5,000. */
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
 * there is one, and usage on the sequence: with `role`, the statements that give it all that are among them.
 *
 * @throws InvalidPostgresOption where the table's name is not a plain one.
 */
export function tableDefinition(
  table: string = TABLE,
  { changeLog = false, role }: { readonly changeLog?: boolean; readonly role?: string } = {},
): readonly string[] {
  const name = plainName(table);
  const rights = role === undefined ? [] : rightsTexts(name, changeLog, role);
  return [...tableTexts(name), ...(changeLog ? logTexts(name.table) : []), ...rights];
}

/**
 * Makes the table and what belongs to it, brings one of an older format to this one, gives a role its rights, and looks
 * whether the server is set as it should be: what `kotoba postgres init` does.
 *
 * @throws InvalidPostgresOption; StorageError 'FormatTooNew' or 'FormatTooOld' for a table of another version of KotobaDB,
 *   'NotSupported' for one that is not of KotobaDB and for a server that is too old, 'Unavailable', 'NoPermission'.
 * @example
 * const { advice } = await initTable({ url: "postgres://admin@localhost/app", role: "app" });
 */
export async function initTable(options: InitTableOptions): Promise<InitTableReport> {
  return tableByHand(plainName(options.table ?? TABLE), placesOf(options.url), options);
}

/** @internal For tests that show what a weaker isolation would break. */
export function postgresWith(options: PostgresOptions, isolation: Isolation): StorageEngine {
  const settings = settingsOf(options);
  const { acquireMillis, connectionsMax, name, transactionMillis } = settings;
  const host = options.host ?? nodeHost();
  const { random, timers } = host;
  const { changeLog } = options;
  const more = changeLog === undefined ? [] : Object.values(logStatements(name.table));
  const purpose = (level: Isolation): Purpose => ({
    isolation: level,
    statements: tableStatements(name.table, name.sequence, level),
    more,
  });
  const chance = (): number => random.bytes(1)[0]! / 256;
  const connector = connectorOf(options, settings, host, chance);
  const pool = (connect: () => Promise<Connection>, most: number = 1): Pool =>
    new Pool({ connect, acquireMillis, connectionsMax: most, timers, chance });
  const writing = purpose(isolation);
  // What a SERIALIZABLE reader has seen of the log's end would be a conflict with every commit, and a standby has none.
  const reading = purpose("repeatable read");
  return new PostgresEngine({
    pool: pool(() => connector.primary(writing), connectionsMax),
    side: pool(() => connector.primary(writing)),
    stale: pool(() => connector.standby(reading), connectionsMax),
    statements: writing.statements,
    staleStatements: reading.statements,
    log:
      changeLog === undefined
        ? undefined
        : new ChangeLog({
            pool: pool(() => connector.primary(reading)),
            statements: logStatements(name.table),
            timers,
            sizes: typeof changeLog === "object" ? changeLog : {},
          }),
    connectionsMax,
    transactionMillis,
    random,
    timers,
  });
}

type Numbers =
  | "acquireMillis"
  | "connectMillis"
  | "connectionsMax"
  | "statementMillis"
  | "transactionMillis";
type Settings = { readonly [N in Numbers]: number } & {
  readonly name: TableName;
  readonly places: readonly HostPlace[];
};

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
  const places = placesOf(url);
  // The package would take what the url says, and say nothing.
  if (options.ssl !== undefined && /[?&]ssl/.test(url))
    throw new InvalidPostgresOption("ssl", "absent where the url says ssl…", "both");
  const name = plainName(table);
  if (changeLog !== undefined) checkChangeLog(changeLog);
  const numbers: Record<string, number> = {};
  for (const [option, value] of Object.entries(DEFAULTS)) {
    const given = options[option as Numbers] ?? value;
    if (!Number.isInteger(given) || given < 1 || given > 2 ** 31 - 1)
      throw new InvalidPostgresOption(option, "a whole number above 0", given);
    numbers[option] = given;
  }
  return { ...(numbers as { readonly [N in Numbers]: number }), name, places };
}

function placesOf(url: unknown): readonly HostPlace[] {
  const found = hostPlaces(typeof url === "string" ? url : "");
  if ("places" in found) return found.places;
  // What stands in a url is not for messages.
  throw new InvalidPostgresOption("url", found.expected, "another one");
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

function connectorOf(
  options: PostgresOptions,
  settings: Settings,
  host: Pick<Host, "timers" | "warn">,
  chance: () => number,
): Connector {
  const { connectMillis, name, places, statementMillis, transactionMillis } = settings;
  return new Connector({
    hosts: new Hosts(places),
    client: {
      connectionTimeoutMillis: connectMillis,
      keepAlive: true,
      application_name: options.applicationName ?? "kotobadb",
      ...(options.password === undefined ? {} : { password: options.password }),
      ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
    },
    name,
    makeTable: options.makeTable ?? true,
    isLogged: options.changeLog !== undefined,
    statementMillis,
    transactionMillis,
    timers: host.timers,
    chance,
    learned: ({ predicateLocks }: ServerFigures) => {
      if (predicateLocks < LOCKS / 4)
        host.warn(new FewPredicateLocks(predicateLocks), "opening PostgreSQL");
    },
  });
}
