/**
 * RxDB on its memory storage, since it has no free persistent storage on Node: the trial of the SQLite one is limited to 500
 * documents without indexes, and the others want a server or a browser. Only the primary key is unique there, so the email
 * is it; no storage of its has transactions, `incrementalModify` is its read-modify-write.
 */
import { createRxDatabase } from "rxdb";
import type { RxCollection, RxDocument } from "rxdb";
import { getRxStorageMemory } from "rxdb/plugins/storage-memory";
import type { DocumentStore, Id } from "../document-store.ts";
import type { Person } from "../person.ts";

const text = (maxLength: number) => ({ type: "string", maxLength });
const whole = { type: "integer", minimum: 0, maximum: 1_000_000_000, multipleOf: 1 };
const schema = {
  version: 0,
  primaryKey: "email",
  type: "object",
  properties: {
    email: text(64),
    name: { type: "string" },
    age: { ...whole, maximum: 150 },
    city: text(32),
    role: { type: "string" },
    active: { type: "boolean" },
    logins: { type: "integer" },
    score: { type: "number" },
    createdAt: { type: "integer" },
    tags: { type: "array", items: { type: "string" } },
    address: {
      type: "object",
      properties: {
        street: { type: "string" },
        zip: { type: "integer" },
        country: { type: "string" },
      },
    },
    bio: { type: "string" },
  },
  required: ["email", "age", "city"],
  indexes: [["city", "age"]],
} as const;

export async function openRxdb(): Promise<DocumentStore> {
  const db = await createRxDatabase({
    name: "people",
    storage: getRxStorageMemory(),
    multiInstance: false,
    eventReduce: true,
  });
  const { people } = (await db.addCollections({ people: { schema } })) as unknown as {
    readonly people: RxCollection<Person>;
  };
  return storeOn(people, () => db.close());
}

function storeOn(people: RxCollection<Person>, close: () => Promise<unknown>): DocumentStore {
  const get = async (id: Id): Promise<Person | undefined> =>
    (await people.findOne(String(id)).exec())?.toJSON() as Person | undefined;
  const known = async (id: Id): Promise<RxDocument<Person>> => {
    const document = await people.findOne(String(id)).exec();
    if (document === null) throw new Error(`No person ${id}.`);
    return document;
  };
  const plain = (documents: RxDocument<Person>[]): readonly Person[] =>
    documents.map((document) => document.toJSON() as Person);
  return {
    insertMany: async (all) => {
      const { error } = await people.bulkInsert(all as Person[]);
      if (error.length > 0) throw new Error(`${error.length} emails are taken.`);
      return all.map(({ email }) => email);
    },
    insert: async (person) => (await people.insert(person)).primary,
    get,
    findByEmail: get,
    range: async (city, ageStart, limit) =>
      plain(
        await people
          .find({ selector: { city, age: { $gte: ageStart } }, sort: [{ age: "asc" }], limit })
          .exec(),
      ),
    countRange: (city, ageStart, ageEnd) =>
      people.count({ selector: { city, age: { $gte: ageStart, $lt: ageEnd } } }).exec(),
    // Its count() refuses what no index answers as a whole.
    countRole: async (role) => (await people.find({ selector: { role } }).exec()).length,
    update: async (id, { age, logins }) => {
      await (await known(id)).incrementalPatch({ age, logins });
    },
    delete: async (id) => {
      const document = await people.findOne(String(id)).exec();
      if (document === null) return false;
      await document.incrementalRemove();
      return true;
    },
    increment: async (id) => {
      await (
        await known(id)
      ).incrementalModify((person) => {
        person.logins++;
        return person;
      });
    },
    page: async (after, size) => {
      const skip = (after as number | undefined) ?? 0;
      const sort = [{ city: "asc" }, { age: "asc" }] as const;
      const items = plain(
        await people.find({ selector: {}, sort: [...sort], skip, limit: size }).exec(),
      );
      return { items, next: items.length < size ? undefined : skip + size };
    },
    live: (city, limit, onRows) => {
      const query = people.find({ selector: { city }, sort: [{ age: "asc" }], limit });
      const following = query.$.subscribe((documents) => onRows(plain(documents)));
      return () => following.unsubscribe();
    },
    close: async () => void (await close()),
  };
}
