/**
 * A peer as an application would use it that checks documents with zod itself. What is written goes through the schema of
 * ours; of an update the fields that change, and not, as with KotobaDB, the document that comes of it.
 */
import type { DocumentStore } from "./document-store.ts";
import { PersonSchema } from "./person.ts";

const PatchSchema = PersonSchema.pick({ age: true, logins: true });

export function validated(store: DocumentStore): DocumentStore {
  return {
    insertMany: (people) => store.insertMany(people.map((person) => PersonSchema.parse(person))),
    insert: (person) => store.insert(PersonSchema.parse(person)),
    get: (id) => store.get(id),
    findByEmail: (email) => store.findByEmail(email),
    range: (city, ageStart, limit) => store.range(city, ageStart, limit),
    countRange: (city, ageStart, ageEnd) => store.countRange(city, ageStart, ageEnd),
    countRole: (role) => store.countRole(role),
    update: (id, patch) => store.update(id, PatchSchema.parse(patch)),
    delete: (id) => store.delete(id),
    increment: (id) => store.increment(id),
    page: (after, size) => store.page(after, size),
    close: () => store.close(),
  };
}
