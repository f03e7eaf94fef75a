/**
 * PouchDB on LevelDB, which it never syncs. The email is the document's `_id`, as its documentation advises for what is
 * unique; (city, age) is a view of its own, brought up to date when it is asked, and once at the end of a bulk load. Its
 * revisions tell two writers of one document apart; the one that comes second tries again.
 */
import PouchDB from "pouchdb";
import { join } from "node:path";
import type { DocumentStore, Id } from "../document-store.ts";
import type { Person } from "../person.ts";
import { placeBehind } from "../place.ts";
import type { Place } from "../place.ts";

/** What it throws. */
interface Failure extends Error {
  readonly status: number;
}
declare function emit(key: unknown): void;

export async function openPouch(directory: string): Promise<DocumentStore> {
  const db = new PouchDB<Person>(join(directory, "people"), { auto_compaction: true });
  const view = {
    map: ((person: Person) => emit([person.city, person.age])).toString(),
    reduce: "_count",
  };
  await db.put({ _id: "_design/people", views: { byCity: view } }).catch(unlessConflict);
  const get = (id: Id): Promise<Person | undefined> =>
    db.get(String(id)).catch((error: Failure) => {
      if (error.status !== 404) throw error;
      return undefined;
    });
  const inCity = async (city: string, start: unknown, end: unknown, limit: number) => {
    const range = { startkey: [city, start], endkey: [city, end], inclusive_end: false, limit };
    const { rows } = await db.query("people/byCity", {
      ...range,
      reduce: false,
      include_docs: true,
    });
    return rows.map(({ doc }) => doc!);
  };
  const change = (id: Id, of: (person: Person) => Partial<Person>) => changed(db, id, of);
  return {
    insertMany: async (people) => {
      const answers = await db.bulkDocs(people.map(storedOf));
      if (answers.some((answer) => "error" in answer)) throw new Error("An email is taken.");
      return people.map(({ email }) => email);
    },
    settle: async () => void (await db.query("people/byCity", { limit: 1, reduce: false })),
    insert: async (person) => (await db.put(storedOf(person))).id,
    get,
    findByEmail: get,
    range: (city, ageStart, limit) => inCity(city, ageStart, {}, limit),
    countRange: async (city, ageStart, ageEnd) => {
      const range = { startkey: [city, ageStart], endkey: [city, ageEnd], inclusive_end: false };
      const { rows } = await db.query("people/byCity", range);
      return Number(rows[0]?.value ?? 0);
    },
    countRole: async (role) => {
      const { rows } = await db.allDocs({ include_docs: true });
      return rows.filter(({ doc }) => doc?.role === role).length;
    },
    update: (id, { age, logins }) => change(id, () => ({ age, logins })),
    delete: async (id) => (await change(id, () => ({ _deleted: true }) as object), true),
    increment: (id) => change(id, ({ logins }) => ({ logins: logins + 1 })),
    page: async (after, size) => {
      const { city, age, seen } = (after as Place | undefined) ?? { city: "", age: 0, seen: 0 };
      const options = { startkey: [city, age], skip: seen, limit: size };
      const { rows } = await db.query("people/byCity", {
        ...options,
        reduce: false,
        include_docs: true,
      });
      const items = rows.map(({ doc }) => doc!);
      return { items, next: items.length < size ? undefined : placeBehind(items, after) };
    },
    close: () => db.close(),
  };
}

function storedOf(person: Person): object {
  return { _id: person.email, ...person };
}

async function changed(
  db: PouchDB<Person>,
  id: Id,
  change: (person: Person) => Partial<Person>,
): Promise<void> {
  for (;;) {
    const person = await db.get(String(id));
    try {
      await db.put({ ...person, ...change(person) });
      return;
    } catch (error) {
      unlessConflict(error as Failure);
    }
  }
}

function unlessConflict(error: Failure): void {
  if (error.status !== 409) throw error;
}
