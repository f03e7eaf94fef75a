/** Making the table, and looking whether one that is there is ours, and whether the server is one to work with. */
import { StorageError } from "../../contract/index.ts";
import { commentOf, planFor } from "./table-format.ts";
import type { TablePlan } from "./table-format.ts";

/** Older servers take statements before one Sync for less than one transaction in places. */
const SERVER_VERSION_MIN = 14;

/** `table` may name a schema: "app.kotoba". Each part is a plain name. */
export interface TableName {
  /** Quoted, for SQL. */
  readonly table: string;
  readonly sequence: string;
  /** Undefined: the first of the search path. */
  readonly schema: string | undefined;
}

const PART = /^[a-z_][a-z0-9_]{0,39}$/;

/** Undefined where the name is not a plain one. */
export function tableName(name: string): TableName | undefined {
  const parts = name.split(".");
  if (parts.length > 2 || !parts.every((part) => PART.test(part))) return undefined;
  const quoted = (last: string): string =>
    [...parts.slice(0, -1), last].map((part) => `"${part}"`).join(".");
  const last = parts[parts.length - 1]!;
  const schema = parts.length === 1 ? undefined : `"${parts[0]!}"`;
  return { table: quoted(last), sequence: quoted(`${last}_merges`), schema };
}

/** Runs SQL outside of any transaction of ours; answers with the rows of the last statement. */
export type Ask = (text: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** The statements that make the table; each does nothing where it was run before. */
export function tableTexts({ sequence, table }: TableName): readonly string[] {
  return [
    `create table if not exists ${table} (k bytea not null, n int8 not null default 0, how int2, v bytea, primary key (k, n))`,
    // What is stored is packed already, and is read in ranges: it is not to be packed again, nor piece by piece.
    `alter table ${table} alter column v set storage external`,
    `create sequence if not exists ${sequence}`,
    boundary(table, "0073"),
    boundary(table, "0075"),
    `comment on table ${table} is '${commentOf()}'`,
  ];
}

/** What a role needs that works with the table, and does not make it. */
export function grantTexts({ schema, sequence, table }: TableName, role: string): string[] {
  const to = `to ${quotedRole(role)}`;
  return [
    ...(schema === undefined ? [] : [`grant usage on schema ${schema} ${to}`]),
    `grant select, insert, update, delete on ${table} ${to}`,
    `grant usage on sequence ${sequence} ${to}`,
  ];
}

export function quotedRole(role: string): string {
  return `"${role.replaceAll('"', '""')}"`;
}

/**
 * Rows that hold nothing and whose keys fill pages of the index: keys that begin with 00 74, where every commit leaves
 * its token (src/transaction/once), never share a page with those before and behind. The server watches over pages, so in
 * a small table everybody who reads documents would conflict with everybody who commits. Long keys that cannot be packed:
 * three or four fill a page, and so six are at least two pages.
 */
function boundary(table: string, prefix: string): string {
  const key = `'\\x${prefix}'::bytea || string_agg(sha256(convert_to(row || '/' || part, 'UTF8')), ''::bytea)`;
  return `insert into ${table} (k, how) select ${key}, 0 from generate_series(1, 6) row, generate_series(1, 62) part group by row on conflict do nothing`;
}

/** What was found out about the server. */
export interface ServerFigures {
  /** Its setting max_pred_locks_per_transaction. */
  readonly predicateLocks: number;
}

/** @throws StorageError 'NoDatabase', 'FormatTooNew', 'FormatTooOld', 'NotSupported', 'Unavailable'. */
export async function prepareTable(
  ask: Ask,
  name: TableName,
  make: boolean,
): Promise<ServerFigures> {
  const figures = await checkServer(ask);
  const plan = await tablePlan(ask, name);
  if (plan.todo === "refuse") throw plan.error;
  if (plan.todo === "nothing") return figures;
  if (plan.todo === "migrate")
    throw new StorageError(
      "FormatTooOld",
      { table: name.table, format: plan.from, formatOfProgram: plan.format },
      { remedy: "Stop the programs that use the table, and run: kotoba postgres init." },
    );
  if (!make)
    throw new StorageError(
      "NoDatabase",
      { table: name.table },
      { remedy: "Let the engine make its table (makeTable), or make it with the role that may." },
    );
  // Several processes may begin at once: who has waited for its turn looks again.
  await beginAlone(ask);
  const now = await tablePlan(ask, name);
  if (now.todo === "make") await ask(tableTexts(name).join(";"));
  await ask("commit");
  return figures;
}

/** Begins a transaction until whose end nobody else makes tables, and which sees what the one before has made. */
export async function beginAlone(ask: Ask): Promise<void> {
  await ask("begin isolation level read committed");
  await ask("select pg_advisory_xact_lock(4711001)");
}

/** @throws StorageError 'NotSupported' for a server that is too old, 'Unavailable' for a standby. */
export async function checkServer(ask: Ask): Promise<ServerFigures> {
  const [server] = await ask(
    "select current_setting('server_version_num')::int / 10000 as version, pg_is_in_recovery() as standby, current_setting('max_pred_locks_per_transaction')::int as locks",
  );
  const figures = { predicateLocks: Number(server?.["locks"]) };
  const version = Number(server?.["version"]);
  if (!(version >= SERVER_VERSION_MIN))
    throw new StorageError(
      "NotSupported",
      { serverVersion: version },
      { remedy: `Use PostgreSQL ${SERVER_VERSION_MIN} or later.` },
    );
  if (server?.["standby"] === true) refuseStandby();
  return figures;
}

export function refuseStandby(): never {
  throw new StorageError(
    "Unavailable",
    { server: "a standby" },
    { remedy: "Name the primary in the url, or all hosts: one,two,three." },
  );
}

/** What is to be done with the table as it is now. */
export async function tablePlan(ask: Ask, { table }: TableName): Promise<TablePlan> {
  return planFor(table, await foundComment(ask, table));
}

/**
 * Undefined where there is no such table. The look at pg_class has the server take note of what others have made: the name
 * alone is looked up in a cache, which within a transaction may not know it yet.
 */
async function foundComment(ask: Ask, table: string): Promise<string | undefined> {
  const [row] = await ask(
    `select coalesce(obj_description(oid, 'pg_class'), '') as comment from pg_class where oid = to_regclass('${table}')`,
  );
  return row === undefined ? undefined : String(row["comment"]);
}
