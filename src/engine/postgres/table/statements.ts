/**
 * The SQL of one table, all of it: a fixed set that every connection prepares.
 *
 * A row of the table is
 *
 *   k    bytea     the key
 *   n    int8      0: what the key holds; above: what was merged into it since, in the order of the merges
 *   how  int2      null: a plain row. 0: a number cell, whose base is v. 1 to 4, with n above 0: how v is merged into it
 *   v    bytea     the value, the base (null: there is none), or the operand
 *
 * Merges are rows of their own because two transactions that change one row cannot both be serializable there, whatever
 * the change; two that add a row each can. They stand beside their cell in the one index, so that whoever read the key
 * as it was before has read the place where they are added, and the server sees the conflict.
 *
 * Always true:
 * (1) A key that was ever merged into has a row with n = 0 and how = 0, and keeps it: only its base comes and goes.
 *     So a plain insert finds every key that may be present, and no reader has to look for merges elsewhere.
 * (2) A scan has one bound on each side, and reads the index in its order: the planner is given no other way.
 * (3) To insert and to put is no read: neither looks at a row that it does not write. (Where a cell is put, its merges are
 *     looked for; of plain rows there are none.)
 */
import type { Statement } from "../connection/index.ts";

export type Isolation = "serializable" | "repeatable read" | "read committed";

export interface TableStatements {
  /** Of each statement that reads: the same with a presumption, whose key and value are its last parameters. */
  readonly presuming: ReadonlyMap<Statement, Statement>;
  readonly settings: Statement;
  readonly isStandby: Statement;
  readonly assertIsolation: Statement;
  readonly begin: Statement;
  readonly beginReadOnly: Statement;
  readonly beginUnbeaten: Statement;
  readonly commit: Statement;
  readonly rollback: Statement;
  readonly pin: Statement;
  readonly lockTable: Statement;
  readonly holdBriefly: Statement;
  readonly get: Statement;
  readonly getMany: Statement;
  readonly scan: Statement;
  readonly scanReverse: Statement;
  readonly scanKeys: Statement;
  readonly scanKeysReverse: Statement;
  readonly scanMany: Statement;
  readonly scanManyReverse: Statement;
  readonly scanRefs: Statement;
  readonly scanRefsReverse: Statement;
  readonly insert: Statement;
  readonly put: Statement;
  readonly copyIn: Statement;
  readonly remove: Statement;
  readonly removeRange: Statement;
  readonly emptyCells: Statement;
  readonly probeAbsent: Statement;
  readonly removeProbes: Statement;
  readonly checkEqual: Statement;
  readonly presume: Statement;
  readonly assertAndPresume: Statement;
  readonly beginCells: Statement;
  readonly makeCells: Statement;
  readonly lockCells: Statement;
  readonly merge: Statement;
  readonly readCell: Statement;
  readonly foldCell: Statement;
  readonly removeMerges: Statement;
}

/** The key that the value of an index entry refers to (src/transaction/reading/reference.ts); null in damaged ones. */
const REFERENCE = `case
  when i.how is not null or length(i.v) = 0 then null
  when get_byte(i.v, 0) < 128 then substring(i.v from 2 for get_byte(i.v, 0))
  when length(i.v) > 1 then substring(i.v from 3 for (get_byte(i.v, 0) & 127) + get_byte(i.v, 1) * 128)
end`;

/** `table` and `sequence` are quoted already. */
export function tableStatements(
  table: string,
  sequence: string,
  isolation: Isolation,
): TableStatements {
  const reading = named("kt_", readingTexts(table));
  const guarded = readingTexts(
    table,
    (params) => ` and ${presumed(table, `$${params + 1}`, `$${params + 2}`)} = ''`,
  );
  const presuming = Object.values(named("kt_presuming_", guarded));
  return {
    ...named("kt_", transactionTexts(table, isolation)),
    ...reading,
    ...named("kt_", writingTexts(table, isolation)),
    ...named("kt_", cellTexts(table, sequence)),
    presuming: new Map(Object.values(reading).map((statement, at) => [statement, presuming[at]!])),
  };
}

/** All of them, for whoever prepares them. */
export function statementList({ presuming, ...others }: TableStatements): readonly Statement[] {
  return [...Object.values(others), ...presuming.values()];
}

function named<N extends string>(
  prefix: string,
  texts: Readonly<Record<N, string>>,
): Record<N, Statement> {
  const entries = Object.entries<string>(texts);
  const statements = entries.map(([name, text]) => [name, { name: prefix + name, text }]);
  return Object.fromEntries(statements) as Record<N, Statement>;
}

/** A number where all is well; else the server fails to make one of the name that it finds. */
function asserted(isolation: Isolation): string {
  const name = "current_setting('transaction_isolation')";
  return `case ${name} when '${isolation}' then 0 else ${name}::int end`;
}

function transactionTexts(table: string, isolation: Isolation) {
  return {
    settings:
      "select set_config(name, value, false) from unnest($1::text[], $2::text[]) s(name, value)",
    isStandby: "select pg_is_in_recovery()",
    assertIsolation: `select ${asserted(isolation)}`,
    begin: `begin isolation level ${isolation}`,
    beginReadOnly: `begin isolation level ${isolation} read only`,
    // Waits until there is a state that no commit under way can put in doubt; from then on it cannot lose.
    beginUnbeaten: `begin isolation level ${isolation} read only deferrable`,
    commit: "commit",
    rollback: "rollback",
    // Whatever is selected, the transaction's state is fixed by it.
    pin: "select 1",
    // Waits for those who write, and lets nobody write until the transaction ends; whoever reads goes on. It fixes no state:
    // that is of when the lock is there.
    lockTable: `lock table ${table} in exclusive mode`,
    // A program that has fallen silent must not keep all others from writing, nor from connecting, for a connection prepares
    // statements that write.
    holdBriefly: "set local idle_in_transaction_session_timeout = '3s'",
  };
}

