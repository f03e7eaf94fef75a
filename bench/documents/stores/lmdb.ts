/**
 * lmdb with indexes made by hand: documents by number, emails and (city, age, number) in databases of their own, all
 * changed in one transaction. MessagePack with shared structures, as its documentation advises for documents of one shape.
 *
 * As it is, a write is answered when its commit is on its way to the disk; durable, each waits until it is there
 * (`overlappingSync` off). Both gather what comes at once into one commit. Without sync nothing is ever forced to the disk,
 * and a power cut may damage the file; there a synchronous transaction is quickest, since there is nothing to wait for.
 */
import { open } from "lmdb";
import type { Database, RootDatabase } from "lmdb";
import { join } from "node:path";
import type { Awaitable, DocumentStore, Page, PersonPatch } from "../document-store.ts";
import type { Person } from "../person.ts";

type CityKey = [city: string, age: number, id: number];
/** Runs the body in a transaction; what it throws it throws before it writes. */
type Write = <T>(body: () => T) => Awaitable<T>;

export async function openLmdb(
  directory: string,
  isDurable: boolean,
  isSyncing: boolean,
): Promise<DocumentStore> {
  const root = open({
    path: join(directory, "people.mdb"),
    noSync: !isSyncing,
    ...(isDurable ? { overlappingSync: false } : {}),
    noMemInit: true,
  });
  const write: Write = isSyncing
    ? (body) => root.transaction(body)
    : (body) => root.transactionSync(body);
  return new LmdbStore(root, write);
}

class LmdbStore implements DocumentStore {
  readonly #root: RootDatabase;
  readonly #write: Write;
  readonly #people: Database<Person, number>;
  readonly #byEmail: Database<number, string>;
  readonly #byCity: Database<number, CityKey>;
  #newestId: number;

  constructor(root: RootDatabase, write: Write) {
    this.#root = root;
    this.#write = write;
    const structures = { sharedStructuresKey: Symbol.for("structures") as never };
    this.#people = root.openDB<Person, number>({ name: "people", ...structures });
    this.#byEmail = root.openDB<number, string>({ name: "byEmail", encoding: "ordered-binary" });
    this.#byCity = root.openDB<number, CityKey>({ name: "byCity", encoding: "ordered-binary" });
    const [newest] = this.#people.getKeys({ reverse: true, limit: 1 });
    this.#newestId = typeof newest === "number" ? newest : 0;
  }

  insertMany(people: readonly Person[]): Awaitable<readonly number[]> {
    return this.#write(() => {
      const seen = new Set<string>();
      for (const { email } of people) {
        this.#refuseTaken(email);
        if (seen.size === seen.add(email).size) throw taken(email);
      }
      return people.map((person) => this.#put(person));
    });
  }

  insert(person: Person): Awaitable<number> {
    return this.#write(() => {
      this.#refuseTaken(person.email);
      return this.#put(person);
    });
  }

  get(id: number): Person | undefined {
    return this.#people.get(id);
  }

  findByEmail(email: string): Person | undefined {
    const id = this.#byEmail.get(email);
    return id === undefined ? undefined : this.#people.get(id);
  }

  range(city: string, ageStart: number, limit: number): readonly Person[] {
    const found: Person[] = [];
    const [start, end] = [cityKey(city, ageStart), cityKey(city, Infinity)];
    for (const { value } of this.#byCity.getRange({ start, end, limit }))
      found.push(this.#people.get(value)!);
    return found;
  }

  countRange(city: string, ageStart: number, ageEnd: number): number {
    const [start, end] = [cityKey(city, ageStart), cityKey(city, ageEnd)];
    return this.#byCity.getKeysCount({ start, end });
  }

  countRole(role: Person["role"]): number {
    let count = 0;
    for (const { value } of this.#people.getRange({ start: 1 })) if (value.role === role) count++;
    return count;
  }

  update(id: number, patch: PersonPatch): Awaitable<void> {
    return this.#write(() => this.#replace(id, (person) => ({ ...person, ...patch })));
  }

  increment(id: number): Awaitable<void> {
    return this.#write(() =>
      this.#replace(id, (person) => ({ ...person, logins: person.logins + 1 })),
    );
  }

  delete(id: number): Awaitable<boolean> {
    return this.#write(() => {
      const person = this.#people.get(id);
      if (person === undefined) return false;
      void this.#people.remove(id);
      void this.#byEmail.remove(person.email);
      void this.#byCity.remove([person.city, person.age, id]);
      return true;
    });
  }

  page(after: unknown, size: number): Page {
    const start = (after ?? [""]) as CityKey;
    const items: Person[] = [];
    let last: CityKey | undefined;
    const skipped = { exclusiveStart: after !== undefined } as object;
    for (const { key, value } of this.#byCity.getRange({ start, limit: size, ...skipped })) {
      items.push(this.#people.get(value)!);
      last = key;
    }
    return { items, next: items.length < size ? undefined : last };
  }

  close(): Promise<void> {
    return this.#root.close();
  }

  #refuseTaken(email: string): void {
    if (this.#byEmail.get(email) !== undefined) throw taken(email);
  }

  /** Within a transaction, where the promises of single writes tell nothing that the transaction's does not. */
  #put(person: Person): number {
    const id = ++this.#newestId;
    void this.#people.put(id, person);
    void this.#byEmail.put(person.email, id);
    void this.#byCity.put([person.city, person.age, id], id);
    return id;
  }

  #replace(id: number, change: (person: Person) => Person): void {
    const before = this.#people.get(id);
    if (before === undefined) throw new Error(`No person ${id}.`);
    const person = change(before);
    void this.#people.put(id, person);
    if (before.age === person.age) return;
    void this.#byCity.remove([before.city, before.age, id]);
    void this.#byCity.put([person.city, person.age, id], id);
  }
}

function cityKey(city: string, age: number): CityKey {
  return [city, age, 0];
}
function taken(email: string): Error {
  return new Error(`The email ${email} is taken.`);
}
