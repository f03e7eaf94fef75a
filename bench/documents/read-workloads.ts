/** What is asked of a store that is loaded and at rest. Every answer is checked as far as that costs next to nothing. */
import type { Scope } from "../kit/index.ts";
import type { Amounts } from "./amounts.ts";
import type { DocumentStore, Page } from "./document-store.ts";
import { AGE_END, AGE_MIN, CITIES, cityName, roles, scrambled } from "./person.ts";
import type { Person } from "./person.ts";
import type { Population, RangeQuestion } from "./population.ts";
import { repeat } from "./repeat.ts";
import type { Question } from "./repeat.ts";
import { isWanted } from "./wanted.ts";

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
  const rate = async <T>(
    name: string,
    most: number,
    question: (ground: Ground, most: number) => Question<T>,
  ): Promise<void> => {
    if (!isWanted(scope, "read", name)) return;
    const asked = question(ground, most);
    const count = await affordable(Math.min(most, amounts.trials), amounts.millis, asked);
    await scope.recorder.rate(name, Math.min(most, count), () =>
      repeat(Math.min(most, count), asked),
    );
  };
  await rate("get by id", amounts.gets, getById);
  await rate("find by unique key", amounts.gets, findByEmail);
  await rate("compound range, limit 20", amounts.ranges, compoundRange);
  await rate("count in a range", amounts.ranges, countRange);
  await rate("pages of 50 in order", amounts.pages, walkPages);
  await rate("count of a group", amounts.ranges, countGroup);
}

/**
 * How many operations there is time for. What it takes to find that out is also what compiles the code and warms caches, so
 * that the workload that happens to be first does not pay for all: only what is very slow is tried less often.
 */
async function affordable<T>(
  trials: number,
  millisMax: number,
  { ask, check }: Question<T>,
): Promise<number> {
  const start = performance.now();
  let done = 0;
  let millis = 0;
  while (millis < millisMax && done < trials) {
    check(done, await ask(done));
    done++;
    millis = performance.now() - start;
  }
  return Math.max(4, Math.ceil((done * millisMax) / millis));
}

function getById({ store, population }: Ground, most: number): Question<Person | undefined> {
  const picks = population.picks(most, 1);
  const ids = picks.map((i) => population.ids[i]!);
  const emails = picks.map((i) => population.emailOf(i));
  return {
    ask: (n) => store.get(ids[n]!),
    check: (n, person) => expectSame(person?.email, emails[n]),
  };
}

function findByEmail({ store, population }: Ground, most: number): Question<Person | undefined> {
  const emails = population.picks(most, 2_000_003).map((i) => population.emailOf(i));
  return {
    ask: (n) => store.findByEmail(emails[n]!),
    check: (n, person) => expectSame(person?.email, emails[n]),
  };
}

function expectSame(found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`found ${String(found)} instead of ${String(expected)}`);
}

const QUESTIONS = CITIES;

/** As many as there are cities, asked again and again in an order without pattern. */
function questionsOf(population: Population): RangeQuestion[] {
  return Array.from({ length: QUESTIONS }, (_, n) =>
    population.question(cityName(scrambled(n)), AGE_MIN + (scrambled(n + 7) % 40)),
  );
}

function compoundRange({ store, population }: Ground): Question<readonly Person[]> {
  const questions = questionsOf(population);
  return {
    ask: (n) => {
      const { ageStart, city } = questions[n % QUESTIONS]!;
      return store.range(city, ageStart, RANGE_LIMIT);
    },
    /** How many, the first one and the last one. */
    check: (n, rows) => {
      const { ages, city } = questions[n % QUESTIONS]!;
      const count = Math.min(ages.length, RANGE_LIMIT);
      expectSame(rows.length, count);
      expectSame(rows[0]?.age, ages[0]);
      expectSame(rows.at(-1)?.age, ages[count - 1]);
      if (count > 0) expectSame(rows[0]!.city, city);
    },
  };
}

const AGES_COUNTED = 30;

function countRange({ store, population }: Ground): Question<number> {
  const questions = questionsOf(population).map((question) => {
    const ageEnd = Math.min(AGE_END, question.ageStart + AGES_COUNTED);
    return { ...question, ageEnd, count: question.ages.filter((age) => age < ageEnd).length };
  });
  return {
    ask: (n) => {
      const { ageEnd, ageStart, city } = questions[n % QUESTIONS]!;
      return store.countRange(city, ageStart, ageEnd);
    },
    check: (n, count) => expectSame(count, questions[n % QUESTIONS]!.count),
  };
}

/** Page after page, from the beginning again where the end is reached. */
function walkPages({ store, population }: Ground): Question<Page> {
  let after: unknown;
  let before = "";
  let seen = 0;
  return {
    ask: () => store.page(after, PAGE_SIZE),
    check: (_, { items, next }) => {
      for (const { age, city } of items) {
        const place = `${city} ${String(age).padStart(3, "0")}`;
        if (place < before) throw new Error(`a page has ${place} behind ${before}`);
        before = place;
      }
      seen += items.length;
      after = next;
      if (next !== undefined) return expectSame(items.length, PAGE_SIZE);
      expectSame(seen, population.size);
      before = "";
      seen = 0;
    },
  };
}

/** A quarter of all documents has the role: a scan of everything, unless somebody keeps the count. */
function countGroup({ store, population }: Ground): Question<number> {
  const counts = roles.map((role) => population.countOf((person) => person.role === role));
  return {
    ask: (n) => store.countRole(roles[n % roles.length]!),
    check: (n, count) => expectSame(count, counts[n % roles.length]),
  };
}