/**
 * `where` joins the conditions of each: nothing, or what is presumed. It names no column, so the server asks it once, before
 * it reads anything.
 */
function readingTexts(table: string, where: (params: number) => string = () => "") {
  const page = (columns: string, order: "" | " desc"): string =>
    `select ${columns} from ${table} where k >= $1 and k < $2${where(3)} order by k${order}, n${order} limit $3::int8`;
  const refs = (order: "" | " desc"): string =>
    `select i.k, i.how, i.v, d.how, d.v from (${page("k, n, how, v", order)}) i left join ${table} d on d.n = 0 and d.k = ${REFERENCE} order by i.k${order}, i.n${order}`;
  const many = (order: "" | " desc"): string =>
    `select o.i, x.k, x.how, case when $4::bool and x.v is not null then ''::bytea else x.v end from unnest($1::bytea[], $2::bytea[]) with ordinality o(low, high, i) cross join lateral (select k, n, how, v from ${table} where k >= o.low and k < o.high order by k${order}, n${order} limit $3::int8) x where true${where(4)} order by o.i, x.k${order}, x.n${order}`;
  const present = "k, how, case when v is null then null else ''::bytea end";
  return {
    get: `select how, v from ${table} where k = $1${where(1)} order by n`,
    getMany: `select o.i, t.n, t.how, t.v from unnest($1::bytea[]) with ordinality o(k, i) join ${table} t on t.k = o.k where true${where(1)}`,
    scan: page("k, how, v", ""),
    scanReverse: page("k, how, v", " desc"),
    scanKeys: page(present, ""),
    scanKeysReverse: page(present, " desc"),
    scanMany: many(""),
    scanManyReverse: many(" desc"),
    scanRefs: refs(""),
    scanRefsReverse: refs(" desc"),
  };
}

/** Nothing, where `key` holds `value`; else less than nothing is asked for, which no other statement does. */
function presumed(table: string, key: string, value: string): string {
  return `substring('' for case when exists(select from ${table} where k = ${key} and n = 0 and how is null and v = ${value}) then 0 else -1 end)`;
}

function writingTexts(table: string, isolation: Isolation) {
  const rows = "select * from unnest($1::bytea[], $2::bytea[])";
  const presume = presumed(table, "$1", "$2");
  return {
    insert: `insert into ${table}(k, v) ${rows}`,
    put: `with put as (insert into ${table}(k, v) ${rows} on conflict (k, n) do update set v = excluded.v returning k, how)
delete from ${table} where n > 0 and k = any(array(select k from put where how = 0))`,
    // Binary, in the form of load/load-piece.ts. As an insert: it fails where one of the keys is there.
    copyIn: `copy ${table}(k, v) from stdin (format binary)`,
    remove: `with gone as (delete from ${table} where k = any($1::bytea[]) and how is distinct from 0)
update ${table} set v = null where k = any($1::bytea[]) and how = 0`,
    removeRange: `delete from ${table} where k >= $1 and k < $2 and how is distinct from 0`,
    emptyCells: `update ${table} set v = null where k >= $1 and k < $2 and how = 0 and v is not null`,
    // A unique index is asked for the newest state, also where the transaction sees an older one; a query is not.
    probeAbsent: `insert into ${table}(k, v) select k, ''::bytea from unnest($1::bytea[]) p(k)`,
    removeProbes: `delete from ${table} where n = 0 and k = any($1::bytea[])`,
    // Locked, so that nobody changes it before the commit; a row that was changed since the transaction began is refused.
    checkEqual: `select 1 / (case when (select count(*) from (select 1 from unnest($1::bytea[], $2::bytea[]) r(k, v) join ${table} t on t.k = r.k and t.n = 0 and t.how is null and t.v = r.v for share of t) found) = array_length($1::bytea[], 1) then 1 else 0 end)`,
    // A read, not locked: a row that everybody looks at must not be written by all of them. The server sees who changes it.
    presume: `select ${presume}`,
    assertAndPresume: `select ${asserted(isolation)}, ${presume}`,
  };
}

function cellTexts(table: string, sequence: string) {
  return {
    // That a key becomes a cell changes nothing that it holds, so no reader needs to be told.
    beginCells: "begin isolation level read committed",
    makeCells: `insert into ${table}(k, how) select k, 0 from unnest($1::bytea[]) c(k) on conflict (k, n) do update set how = 0 where ${table}.how is null`,
    lockCells: `select pg_advisory_xact_lock(h) from unnest($1::int8[]) c(h)`,
    merge: `insert into ${table}(k, n, how, v) select k, nextval('${sequence.replaceAll("'", "''")}'), how, v from unnest($1::bytea[], $2::int2[], $3::bytea[]) m(k, how, v)`,
    readCell: `select n, how, v from ${table} where k = $1 order by n`,
    foldCell: `update ${table} set v = $2 where k = $1 and n = 0 and how = 0`,
    removeMerges: `delete from ${table} where k = $1 and n = any($2::int8[])`,
  };
}
