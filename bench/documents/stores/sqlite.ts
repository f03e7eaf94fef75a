/**
 * better-sqlite3, with columns and with JSON: WAL, every statement prepared once, transactions around what belongs
 * together, 64 MiB of page cache and the file mapped. `synchronous` is NORMAL where a write shall survive the process, and
 * FULL where it shall survive the power.
 */
import type { Database, Statement } from "better-sqlite3";
import type { DocumentStore, Id, Page } from "../document-store.ts";
import type { Person } from "../person.ts";

export async function openDatabase(directory: string, isDurable: boolean): Promise<Database> {
  const { default: Sqlite } = await import("better-sqlite3");
  const db = new Sqlite(`${directory}/people.sqlite`);
  db.pragma("journal_mode = WAL");
  db.pragma(`synchronous = ${isDurable ? "FULL" : "NORMAL"}`);
  db.pragma("cache_size = -65536");
  db.pragma("mmap_size = 2147483648");
  db.pragma("temp_store = MEMORY");
  return db;
}

/** A person as a row of columns; what is nested is flat, and the list is JSON. */
interface Row {
  readonly id: number;
  readonly email: string;
  readonly name: string;
  readonly age: number;
  readonly city: string;
  readonly role: Person["role"];
  readonly active: number;
  readonly logins: number;
  readonly score: number;
  readonly createdAt: number;
  readonly tags: string;
  readonly street: string;
  readonly zip: number;
  readonly country: string;
  readonly bio: string;
}

function personOfRow(row: Row): Person & { id: number } {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    age: row.age,
    city: row.city,
    role: row.role,
    active: row.active === 1,
    logins: row.logins,
    score: row.score,
    createdAt: row.createdAt,
    tags: JSON.parse(row.tags) as string[],
    address: { street: row.street, zip: row.zip, country: row.country },
    bio: row.bio,
  };
}

const COLUMNS = `
  create table if not exists people (
    id integer primary key, email text not null, name text not null, age integer not null, city text not null,
    role text not null, active integer not null, logins integer not null, score real not null,
    createdAt integer not null, tags text not null, street text not null, zip integer not null,
    country text not null, bio text not null
  );
  create unique index if not exists byEmail on people (email);
  create index if not exists byCity on people (city, age);`;
/** The count of each role, kept by triggers in the same transaction. */
const COUNTS = `
  create table if not exists roles (role text primary key, n integer not null) without rowid;
  create trigger if not exists roleAdded after insert on people begin
    insert into roles values (new.role, 1) on conflict (role) do update set n = n + 1; end;
  create trigger if not exists roleRemoved after delete on people begin
    update roles set n = n - 1 where role = old.role; end;`;

export async function openColumns(
  directory: string,
  isDurable: boolean,
  isCounting: boolean,
): Promise<DocumentStore> {
  const db = await openDatabase(directory, isDurable);
  db.exec(isCounting ? COLUMNS + COUNTS : COLUMNS);
  const insert = db.prepare(
    "insert into people values (null, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const add = (person: Person): Id => {
    const { address } = person;
    return insert.run(
      person.email,
      person.name,
      person.age,
      person.city,
      person.role,
      person.active ? 1 : 0,
      person.logins,
      person.score,
      person.createdAt,
      JSON.stringify(person.tags),
      address.street,
      address.zip,
      address.country,
      person.bio,
    ).lastInsertRowid as number;
  };
  const readLogins = db.prepare<[Id], { logins: number }>("select logins from people where id = ?");
  const writeLogins = db.prepare<[number, Id]>("update people set logins = ? where id = ?");
  return {
    ...commonOf(db, { add, columns: "*", read: (row) => personOfRow(row as Row) }),
    countRole: counter(
      db.prepare(
        isCounting
          ? "select n from roles where role = ?"
          : "select count(*) n from people where role = ?",
      ),
    ),
    update: updater(db.prepare("update people set age = ?, logins = ? where id = ?")),
    increment: immediate(db, (id) => {
      writeLogins.run(found(readLogins.get(id)).logins + 1, id);
    }),
  };
}

