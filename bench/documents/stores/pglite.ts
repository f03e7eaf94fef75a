/**
 * PGlite: PostgreSQL in WebAssembly, on files. With `relaxedDurability` an answer does not wait for the files; without it
 * they are written, but never synced (no fdatasync reaches the disk), so it is not measured as durable.
 */
import { PGlite } from "@electric-sql/pglite";
import { live } from "@electric-sql/pglite/live";
import { join } from "node:path";
import type { DocumentStore } from "../document-store.ts";
import type { Person } from "../person.ts";

const COLUMNS = `email text, name text, age int, city text, role text, active boolean, logins int, score float8,
  "createdAt" int8, tags jsonb, address jsonb, bio text`;
const NAMES = `email, name, age, city, role, active, logins, score, "createdAt", tags, address, bio`;
const TABLE = `
  create table if not exists people (id int primary key generated always as identity, ${COLUMNS});
  create unique index if not exists "byEmail" on people (email);
  create index if not exists "byCity" on people (city, age);`;
/** A list of documents in one parameter: one statement for all of them. */
const INSERT = `insert into people (${NAMES})
  select ${NAMES} from jsonb_to_recordset($1::jsonb) as x(${COLUMNS}) returning id`;

export async function openPglite(directory: string): Promise<DocumentStore> {
  const db = await PGlite.create({
    dataDir: join(directory, "people"),
    relaxedDurability: true,
    extensions: { live },
  });
  await db.exec(TABLE);
  const rowsOf = async <T = Person>(sql: string, values: unknown[]): Promise<T[]> =>
    (await db.query<T>(sql, values)).rows;
  const countOf = async (sql: string, values: unknown[]): Promise<number> =>
    Number((await rowsOf<{ n: number }>(sql, values))[0]!.n);
  const add = async (people: readonly Person[]): Promise<number[]> =>
    (await rowsOf<{ id: number }>(INSERT, [JSON.stringify(people)])).map(({ id }) => id);
  return {
    insertMany: add,
    insert: async (person) => (await add([person]))[0]!,
    get: async (id) => (await rowsOf("select * from people where id = $1", [id]))[0],
    findByEmail: async (email) =>
      (await rowsOf("select * from people where email = $1", [email]))[0],
    range: (city, ageStart, limit) =>
      rowsOf("select * from people where city = $1 and age >= $2 order by age limit $3", [
        city,
        ageStart,
        limit,
      ]),
    countRange: (city, ageStart, ageEnd) =>
      countOf("select count(*) n from people where city = $1 and age >= $2 and age < $3", [
        city,
        ageStart,
        ageEnd,
      ]),
    countRole: (role) => countOf("select count(*) n from people where role = $1", [role]),
    update: async (id, { age, logins }) => {
      const sql = "update people set age = $1, logins = $2 where id = $3";
      if ((await db.query(sql, [age, logins, id])).affectedRows !== 1)
        throw new Error(`No person ${id}.`);
    },
    delete: async (id) =>
      (await db.query("delete from people where id = $1", [id])).affectedRows === 1,
    increment: (id) =>
      db.transaction(async (tx) => {
        const { rows } = await tx.query<{ logins: number }>(
          "select logins from people where id = $1 for update",
          [id],
        );
        await tx.query("update people set logins = $1 where id = $2", [rows[0]!.logins + 1, id]);
      }),
    page: async (after, size) => {
      const items = await rowsOf<Person & { id: number }>(
        `select * from people where (city, age, id) > ($1, $2, $3) order by city, age, id limit $4`,
        [...((after ?? ["", 0, 0]) as unknown[]), size],
      );
      const last = items.at(-1);
      const next = items.length < size ? undefined : [last?.city, last?.age, last?.id];
      return { items, next };
    },
    live: async (city, limit, onRows) => {
      const sql = "select * from people where city = $1 order by age limit $2";
      const following = await db.live.query<Person>(sql, [city, limit], ({ rows }) => onRows(rows));
      return () => void following.unsubscribe();
    },
    close: () => db.close(),
  };
}
