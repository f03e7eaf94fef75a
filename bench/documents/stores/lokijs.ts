/**
 * LokiJS: all documents in memory, and what it gives out are its own objects, not copies (`clone` off, its default and its
 * quickest). Uniqueness is enforced; of compound indexes it has none, so the range goes by the binary index on `city`.
 * It writes its whole state to a file when it is told to, which is not done here: nothing survives.
 */
import Loki from "lokijs";
import type { DocumentStore, Id } from "../document-store.ts";
import type { Person } from "../person.ts";

export function openLoki(): DocumentStore {
  const db = new Loki("people.loki", { adapter: new Loki.LokiMemoryAdapter() });
  const people = db.addCollection<Person>("people", {
    unique: ["email"],
    indices: ["city"],
    disableMeta: true,
  });
  const known = (id: Id): Person => {
    const person = people.get(id as number);
    if (person === null) throw new Error(`No person ${id}.`);
    return person;
  };
  const add = (person: Person): Id => people.insertOne(person)!.$loki;
  return {
    insertMany: (all) => (people.insert(all as Person[]) as unknown as LokiObj[]).map(idOf),
    insert: add,
    get: (id) => people.get(id as number) ?? undefined,
    findByEmail: (email) => people.by("email", email) ?? undefined,
    range: (city, ageStart, limit) =>
      people
        .chain()
        .find({ city })
        .find({ age: { $gte: ageStart } })
        .simplesort("age")
        .limit(limit)
        .data(),
    countRange: (city, ageStart, ageEnd) =>
      people
        .chain()
        .find({ city })
        .find({ age: { $between: [ageStart, ageEnd - 1] } })
        .count(),
    countRole: (role) => people.chain().find({ role }).count(),
    update: (id, { age, logins }) => {
      const person = known(id);
      person.age = age;
      person.logins = logins;
      people.update(person);
    },
    delete: (id) => {
      if (people.get(id as number) === null) return false;
      people.remove(id as number);
      return true;
    },
    increment: (id) => {
      const person = known(id);
      person.logins++;
      people.update(person);
    },
    page: (after, size) => {
      const start = (after as number | undefined) ?? 0;
      const items = people
        .chain()
        .compoundsort([
          ["city", false],
          ["age", false],
        ])
        .offset(start)
        .limit(size)
        .data();
      return { items, next: items.length < size ? undefined : start + size };
    },
    close: () => new Promise((resolve) => db.close(() => resolve())),
  };
}

function idOf({ $loki }: LokiObj): number {
  return $loki;
}
