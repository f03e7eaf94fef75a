/**
 * What a store must hold after what was done to it, in a few numbers for each document: from it every answer is known
 * beforehand. Document `i` is `personOf(i)` but for what was updated.
 */
import { isDeepStrictEqual } from "node:util";
import type { Id } from "./document-store.ts";
import { ageOf, cityOf, emailOf, personOf, scrambled } from "./person.ts";
import type { Person } from "./person.ts";

/** A question about a range of the compound index, with what is known of its answer. */
export interface RangeQuestion {
  readonly city: string;
  readonly ageStart: number;
  /** The ages of all that it finds, rising. */
  readonly ages: readonly number[];
}

export class Population {
  readonly ids: Id[] = [];
  readonly #ages: number[] = [];
  readonly #logins: number[] = [];
  /** Numbers of documents by city; those deleted are taken out. */
  readonly #byCity = new Map<string, Set<number>>();
  readonly #deleted = new Set<number>();

  /** So many were ever inserted; the next one has this number. */
  get inserted(): number {
    return this.ids.length;
  }
  get size(): number {
    return this.ids.length - this.#deleted.size;
  }

  add(id: Id): void {
    const i = this.ids.length;
    this.ids.push(id);
    this.#ages.push(ageOf(i));
    this.#logins.push(personOf(i).logins);
    const city = cityOf(i);
    let inCity = this.#byCity.get(city);
    if (inCity === undefined) this.#byCity.set(city, (inCity = new Set()));
    inCity.add(i);
  }
  update(i: number, age: number, logins: number): void {
    this.#ages[i] = age;
    this.#logins[i] = logins;
  }
  increment(i: number): void {
    this.#logins[i]!++;
  }
  delete(i: number): void {
    this.#deleted.add(i);
    this.#byCity.get(cityOf(i))!.delete(i);
  }

  /** One that is there, the same for the same `n`. */
  pick(n: number): number {
    let i = scrambled(n) % this.ids.length;
    while (this.#deleted.has(i)) i = (i + 1) % this.ids.length;
    return i;
  }
  picks(count: number, seed: number): readonly number[] {
    return Array.from({ length: count }, (_, n) => this.pick(n + seed));
  }

  ageOf(i: number): number {
    return this.#ages[i]!;
  }

  /** Throws where the person is not document `i` as it must be. */
  check(i: number, found: Person | undefined): void {
    if (this.#deleted.has(i)) {
      if (found !== undefined) throw new Error(`document ${i} was deleted and is there`);
      return;
    }
    const expected = { ...personOf(i), age: this.#ages[i], logins: this.#logins[i] };
    if (found === undefined) throw new Error(`document ${i} is not there`);
    for (const [name, value] of Object.entries(expected)) {
      const is = (found as unknown as Record<string, unknown>)[name];
      if (!isDeepStrictEqual(is, value))
        throw new Error(`document ${i} has a wrong ${name}: ${JSON.stringify([is, value])}`);
    }
  }

  /** The numbers of a city's people, the youngest first. */
  inCity(city: string): number[] {
    return [...(this.#byCity.get(city) ?? [])].toSorted((a, b) => this.#ages[a]! - this.#ages[b]!);
  }
  question(city: string, ageStart: number): RangeQuestion {
    const ages = this.inCity(city)
      .map((i) => this.#ages[i]!)
      .filter((age) => age >= ageStart);
    return { city, ageStart, ages };
  }
  countOf(is: (person: Person) => boolean): number {
    let count = 0;
    for (let i = 0; i < this.ids.length; i++) if (!this.#deleted.has(i) && is(personOf(i))) count++;
    return count;
  }
  emailOf(i: number): string {
    return emailOf(i);
  }
}
