/**
 * Makes the table by hand, by a role that may: for programs that open with `makeTable: false`. All of it is one
 * transaction; run again it does what is missing, and says so.
 */
import type { KotobaError } from "../../base/index.ts";
import { Connection, connectFailure, loadDriver } from "./connection/index.ts";
import { hasLog, logTexts } from "./log/index.ts";
import { TABLE, plainName, rightsOf } from "./postgres.ts";
import { beginAlone, checkServer, commentOf, tablePlan, tableTexts } from "./table/index.ts";
import type { Ask, TableName } from "./table/index.ts";

export interface InitTableOptions {
  /** As whom: a role that may make tables. */
  readonly url: string;
  /** Default "kotoba". */
  readonly table?: string;
  /** Makes the log of `changeLog: true` beside it. */
  readonly changeLog?: boolean;
  /** Is given what a program needs that makes nothing. */
  readonly role?: string;
}

export interface InitTableReport {
  /** Of the server: "18.4". */
  readonly serverVersion: string;
  readonly format: number;
  readonly table: Made | "migrated";
  readonly changeLog: Made | "none";
  /** Settings of the server that are to be changed; none if all is well. */
  readonly advice: readonly SettingAdvice[];
}
type Made = "made" | "there";

export interface SettingAdvice {
  readonly setting: string;
  readonly found: string;
  readonly advised: string;
  readonly why: string;
}

/**
 * Makes the table and what belongs to it, brings one of an older format to this one, gives a role its rights, and looks
 * whether the server is set as it should be: what `kotoba postgres init` does.
 *
 * @throws StorageError 'FormatTooNew' or 'FormatTooOld' for a table of another version of KotobaDB, 'NotSupported' for one
 *   that is not of KotobaDB and for a server that is too old, 'Unavailable' for a standby, 'NoPermission'.
 */
export async function initTable(options: InitTableOptions): Promise<InitTableReport> {
  const { changeLog = false, role, table = TABLE, url } = options;
  const name = plainName(table);
  return withConnection(url, async (ask) => {
    await checkServer(ask);
    const settings = await settingsOf(ask);
    await beginAlone(ask);
    const made = await makeTable(ask, name);
    const log = await makeLog(ask, name, changeLog);
    if (role !== undefined) await ask(rightsOf(name, log !== "none", role).join(";"));
    await ask("commit");
    return {
      serverVersion: settings.get("server_version")!,
      ...made,
      changeLog: log,
      advice: adviceFor(settings),
    };
  });
}

async function makeTable(
  ask: Ask,
  name: TableName,
): Promise<Pick<InitTableReport, "format" | "table">> {
  const plan = await tablePlan(ask, name);
  if (plan.todo === "refuse") throw plan.error;
  const { format } = plan;
  if (plan.todo === "nothing") return { format, table: "there" };
  if (plan.todo === "make") {
    await ask(tableTexts(name).join(";"));
    return { format, table: "made" };
  }
  for (const step of plan.steps) await ask(step(name).join(";"));
  await ask(`comment on table ${name.table} is '${commentOf()}'`);
  return { format, table: "migrated" };
}

async function makeLog(
  ask: Ask,
  { table }: TableName,
  isWanted: boolean,
): Promise<InitTableReport["changeLog"]> {
  if (await hasLog(ask, table)) return "there";
  if (!isWanted) return "none";
  await ask(logTexts(table).join(";"));
  return "made";
}

/** Nothing is prepared on it, for there may be no table yet. If the work fails the server rolls back what was begun. */
async function withConnection<T>(url: string, work: (ask: Ask) => Promise<T>): Promise<T> {
  let result: { readonly of: T } | undefined;
  try {
    const client = {
      connectionString: url,
      connectionTimeoutMillis: CONNECT_MILLIS,
      keepAlive: true,
      application_name: "kotoba postgres init",
    };
    const connection = await Connection.open(await loadDriver(), client, {
      statements: [],
      first: [],
      before: async (ask) => {
        result = { of: await work(ask) };
      },
    });
    connection.destroy();
  } catch (error) {
    throw connectFailure(error) as KotobaError;
  }
  return result!.of;
}

const CONNECT_MILLIS = 10_000;

interface Wanted {
  readonly advised: string;
  readonly why: string;
  isFine(found: string): boolean;
}

const atLeast = (least: number, why: string): Wanted => ({
  advised: String(least),
  why,
  isFine: (found) => Number(found) >= least,
});
const notOff = (why: string): Wanted => ({
  advised: "on",
  why,
  isFine: (found) => found !== "off",
});
const CONFLICTS = "transactions that read much conflict with others for nothing";
const LOSSES = "what was acknowledged can be lost when the server's machine fails";

/** As docs/SCALING.md advises. */
const WANTED: Readonly<Record<string, Wanted>> = {
  max_pred_locks_per_transaction: atLeast(2_048, CONFLICTS),
  max_pred_locks_per_relation: atLeast(4_096, CONFLICTS),
  max_pred_locks_per_page: atLeast(8, CONFLICTS),
  fsync: notOff(LOSSES),
  full_page_writes: notOff(LOSSES),
  synchronous_commit: notOff(LOSSES),
};

async function settingsOf(ask: Ask): Promise<ReadonlyMap<string, string>> {
  const names = ["server_version", ...Object.keys(WANTED)].map((name) => `'${name}'`);
  const rows = await ask(
    `select name, current_setting(name) as value from unnest(array[${names.join(",")}]) s(name)`,
  );
  return new Map(rows.map((row) => [String(row["name"]), String(row["value"])]));
}

function adviceFor(settings: ReadonlyMap<string, string>): readonly SettingAdvice[] {
  return Object.entries(WANTED).flatMap(([setting, wanted]) => {
    const found = settings.get(setting)!;
    const { advised, why } = wanted;
    return wanted.isFine(found) ? [] : [{ setting, found, advised, why }];
  });
}
