/**
 * The table of the log, and what reads and writes it. A row is
 *
 *   xid  xid8         the number of the transaction that wrote it, and so of the commit
 *   seq  int8         drawn when the row was written, behind all that the transaction writes
 *   at   timestamptz  when that transaction began
 *   ops  bytea        what the commit wrote (logged-ops.ts); null: it was trimmed, and so was all before it
 *
 * Always true:
 * (1) A row is written by the transaction whose commit it tells of: there is one of each that wrote, and none of one that
 *     did not commit.
 * (2) While there is a log, the table takes changes only from sessions that say that they write it (SETTING): a program
 *     that was opened without the option cannot commit what no reader would hear of.
 */
import { StorageError } from "../../contract/index.ts";
import type { Statement } from "../connection/index.ts";
import { beginAlone, quotedRole } from "../table/index.ts";
import type { Ask } from "../table/index.ts";

/** Set by sessions that write the log. */
export const SETTING = "kotobadb.change_log";
const TRIGGER = "kotoba_log_guard";
/** SQLSTATE of a change that the guard has refused. */
const NOT_LOGGED = "KT001";

export interface LogStatements {
  /** Of a snapshot: what it sees. */
  readonly pin: Statement;
  readonly append: Statement;
  readonly visible: Statement;
  readonly missing: Statement;
  readonly tail: Statement;
  readonly newest: Statement;
  readonly unsettled: Statement;
  readonly sizes: Statement;
  readonly begin: Statement;
  readonly remove: Statement;
  readonly mark: Statement;
  readonly commit: Statement;
}

/** `table` is the quoted name of the table whose log it is. */
export function logStatements(table: string): LogStatements {
  const log = logName(table);
  const ops = "case when octet_length(ops) <= $1::int8 then ops end";
  const texts: Record<keyof LogStatements, string> = {
    pin: "select pg_current_snapshot()",
    append: `insert into ${log}(ops) values ($1) returning xid, pg_current_snapshot()`,
    visible: `select pg_current_snapshot(), (select case when ops is null then xid end from ${log} order by xid limit 1)`,
    missing: `select xid, ${ops}, octet_length(ops), seq from ${log} where xid = any($2::xid8[]) order by xid`,
    tail: `with page as (select xid, seq, ops from (select xid, seq, ops, sum(octet_length(ops)) over (order by xid rows unbounded preceding) - octet_length(ops) as before from (select xid, seq, ops from ${log} where xid >= $2::xid8 order by xid limit $3::int8) first) sized where before < $4::int8),
late as (select xid, seq, ops from (select xid, seq, ops from ${log} where xid > (select xid from page order by xid desc limit 1) order by xid limit $3::int8) next where seq < (select max(seq) from page))
select xid, ${ops}, octet_length(ops), seq, false from page union all select xid, ${ops}, octet_length(ops), seq, true from late`,
    newest: `select xid from ${log} where xid < $1::xid8 and xid <> all($2::xid8[]) order by xid desc limit 1`,
    sizes: `select xid, coalesce(octet_length(ops), 0), (extract(epoch from at) * 1000)::int8, (extract(epoch from now()) * 1000)::int8 from ${log} where xid > $1::xid8 and xid < pg_snapshot_xmin(pg_current_snapshot()) order by xid limit $2::int8`,
    // Two that do this at once wait for each other, and the second finds it done.
    begin: "begin isolation level read committed",
    remove: `delete from ${log} where xid < $1::xid8`,
    mark: `update ${log} set ops = null where xid = $1::xid8`,
    commit: "commit",
    unsettled: `select n from unnest($1::xid8[]) u(n) where n >= pg_snapshot_xmin(pg_current_snapshot()) or exists (select 1 from ${log} where xid = n)`,
  };
  const named = Object.entries(texts).map(([name, text]) => [name, { name: `kl_${name}`, text }]);
  return Object.fromEntries(named) as Record<keyof LogStatements, Statement>;
}

/** The statements that make the log; each does nothing where it was run before. */
export function logTexts(table: string): readonly string[] {
  const log = logName(table);
  const guard = named(table, "_log_guard");
  return [
    `create table if not exists ${log} (xid xid8 not null default pg_current_xact_id() primary key, at timestamptz not null default now(), seq int8 generated always as identity, ops bytea)`,
    `alter table ${log} alter column ops set storage external`,
    `create or replace function ${guard}() returns trigger language plpgsql as $$ begin if current_setting('${SETTING}', true) is distinct from 'on' then raise exception using errcode = '${NOT_LOGGED}', message = 'this table has a change log, and this session does not write it'; end if; return null; end $$`,
    `create or replace trigger ${TRIGGER} before insert or update or delete on ${table} for each statement execute function ${guard}()`,
  ];
}

/**
 * @throws StorageError 'NoDatabase' where there is no log and `make` is false; 'NotSupported' where the log was copied from
 *   another server, whose numbers mean nothing here.
 */
export async function prepareLog(ask: Ask, table: string, make: boolean): Promise<void> {
  if (await hasLog(ask, table)) return refuseCopied(ask, table);
  if (!make)
    throw new StorageError(
      "NoDatabase",
      { table: logName(table) },
      { remedy: "Let the engine make its log (makeTable), or make it with the role that may." },
    );
  await beginAlone(ask);
  await ask(logTexts(table).join(";"));
  await ask("commit");
}

/** Whether the table, which must be there, has a log. */
export async function hasLog(ask: Ask, table: string): Promise<boolean> {
  const [row] = await ask(
    `select exists (select 1 from pg_trigger where tgrelid = to_regclass('${table}') and tgname = '${TRIGGER}') as there`,
  );
  return row?.["there"] === true;
}

/** What a role needs beside its rights on the table. */
export function logGrantTexts(table: string, role: string): string[] {
  const log = logName(table);
  return [`grant select, insert, update, delete on ${log} to ${quotedRole(role)}`];
}

async function refuseCopied(ask: Ask, table: string): Promise<void> {
  const log = logName(table);
  const [row] = await ask(
    `select xid >= pg_snapshot_xmax(pg_current_snapshot()) as copied from ${log} order by xid desc limit 1`,
  );
  if (row?.["copied"] !== true) return;
  throw new StorageError(
    "NotSupported",
    { table: log, found: "commits that this server has not made" },
    {
      remedy: "A change log belongs to its server: empty this one, and let its readers begin anew.",
    },
  );
}

function logName(table: string): string {
  return named(table, "_log");
}

function named(table: string, end: string): string {
  return `${table.slice(0, -1)}${end}"`;
}
