/** Drizzle on better-sqlite3: the same settings, every query prepared once with placeholders, as its documentation advises. */
import { and, asc, count, eq, gte, lt, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/better-sqlite3";
import { index, integer, real, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import type { DocumentStore, Id, Page } from "../document-store.ts";
import type { Person } from "../person.ts";
import { openDatabase } from "./sqlite.ts";

const people = sqliteTable(
  "people",
  {
    id: integer().primaryKey(),
    email: text().notNull(),
    name: text().notNull(),
    age: integer().notNull(),
    city: text().notNull(),
    role: text().$type<Person["role"]>().notNull(),
    active: integer({ mode: "boolean" }).notNull(),
    logins: integer().notNull(),
    score: real().notNull(),
    createdAt: integer().notNull(),
    tags: text({ mode: "json" }).$type<string[]>().notNull(),
    address: text({ mode: "json" }).$type<Person["address"]>().notNull(),
    bio: text().notNull(),
  },
  (table) => [uniqueIndex("byEmail").on(table.email), index("byCity").on(table.city, table.age)],
);
/** Drizzle makes tables by its migrations; this is what they would run. */
const TABLE = `
  create table if not exists people (
    id integer primary key, email text not null, name text not null, age integer not null, city text not null,
    role text not null, active integer not null, logins integer not null, score real not null,
    createdAt integer not null, tags text not null, address text not null, bio text not null
  );
  create unique index if not exists byEmail on people (email);
  create index if not exists byCity on people (city, age);`;

export async function openDrizzle(directory: string, isDurable: boolean): Promise<DocumentStore> {
  const client = await openDatabase(directory, isDurable);
  client.exec(TABLE);
  const db = drizzle(client);
  const given = sql.placeholder;
  const insert = db
    .insert(people)
    .values({
      email: given("email"),
      name: given("name"),
      age: given("age"),
      city: given("city"),
      role: given("role"),
      active: given("active"),
      logins: given("logins"),
      score: given("score"),
      createdAt: given("createdAt"),
      tags: given("tags"),
      address: given("address"),
      bio: given("bio"),
    })
    .prepare();
  const add = (person: Person): Id => insert.run({ ...person }).lastInsertRowid as number;
  const update = db
    .update(people)
    .set({ age: sql`${given("age")}`, logins: sql`${given("logins")}` })
    .where(eq(people.id, given("id")))
    .prepare();
  const logins = db
    .select({ logins: people.logins })
    .from(people)
    .where(eq(people.id, given("id")))
    .prepare();
  const writeLogins = db
    .update(people)
    .set({ logins: sql`${given("logins")}` })
    .where(eq(people.id, given("id")))
    .prepare();
  const remove = db
    .delete(people)
    .where(eq(people.id, given("id")))
    .prepare();
  return {
    ...readsOn(db),
    insertMany: (all) => db.transaction(() => all.map(add)),
    insert: add,
    update: (id, patch) => {
      if (update.run({ id, ...patch }).changes !== 1) throw new Error(`No person ${id}.`);
    },
    delete: (id) => remove.run({ id }).changes === 1,
    increment: (id) =>
      db.transaction(
        () => {
          const row = logins.get({ id });
          if (row === undefined) throw new Error(`No person ${id}.`);
          writeLogins.run({ id, logins: row.logins + 1 });
        },
        { behavior: "immediate" },
      ),
    close: () => void client.close(),
  };
}

type Reads = "get" | "findByEmail" | "range" | "countRange" | "countRole" | "page";

function readsOn(db: ReturnType<typeof drizzle>): Pick<DocumentStore, Reads> {
  const given = sql.placeholder;
  const { id, email, city, age, role } = people;
  const all = () => db.select().from(people);
  const counted = () => db.select({ n: count() }).from(people);
  const one = all()
    .where(eq(id, given("id")))
    .prepare();
  const byEmail = all()
    .where(eq(email, given("email")))
    .prepare();
  const range = all()
    .where(and(eq(city, given("city")), gte(age, given("ageStart"))))
    .orderBy(asc(age))
    .limit(given("limit"))
    .prepare();
  const countRange = counted()
    .where(and(eq(city, given("city")), gte(age, given("ageStart")), lt(age, given("ageEnd"))))
    .prepare();
  const countRole = counted()
    .where(eq(role, given("role")))
    .prepare();
  const page = all()
    .where(sql`(${city}, ${age}, ${id}) > (${given("city")}, ${given("age")}, ${given("id")})`)
    .orderBy(asc(city), asc(age), asc(id))
    .limit(given("limit"))
    .prepare();
  return {
    get: (value) => one.get({ id: value }),
    findByEmail: (value) => byEmail.get({ email: value }),
    range: (value, ageStart, limit) => range.all({ city: value, ageStart, limit }),
    countRange: (value, ageStart, ageEnd) => countRange.get({ city: value, ageStart, ageEnd })!.n,
    countRole: (value) => countRole.get({ role: value })!.n,
    page: (after, size): Page => {
      const from = (after ?? { city: "", age: 0, id: 0 }) as object;
      const items = page.all({ ...from, limit: size });
      return { items, next: items.length < size ? undefined : items.at(-1) };
    },
  };
}
