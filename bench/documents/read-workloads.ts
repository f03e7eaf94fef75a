/** What is asked of a store that is loaded and at rest. Every answer is checked as far as that costs next to nothing. */
import type { Scope } from "../kit/index.ts";
import type { Amounts } from "./amounts.ts";
import type { Awaitable, DocumentStore } from "./document-store.ts";
import { AGE_END, cityName, roles, scrambled } from "./person.ts";
import type { Person } from "./person.ts";
import type { Population, RangeQuestion } from "./population.ts";
import { repeat } from "./repeat.ts";

export const RANGE_LIMIT = 20;
const PAGE_SIZE = 50;

export interface Ground {
  readonly store: DocumentStore;
  readonly population: Population;
  readonly amounts: Amounts;
  readonly scope: Scope;
}

export async function readWorkloads(ground: Ground): Promise<void> {
  const { amounts, scope } = ground;
  const { recorder } = scope;
  const rate = async (name: string, most: number, operation: (n: number) => Awaitable<void>) => {
    if (!scope.wants(name)) return;
    const count = await affordable(most, operation);
    await recorder.rate(name, count, () => repeat(count, operation));
  };
  await rate("get by id", amounts.gets, getById(ground));
  await rate("find by unique key", amounts.gets, findByEmail(ground));
  await rate("compound range, limit 20", amounts.ranges, compoundRange(ground));
  await rate("count in a range", amounts.counts, countRange(ground));
  await rate("pages of 50 in order", amounts.pages, walkPages(ground));
  if (scope.wants("count of a group")) await countGroup(ground);
}

const TRIAL_MILLIS = 200;
const WORKLOAD_MILLIS = 2_000;

/**
 * How many operations there is time for, at most `most`. What that takes to find out is also what compiles the code, so
 * that the one that is measured first does not pay for all.
 */
async function affordable(
  most: number,
  operation: (n: number) => Awaitable<void>,
): Promise<number> {
  const start = performance.now();
  let done = 0;
  let millis = 0;
  while (millis < TRIAL_MILLIS && done < Math.min(most, 2_000)) {
    await operation(done++);
    millis = performance.now() - start;
  }
  return Math.min(most, Math.max(4, Math.ceil((done * WORKLOAD_MILLIS) / millis)));
}

function getById({ store, population, amounts }: Ground): (n: number) => Awaitable<void> {
  const picks = population.picks(amounts.gets, 1);
  const ids = picks.map((i) => population.ids[i]!);
  const emails = picks.map((i) => population.emailOf(i));
  return (n) => expectEmail(store.get(ids[n]!), emails[n]!);
}

function findByEmail({ store, population, amounts }: Ground): (n: number) => Awaitable<void> {
  const emails = population.picks(amounts.gets, 2_000_003).map((i) => population.emailOf(i));
  return (n) => expectEmail(store.findByEmail(emails[n]!), emails[n]!);
}

function expectEmail(found: Awaitable<Person | undefined>, email: string): Awaitable<void> {
  return found instanceof Promise
    ? found.then((person) => expectSame(person?.email, email))
    : expectSame(found?.email, email);
}

function expectSame(found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`found ${String(found)} instead of ${String(expected)}`);
}

/** As many questions as there are cities, asked again and again in an order without pattern. */
function questionsOf(population: Population): RangeQuestion[] {
  return Array.from({ length: 500 }, (_, n) =>
    population.question(cityName(scrambled(n) % 500), 18 + (scrambled(n + 7) % 40)),
  );
}

function compoundRange({ store, population }: Ground): (n: number) => Awaitable<void> {
  const questions = questionsOf(population);
  return (n) => {
    const question = questions[n % questions.length]!;
    const rows = store.range(question.city, question.ageStart, RANGE_LIMIT);
    return rows instanceof Promise
      ? rows.then((found) => expectRange(found, question))
      : expectRange(rows, question);
  };
}

/** How many, the first one and the last one. */
function expectRange(rows: readonly Person[], { ages, city }: RangeQuestion): void {
  const count = Math.min(ages.length, RANGE_LIMIT);
  expectSame(rows.length, count);
  expectSame(rows[0]?.age, ages[0]);
  expectSame(rows.at(-1)?.age, ages[count - 1]);
  if (count > 0) expectSame(rows[0]!.city, city);
}

function countRange({ store, population }: Ground): (n: number) => Awaitable<void> {
  const questions = questionsOf(population).map((question) => {
    const ageEnd = Math.min(AGE_END, question.ageStart + 30);
    return { ...question, ageEnd, count: question.ages.filter((age) => age < ageEnd).length };
  });
  return (n) => {
    const { ageEnd, ageStart, city, count } = questions[n % questions.length]!;
    const found = store.countRange(city, ageStart, ageEnd);
    return found instanceof Promise
      ? found.then((is) => expectSame(is, count))
      : expectSame(found, count);
  };
}

/** Page after page, from the beginning again where the end is reached. */
function walkPages({ store }: Ground): (n: number) => Promise<void> {
  let after: unknown;
  let before = "";
  return async () => {
    const asked = store.page(after, PAGE_SIZE);
    const { items, next } = asked instanceof Promise ? await asked : asked;
    if (next !== undefined) expectSame(items.length, PAGE_SIZE);
    for (const { age, city } of items) {
      const place = `${city} ${age}`;
      if (place < before) throw new Error(`a page has ${place} behind ${before}`);
      before = place;
    }
    after = next;
    if (next === undefined) before = "";
  };
}

/** A quarter of all documents has the role: a scan of everything, unless somebody keeps the count. */
async function countGroup({ amounts, store, population, scope }: Ground): Promise<void> {
  const counts = roles.map((role) => population.countOf((person) => person.role === role));
  const operation = async (n: number): Promise<void> => {
    expectSame(await store.countRole(roles[n & 3]!), counts[n & 3]);
  };
  const count = await affordable(amounts.counts, operation);
  await scope.recorder.rate("count of a group", count, () => repeat(count, operation));
}
