/**
 * Makes the table by hand, by a role that may: for programs that open with `makeTable: false`. All of it is one
 * transaction; run again it does what is missing, and says so.
 */
import { askServer, isUnavailable } from "../connection/index.ts";
import type { HostPlace } from "../connection/index.ts";
import { hasLog, logTexts } from "../log/index.ts";
import { beginAlone, checkServer, commentOf, tablePlan, tableTexts } from "../table/index.ts";
import type { Ask, TableName } from "../table/index.ts";
import { rightsTexts } from "./rights.ts";
import { adviceFor, settingsOf } from "./setting-advice.ts";
import type { SettingAdvice } from "./setting-advice.ts";

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

const CONNECT_MILLIS = 10_000;

/**
 * At the first of the places that is a primary and can be reached; `url` is that of all.
 *
 * @throws StorageError as the door says.
 */
export async function initTable(
  name: TableName,
  places: readonly HostPlace[],
  options: InitTableOptions,
): Promise<InitTableReport> {
  let failure: unknown;
  for (const { url } of places) {
    try {
      return await initAt(name, { ...options, url });
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      failure = error;
    }
  }
  throw failure;
}

function initAt(
  name: TableName,
  { changeLog = false, role, url }: InitTableOptions,
): Promise<InitTableReport> {
  const client = {
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MILLIS,
    keepAlive: true,
    application_name: "kotoba postgres init",
  };
  return askServer(client, async (ask) => {
    await checkServer(ask);
    const settings = await settingsOf(ask);
    await beginAlone(ask);
    const made = await makeTable(ask, name);
    const log = await makeLog(ask, name, changeLog);
    if (role !== undefined) await ask(rightsTexts(name, log !== "none", role).join(";"));
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