const JSON_TABLE = `
  create table if not exists people (
    id integer primary key, doc text not null,
    email text not null generated always as (doc ->> '$.email') virtual,
    city text not null generated always as (doc ->> '$.city') virtual,
    age integer not null generated always as (doc ->> '$.age') virtual,
    role text not null generated always as (doc ->> '$.role') virtual
  );
  create unique index if not exists byEmail on people (email);
  create index if not exists byCity on people (city, age);`;

export async function openJson(directory: string, isDurable: boolean): Promise<DocumentStore> {
  const db = await openDatabase(directory, isDurable);
  db.exec(JSON_TABLE);
  const insert = db.prepare("insert into people (doc) values (?)");
  const readOne = db.prepare<[Id], { doc: string }>("select doc from people where id = ?");
  const writeOne = db.prepare<[string, Id]>("update people set doc = ? where id = ?");
  return {
    ...commonOf(db, {
      add: (person) => insert.run(JSON.stringify(person)).lastInsertRowid as number,
      columns: "id, doc",
      read: (row) => JSON.parse((row as { doc: string }).doc) as Person,
    }),
    countRole: counter(db.prepare("select count(*) n from people where role = ?")),
    update: updater(
      db.prepare("update people set doc = json_set(doc, '$.age', ?, '$.logins', ?) where id = ?"),
    ),
    increment: immediate(db, (id) => {
      const person = JSON.parse(found(readOne.get(id)).doc) as Person;
      person.logins++;
      writeOne.run(JSON.stringify(person), id);
    }),
  };
}

interface Shape {
  readonly add: (person: Person) => Id;
  readonly columns: string;
  readonly read: (row: unknown) => Person;
}
type Common = Omit<DocumentStore, "countRole" | "update" | "increment">;

/** What is the same for columns and for JSON, where these are generated from it. */
function commonOf(db: Database, { add, columns, read }: Shape): Common {
  const one = db.prepare(`select ${columns} from people where id = ?`);
  const byEmail = db.prepare(`select ${columns} from people where email = ?`);
  const range = db.prepare(
    `select ${columns} from people where city = ? and age >= ? order by age limit ?`,
  );
  const count = db.prepare<[string, number, number], { n: number }>(
    "select count(*) n from people where city = ? and age >= ? and age < ?",
  );
  const page = db.prepare(
    `select ${columns}, id, city, age from people where (city, age, id) > (?, ?, ?)
     order by city, age, id limit ?`,
  );
  const remove = db.prepare("delete from people where id = ?");
  const addAll = db.transaction((people: readonly Person[]) => people.map(add));
  const readIf = (row: unknown): Person | undefined => (row === undefined ? undefined : read(row));
  return {
    insertMany: addAll,
    insert: add,
    get: (id) => readIf(one.get(id)),
    findByEmail: (email) => readIf(byEmail.get(email)),
    range: (city, ageStart, limit) => range.all(city, ageStart, limit).map(read),
    countRange: (city, ageStart, ageEnd) => count.get(city, ageStart, ageEnd)!.n,
    delete: (id) => remove.run(id).changes === 1,
    page: (after, size): Page => {
      const [city, age, id] = (after ?? ["", 0, 0]) as [string, number, number];
      const rows = page.all(city, age, id, size) as { city: string; age: number; id: number }[];
      const last = rows.at(-1);
      const next = rows.length < size ? undefined : [last?.city, last?.age, last?.id];
      return { items: rows.map(read), next };
    },
    close: () => void db.close(),
  };
}

function counter(statement: Statement): (value: string) => number {
  return (value) => (statement.get(value) as { n: number }).n;
}

function updater(statement: Statement): DocumentStore["update"] {
  return (id, { age, logins }) => {
    if (statement.run(age, logins, id).changes !== 1) throw new Error(`No person ${id}.`);
  };
}

/** A transaction that takes the write lock at its beginning, as one that reads in order to write must. */
function immediate(db: Database, body: (id: Id) => void): (id: Id) => void {
  const run = db.transaction(body);
  return (id) => run.immediate(id);
}

function found<T>(row: T | undefined): T {
  if (row === undefined) throw new Error("There is no such person.");
  return row;
}
