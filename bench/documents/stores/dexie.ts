/**
 * Dexie, the usual surface of IndexedDB, on fake-indexeddb, which is all that Node has of that: in memory, nothing
 * survives. What is compared is therefore the surface, and not what a browser keeps it on.
 */
import { Dexie, liveQuery } from "dexie";
import { IDBKeyRange, indexedDB } from "fake-indexeddb";
import type { DocumentStore } from "../document-store.ts";
import { placeBehind } from "../place.ts";
import type { Place } from "../place.ts";
import type { Person } from "../person.ts";

export async function openDexie(): Promise<DocumentStore> {
  // Not as options of the database alone: live queries ask for it here.
  Object.assign(Dexie.dependencies, { indexedDB, IDBKeyRange });
  const db = new Dexie("people");
  db.version(1).stores({ people: "++id, &email, [city+age]" });
  await db.open();
  const people = db.table<Person, number>("people");
  const inCity = (city: string, ageStart: number, ageEnd: unknown) =>
    people.where("[city+age]").between([city, ageStart], [city, ageEnd], true, false);
  const youngest = (city: string, ageStart: number, limit: number) =>
    inCity(city, ageStart, Dexie.maxKey).limit(limit).toArray();
  return {
    insertMany: async (all) => people.bulkAdd([...all], { allKeys: true }),
    insert: async (person) => people.add(person),
    get: async (id) => people.get(id as number),
    findByEmail: async (email) => people.get({ email }),
    range: async (city, ageStart, limit) => youngest(city, ageStart, limit),
    countRange: async (city, ageStart, ageEnd) => inCity(city, ageStart, ageEnd).count(),
    countRole: async (role) => people.filter((person) => person.role === role).count(),
    update: async (id, { age, logins }) => {
      if ((await people.update(id as number, { age, logins })) !== 1)
        throw new Error(`No person ${id}.`);
    },
    delete: async (id) =>
      db.transaction("rw", people, async () => {
        if ((await people.get(id as number)) === undefined) return false;
        await people.delete(id as number);
        return true;
      }),
    increment: async (id) =>
      db.transaction("rw", people, async () => {
        const person = await people.get(id as number);
        if (person === undefined) throw new Error(`No person ${id}.`);
        await people.update(id as number, { logins: person.logins + 1 });
      }),
    page: async (after, size) => {
      const { city, age, seen } = (after as Place | undefined) ?? { city: "", age: 0, seen: 0 };
      const items = await people
        .where("[city+age]")
        .aboveOrEqual([city, age])
        .offset(seen)
        .limit(size)
        .toArray();
      return { items, next: items.length < size ? undefined : placeBehind(items, after) };
    },
    live: (city, limit, onRows) => {
      const following = liveQuery(() => youngest(city, 0, limit)).subscribe({
        next: onRows,
      });
      return () => following.unsubscribe();
    },
    close: () => db.close(),
  };
}
