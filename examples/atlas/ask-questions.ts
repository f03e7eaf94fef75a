/** Typed queries, each with its plan, its time and a check against the plain array. */
import type { PageOf } from "kotobadb";
import { worldCities } from "./city.ts";
import type { City, NewCity } from "./city.ts";
import type { Atlas } from "./open-atlas.ts";
import { check, millis, number, say } from "./say.ts";

interface Question {
  explain(): Promise<{ readonly text: string }>;
  all(): Promise<readonly Pick<City, "name">[]>;
}

export async function askQuestions({ cities }: Atlas): Promise<void> {
  await ask(
    "The five largest cities of Japan",
    cities.where({ country: "JP" }).orderBy("population", "desc").limit(5),
    largest((city) => city.country === "JP", 5),
  );
  await ask(
    "Cities of more than ten million people, for which there is no index: explain() advises one",
    cities.where({ population: { gt: 10_000_000 } }).orderBy("population", "desc"),
    largest((city) => city.population > 10_000_000),
  );
  await ask(
    "Brazilian and Indian cities of one to two million people, largest first",
    cities
      .where({ country: { in: ["BR", "IN"] }, population: { gte: 1_000_000, lt: 2_000_000 } })
      .orderBy("population", "desc"),
    largest(
      ({ country, population }) =>
        ["BR", "IN"].includes(country) && population >= 1_000_000 && population < 2_000_000,
    ),
  );
  await ask(
    "Names that begin with “Kyo”",
    cities.where({ name: { startsWith: "Kyo" } }).orderBy("name"),
    worldCities.filter((city) => city.name.startsWith("Kyo")).toSorted(byName),
  );
  await ask(
    "What lies around Oslo (the cell N59 E010)",
    cities
      .where({ location: { cell: "N59 E010" } })
      .orderBy("population", "desc")
      .limit(8),
    largest((city) => city.location.cell === "N59 E010", 8),
  );
  await ask(
    "Capitals that begin with “B”, from a partial index that holds all that is asked",
    cities
      .where({ capital: true, name: { startsWith: "B" } })
      .orderBy("name")
      .select("name", "country", "population"),
    worldCities.filter((city) => city.capital && city.name.startsWith("B")).toSorted(byName),
  );
  const started = performance.now();
  const oslo = await cities.find({ geoId: 3143244 });
  check(`GeoNames id 3143244 is ${oslo?.name}, found in ${millis(started)}`, oslo?.name === "Oslo");
}

async function ask(title: string, query: Question, expected: readonly NewCity[]): Promise<void> {
  say("");
  say(`${title}:`);
  const plan = await query.explain();
  for (const line of plan.text.trimEnd().split("\n")) say(`  | ${line}`);
  const started = performance.now();
  const rows = await query.all();
  const taken = millis(started);
  const shown = rows.slice(0, 5).map((city) => city.name);
  say(`  ${shown.join(", ")}${rows.length > 5 ? " …" : ""}`);
  check(
    `${number(rows.length)} rows in ${taken}, the same as a walk over the plain array`,
    rows.map(({ name }) => name).join() === expected.map(({ name }) => name).join(),
  );
}

function largest(test: (city: NewCity) => boolean, limit = Number.POSITIVE_INFINITY): NewCity[] {
  // The order in the store ends with the id, and ids rise with the position in the list.
  const numbered = worldCities.map((city, at) => ({ city, at })).filter(({ city }) => test(city));
  return numbered
    .toSorted((a, b) => b.city.population - a.city.population || b.at - a.at)
    .slice(0, limit)
    .map(({ city }) => city);
}

function byName(a: NewCity, b: NewCity): number {
  return Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
}

/** Figures of groups: counts and sums come from cells of an index, all else from the documents. */
export async function askForFigures({ cities }: Atlas): Promise<void> {
  const started = performance.now();
  const perCountry = await cities
    .groupBy("country")
    .aggregate({ cities: { count: true }, people: { sum: "population" } });
  const taken = millis(started);
  const largestFirst = perCountry.toSorted((a, b) => b.people - a.people);
  for (const { cities: count, country, people } of largestFirst.slice(0, 5))
    say(`${country} ${number(people).padStart(15)} people in ${number(count).padStart(6)} cities`);
  const byHand = new Map<string, NewCity[]>();
  for (const city of worldCities) {
    const theirs = byHand.get(city.country);
    if (theirs === undefined) byHand.set(city.country, [city]);
    else theirs.push(city);
  }
  check(
    `Cities and people of ${perCountry.length} countries in ${taken}, no city read, the same as counted by hand`,
    perCountry.length === byHand.size &&
      perCountry.every(({ cities: count, country, people }) => {
        const theirs = byHand.get(country) ?? [];
        return theirs.length === count && peopleOf(theirs) === people;
      }),
  );
  const nordic = ["DK", "FI", "IS", "NO", "SE"];
  const counting = cities.where({ country: { in: nordic } });
  const index = (await counting.explain()).count?.index;
  const count = await counting.count();
  check(
    `${number(count)} Nordic cities, counted by five cells of the index ${index}`,
    index === "perCountry" &&
      count === worldCities.filter(({ country }) => nordic.includes(country)).length,
  );
  const { highest, mean } = await cities
    .where({ capital: true })
    .aggregate({ highest: { max: "population" }, mean: { avg: "population" } });
  const capitals = worldCities.filter(({ capital }) => capital);
  check(
    `Of ${capitals.length} capitals the largest has ${number(highest ?? 0)} people, the mean ${number(Math.round(mean ?? 0))}`,
    highest === Math.max(...capitals.map(({ population }) => population)) &&
      mean === peopleOf(capitals) / capitals.length,
  );
}

function peopleOf(some: readonly NewCity[]): number {
  return some.reduce((sum, { population }) => sum + population, 0);
}

/** All cities of a country by size, page by page: each once, in order. */
export async function walkPages({ cities }: Atlas): Promise<void> {
  const query = cities.where({ country: "FR" }).orderBy("population", "desc");
  const started = performance.now();
  const names: string[] = [];
  let pages = 0;
  let after: string | null = null;
  do {
    const page: PageOf<City> = await query.page({ size: 500, after });
    names.push(...page.items.map((city) => city.name));
    after = page.next;
    pages++;
  } while (after !== null);
  const expected = largest((city) => city.country === "FR");
  check(
    `${number(names.length)} French cities by size on ${pages} pages in ${millis(started)}, each once and in order`,
    names.join() === expected.map(({ name }) => name).join(),
  );
}
