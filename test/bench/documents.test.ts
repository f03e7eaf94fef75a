/** The comparison of document stores believes nobody: a store that answers wrongly, loses or invents something fails. */
import { expect, test } from "vitest";
import { amountsOf } from "../../bench/documents/amounts.ts";
import { idOf } from "../../bench/documents/document-store.ts";
import type { DocumentStore } from "../../bench/documents/document-store.ts";
import type { DocumentEntry } from "../../bench/documents/document-entry.ts";
import { KeyLocks } from "../../bench/documents/key-locks.ts";
import { AGE_MIN, personOf } from "../../bench/documents/person.ts";
import type { Person } from "../../bench/documents/person.ts";
import { placeBehind } from "../../bench/documents/place.ts";
import { Population } from "../../bench/documents/population.ts";
import { readWorkloads } from "../../bench/documents/read-workloads.ts";
import type { Ground } from "../../bench/documents/read-workloads.ts";
import { checkAll, ingest, singleWrites } from "../../bench/documents/write-workloads.ts";
import {
  bulkInsert,
  concurrentInserts,
  liveFanOut,
} from "../../bench/documents/write-workloads.ts";
import type { Recorder, Scope } from "../../bench/kit/index.ts";

const DOCUMENTS = 400;
const recorder: Recorder = {
  rate: async (_, __, work) => work(),
  each: async (_, count, operation) => {
    for (let n = 0; n < count; n++) await operation(n);
  },
  value: () => undefined,
};
const scope: Scope = {
  recorder,
  directory: "",
  size: "short",
  rows: DOCUMENTS,
  wants: () => true,
};
const entry = { name: "model" } as DocumentEntry;
const amounts = {
  ...amountsOf(entry, scope),
  gets: DOCUMENTS,
  ranges: 600,
  writes: 100,
  durableWrites: 100,
  concurrentWrites: 100,
  liveUpdates: 30,
  ingested: 300,
};

