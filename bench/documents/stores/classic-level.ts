/**
 * classic-level (LevelDB) with indexes made by hand, document and index entries in one atomic batch. Documents are JSON, as
 * its own encodings have it; gets are the synchronous ones, which are its quickest. It has no transactions: what reads in
 * order to write takes a lock of ours on the document's number or the email, so that writers of different documents still
 * share a write and a sync.
 */
import { ClassicLevel } from "classic-level";
import { join } from "node:path";
import type { DocumentStore, Id, Page, PersonPatch } from "../document-store.ts";
import { KeyLocks } from "../key-locks.ts";
import type { Person } from "../person.ts";

type Operation = { type: "put"; key: string; value: string } | { type: "del"; key: string };

/** The keys: documents, emails, and city with age, each behind a letter. Numbers have a fixed length, so that they sort. */
const documentKey = (id: Id): string => `d${id}`;
const emailKey = (email: string): string => `e${email}`;
const cityStart = (city: string, age: number): string =>
  `c${city}\0${String(age).padStart(3, "0")}`;
const cityKey = (person: Person, id: Id): string => `${cityStart(person.city, person.age)}\0${id}`;
/** Behind every key of the letter. */
const endOf = (letter: string): string => `${letter}\xff`;

export async function openClassicLevel(
  directory: string,
  isDurable: boolean,
): Promise<DocumentStore> {
  const db = new ClassicLevel<string, string>(join(directory, "people"), {
    cacheSize: 64 * 2 ** 20,
    writeBufferSize: 16 * 2 ** 20,
  });
  await db.open();
  const [newest] = await db.keys({ gte: "d", lt: endOf("d"), reverse: true, limit: 1 }).all();
  return new LevelStore(db, newest === undefined ? 0 : Number(newest.slice(1)), isDurable);
}

class LevelStore implements DocumentStore {
  readonly #db: ClassicLevel<string, string>;
  readonly #sync: { readonly sync: boolean };
  readonly #locks = new KeyLocks();
  #newestId: number;

  constructor(db: ClassicLevel<string, string>, newestId: number, isDurable: boolean) {
    this.#db = db;
    this.#newestId = newestId;
    this.#sync = { sync: isDurable };
  }

  async insertMany(people: readonly Person[]): Promise<readonly Id[]> {
    const seen = new Set<string>();
    const operations: Operation[] = [];
    const ids: Id[] = [];
    for (const person of people) {
      this.#refuseTaken(person.email);
      if (seen.size === seen.add(person.email).size) throw taken(person.email);
      ids.push(this.#add(operations, person));
    }
    await this.#db.batch(operations, this.#sync);
    return ids;
  }

  insert(person: Person): Promise<Id> {
    return this.#locks.hold(emailKey(person.email), async () => {
      this.#refuseTaken(person.email);
      const operations: Operation[] = [];
      const id = this.#add(operations, person);
      await this.#db.batch(operations, this.#sync);
      return id;
    });
  }

  get(id: Id): Person | undefined {
    const text = this.#db.getSync(documentKey(id));
    return text === undefined ? undefined : (JSON.parse(text) as Person);
  }

  findByEmail(email: string): Person | undefined {
    const id = this.#db.getSync(emailKey(email));
    return id === undefined ? undefined : this.get(id);
  }

  async range(city: string, ageStart: number, limit: number): Promise<readonly Person[]> {
    const ids = await this.#db
      .values({ gte: cityStart(city, ageStart), lt: `c${city}\x01`, limit })
      .all();
    return ids.map((id) => this.get(id)!);
  }

  async countRange(city: string, ageStart: number, ageEnd: number): Promise<number> {
    const bounds = { gte: cityStart(city, ageStart), lt: cityStart(city, ageEnd) };
    return (await this.#db.keys(bounds).all()).length;
  }

  async countRole(role: Person["role"]): Promise<number> {
    const iterator = this.#db.values({ gte: "d", lt: endOf("d") });
    let count = 0;
    try {
      for (;;) {
        const texts = await iterator.nextv(1_000);
        if (texts.length === 0) return count;
        for (const text of texts) if ((JSON.parse(text) as Person).role === role) count++;
      }
    } finally {
      await iterator.close();
    }
  }

  update(id: Id, patch: PersonPatch): Promise<void> {
    return this.#replace(id, (person) => ({ ...person, ...patch }));
  }

  increment(id: Id): Promise<void> {
    return this.#replace(id, (person) => ({ ...person, logins: person.logins + 1 }));
  }

  delete(id: Id): Promise<boolean> {
    return this.#locks.hold(id, async () => {
      const person = this.get(id);
      if (person === undefined) return false;
      const keys = [documentKey(id), emailKey(person.email), cityKey(person, id)];
      await this.#db.batch(
        keys.map((key) => ({ type: "del", key })),
        this.#sync,
      );
      return true;
    });
  }

  async page(after: unknown, size: number): Promise<Page> {
    const bounds = { gt: (after as string | undefined) ?? "c", lt: endOf("c") };
    const entries = await this.#db.iterator({ ...bounds, limit: size }).all();
    const items = entries.map(([, id]) => this.get(id)!);
    return { items, next: items.length < size ? undefined : entries.at(-1)?.[0] };
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  #refuseTaken(email: string): void {
    if (this.#db.getSync(emailKey(email)) !== undefined) throw taken(email);
  }

  #add(operations: Operation[], person: Person): string {
    const id = String(++this.#newestId).padStart(10, "0");
    operations.push(
      { type: "put", key: documentKey(id), value: JSON.stringify(person) },
      { type: "put", key: emailKey(person.email), value: id },
      { type: "put", key: cityKey(person, id), value: id },
    );
    return id;
  }

  #replace(id: Id, change: (person: Person) => Person): Promise<void> {
    return this.#locks.hold(id, async () => {
      const before = this.get(id);
      if (before === undefined) throw new Error(`No person ${id}.`);
      const person = change(before);
      const key = documentKey(id);
      const operations: Operation[] = [{ type: "put", key, value: JSON.stringify(person) }];
      if (before.age !== person.age)
        operations.push(
          { type: "del", key: cityKey(before, id) },
          { type: "put", key: cityKey(person, id), value: String(id) },
        );
      await this.#db.batch(operations, this.#sync);
    });
  }
}

function taken(email: string): Error {
  return new Error(`The email ${email} is taken.`);
}
