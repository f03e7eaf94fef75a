/**
 * What a store of documents must do to be compared. All of them keep a unique index on `email` and a compound one on
 * `(city, age)`, in the same transaction as the document where they have one; what a store cannot do is said beside its
 * name (`notes` of its entry), never passed over.
 *
 * An answer may be given at once or by a promise, whichever the store does itself: nobody is slowed by a promise that it
 * does not make. Whoever gives out its own object instead of a copy says so.
 */
import type { Person } from "./person.ts";

export type Awaitable<T> = T | Promise<T>;
/** What a store calls a document by. */
export type Id = string | number;

/** What a store answers to an insert, as it is; `idOf` takes the id out. */
export type Inserted = Id | { readonly id: Id };

/** New values for an indexed field and another one. */
export interface PersonPatch {
  readonly age: number;
  readonly logins: number;
}

export interface Page {
  readonly items: readonly Person[];
  /** What the next page is asked with; undefined after the last one. */
  readonly next: unknown;
}

export interface DocumentStore {
  /** All of them or none, where the store can; an email that is taken fails. */
  insertMany(people: readonly Person[]): Awaitable<readonly Inserted[]>;
  /** @throws where the email is taken (see `isUnique` of the entry). */
  insert(person: Person): Awaitable<Inserted>;
  get(id: Id): Awaitable<Person | undefined>;
  findByEmail(email: string): Awaitable<Person | undefined>;
  /** The people of a city from an age on, the youngest first. */
  range(city: string, ageStart: number, limit: number): Awaitable<readonly Person[]>;
  /** How many people of a city are of an age, counted in the index. */
  countRange(city: string, ageStart: number, ageEnd: number): Awaitable<number>;
  /** How many have a role, on which there is no index but, in stores that are named so, a count that is kept. */
  countRole(role: Person["role"]): Awaitable<number>;
  /** @throws where there is no such document. */
  update(id: Id, patch: PersonPatch): Awaitable<unknown>;
  /** True if it was there. */
  delete(id: Id): Awaitable<boolean>;
  /** Reads the document and writes it with one login more; two at once both count. */
  increment(id: Id): Awaitable<unknown>;
  /** All people in the order of city and age, a page at a time; `after` is `next` of the page before. */
  page(after: unknown, size: number): Awaitable<Page>;
  /**
   * Calls `onRows` with the people of a city, the youngest first, now and after each change of them. What it gives back
   * ends that.
   */
  live?(
    city: string,
    limit: number,
    onRows: (rows: readonly Person[]) => void,
  ): Awaitable<() => void>;
  /** Does at once what the store puts off until somebody asks, such as bringing an index up to date. */
  settle?(): Awaitable<void>;
  close(): Awaitable<void>;
}

export function idOf(inserted: Inserted): Id {
  return typeof inserted === "object" ? inserted.id : inserted;
}