/** A store in a Map, as plain as can be, that is asked for everything. */
class Model implements DocumentStore {
  readonly people = new Map<number, Person>();
  readonly #watchers = new Set<() => void>();
  #newest = 0;
  insertMany(people: readonly Person[]): number[] {
    return people.map((person) => this.insert(person));
  }
  insert(person: Person): number {
    this.people.set(++this.#newest, structuredClone(person));
    return this.#newest;
  }
  get(id: number): Person | undefined {
    return structuredClone(this.people.get(id));
  }
  findByEmail(email: string): Person | undefined {
    return this.all((person) => person.email === email)[0];
  }
  all(is: (person: Person) => boolean = () => true): Person[] {
    const order = (person: Person): string => `${person.city} ${person.age}`;
    const found = [...this.people.values()].filter(is);
    return found.toSorted((a, b) => (order(a) < order(b) ? -1 : 1));
  }
  range(city: string, ageStart: number, limit: number): Person[] {
    const found = this.all((person) => person.city === city && person.age >= ageStart);
    return found.slice(0, limit);
  }
  countRange(city: string, ageStart: number, ageEnd: number): number {
    return this.range(city, ageStart, Infinity).filter(({ age }) => age < ageEnd).length;
  }
  countRole(role: string): number {
    return this.all((person) => person.role === role).length;
  }
  update(id: number, patch: Partial<Person>): void {
    this.people.set(id, { ...this.people.get(id)!, ...patch });
    for (const tell of this.#watchers) tell();
  }
  delete(id: number): boolean {
    return this.people.delete(id);
  }
  increment(id: number): unknown {
    return this.update(id, { logins: this.people.get(id)!.logins + 1 });
  }
  page(after: unknown, size: number): { items: Person[]; next: unknown } {
    const start = (after as number | undefined) ?? 0;
    const items = this.all().slice(start, start + size);
    return { items, next: items.length < size ? undefined : start + size };
  }
  live(city: string, limit: number, onRows: (rows: Person[]) => void): () => void {
    const tell = (): void => onRows(this.range(city, 0, limit));
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }
  close(): void {}
}

function groundOn(store: DocumentStore): Ground {
  return { store, population: new Population(), amounts, scope };
}
async function everything(store: DocumentStore): Promise<void> {
  const ground = groundOn(store);
  await bulkInsert(ground);
  await readWorkloads(ground);
  await liveFanOut(ground);
  await singleWrites(ground, "buffered");
  await ingest(ground);
  await concurrentInserts(ground);
  await checkAll(ground);
}

test("a store that answers rightly passes", async () => {
  const store = new Model();
  await everything(store);
  expect(store.people.size).toBeGreaterThan(DOCUMENTS + 300);
});

const wrong: Record<string, (store: Model) => Partial<DocumentStore>> = {
  "gives another document": (store) => ({ get: () => store.get(1) }),
  "finds nothing": () => ({ findByEmail: () => undefined }),
  "has no limit": (store) => ({ range: (city, start) => store.range(city, start, Infinity) }),
  "has no order": (store) => ({
    range: (city, start, limit) => store.range(city, start, limit).toReversed(),
  }),
  "forgets where a range begins": (store) => ({
    range: (city, _, limit) => store.range(city, 0, limit),
  }),
  "counts one more": (store) => ({
    countRange: (city, start, end) => store.countRange(city, start, end) + 1,
  }),
  "counts all as of one role": (store) => ({ countRole: () => store.people.size }),
  "leaves out what stands between two pages": (store) => ({
    page: (after, size) => {
      const { items, next } = store.page(after, size);
      return { items, next: next === undefined ? undefined : (next as number) + 1 };
    },
  }),
  "loses what it was given": (store) => ({
    insert: (person) => {
      const id = store.insert(person);
      store.people.delete(id);
      return id;
    },
  }),
  "does not change an indexed field": (store) => ({
    update: (id, { logins }) => store.update(id as number, { logins }),
  }),
  "deletes nothing": () => ({ delete: () => true }),
  "loses one of two increments": (store) => ({
    increment: async (id) => {
      const { logins } = store.get(id as number)!;
      await Promise.resolve();
      store.update(id as number, { logins: logins + 1 });
    },
  }),
};
for (const [what, change] of Object.entries(wrong))
  test(`a store that ${what} fails`, async () => {
    const store = new Model();
    const changed = change(store);
    const names = Object.getOwnPropertyNames(Model.prototype).filter((name) => name !== "live");
    const bound = Object.fromEntries(
      names.map((name) => [name, (store[name as keyof Model] as () => unknown).bind(store)]),
    ) as unknown as DocumentStore;
    await expect(everything({ ...bound, ...changed })).rejects.toThrow(Error);
  });

test("emails are unique, and people have their place behind a page", () => {
  const emails = new Set(Array.from({ length: 100_000 }, (_, i) => personOf(i).email));
  expect(emails.size).toBe(100_000);
  const [first, second] = [0, 1].map((i) => ({ ...personOf(i), city: "Oslo", age: AGE_MIN }));
  const place = placeBehind([first!, second!], undefined);
  expect(place).toEqual({ city: "Oslo", age: AGE_MIN, seen: 2 });
  expect(placeBehind([first!], place).seen).toBe(3);
  expect(idOf({ id: 7 })).toBe(idOf(7));
});

test("who holds a key has it alone, and another key is not waited for", async () => {
  const locks = new KeyLocks();
  const order: string[] = [];
  const step = (name: string, turns: number) => async () => {
    for (let n = 0; n < turns; n++) await Promise.resolve();
    order.push(name);
  };
  const slow = locks.hold("a", step("slow", 50));
  const after = locks.hold("a", step("after", 0));
  const other = locks.hold("b", step("other", 0));
  const failing = locks.hold("a", () => Promise.reject(new Error("no")));
  await expect(failing).rejects.toThrow("no");
  await Promise.all([slow, after, other, locks.hold("a", step("last", 0))]);
  expect(order).toEqual(["other", "slow", "after", "last"]);
});
