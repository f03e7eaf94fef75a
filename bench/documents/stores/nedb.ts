/**
 * NeDB (the kept fork @seald-io/nedb): all documents in memory, every change appended to a file that is never synced. It
 * enforces uniqueness. Its compound indexes serve equality only, so the range goes by an index on `city`, as its
 * documentation would have it, and the rest is filtered and sorted. Without transactions: `$inc` is its read-modify-write.
 */
import nedb from "@seald-io/nedb";
import { join } from "node:path";
import type { DocumentStore, Id, PersonPatch } from "../document-store.ts";
import type { Person } from "../person.ts";

// Its types name a default export, where there is the class itself.
const Datastore = nedb as unknown as typeof nedb.default;

export async function openNedb(directory: string): Promise<DocumentStore> {
  const db = new Datastore<Person>({ filename: join(directory, "people.db") });
  await db.loadDatabaseAsync();
  await db.ensureIndexAsync({ fieldName: "email", unique: true });
  await db.ensureIndexAsync({ fieldName: "city" });
  const change = async (id: Id, update: object): Promise<void> => {
    const { numAffected } = await db.updateAsync({ _id: id }, update, {});
    if (numAffected !== 1) throw new Error(`No person ${id}.`);
  };
  return {
    insertMany: async (people) => (await db.insertAsync(people as Person[])).map(({ _id }) => _id),
    insert: async (person) => (await db.insertAsync(person))._id,
    get: async (id) => (await db.findOneAsync({ _id: id })) ?? undefined,
    findByEmail: async (email) => (await db.findOneAsync({ email })) ?? undefined,
    range: (city, ageStart, limit) =>
      found(
        db
          .findAsync({ city, age: { $gte: ageStart } })
          .sort({ age: 1 })
          .limit(limit),
      ),
    countRange: async (city, ageStart, ageEnd) =>
      db.countAsync({ city, age: { $gte: ageStart, $lt: ageEnd } }),
    countRole: async (role) => db.countAsync({ role }),
    update: (id, { age, logins }: PersonPatch) => change(id, { $set: { age, logins } }),
    delete: async (id) => (await db.removeAsync({ _id: id }, {})) === 1,
    increment: (id) => change(id, { $inc: { logins: 1 } }),
    page: async (after, size) => {
      const start = (after as number | undefined) ?? 0;
      const items = await found(db.findAsync({}).sort({ city: 1, age: 1 }).skip(start).limit(size));
      return { items, next: items.length < size ? undefined : start + size };
    },
    // Every change is in the file already.
    close: () => undefined,
  };
}

/** A cursor is no promise until it is awaited. */
async function found(cursor: PromiseLike<Person[]>): Promise<readonly Person[]> {
  return cursor;
}
