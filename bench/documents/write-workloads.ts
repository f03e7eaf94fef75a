/** What changes a loaded store, buffered and durable alike; at the end all of it is looked up. */
import { TurnWatch } from "../kit/index.ts";
import type { Recorder } from "../kit/index.ts";
import { idOf } from "./document-store.ts";
import type { Awaitable, Inserted } from "./document-store.ts";
import { AGE_END, AGE_MIN, CITIES, cityName, personOf } from "./person.ts";
import { RANGE_LIMIT } from "./read-workloads.ts";
import type { Ground } from "./read-workloads.ts";
import { concurrently } from "./repeat.ts";
import { isWanted } from "./wanted.ts";

const BATCH = 1_000;
const SMALL_BATCH = 100;
const WRITERS = 64;
const CONTENDERS = 32;
const CONTENDED_DOCUMENTS = 4;

export async function bulkInsert({ store, population, amounts, scope }: Ground): Promise<void> {
  const batches = batchesOf(0, amounts.documents, BATCH);
  await scope.recorder.rate("bulk insert", amounts.documents, async () => {
    for (const batch of batches)
      for (const inserted of await store.insertMany(batch)) population.add(idOf(inserted));
    await store.settle?.();
  });
}

function batchesOf(start: number, count: number, size: number) {
  return Array.from({ length: Math.ceil(count / size) }, (_, b) =>
    Array.from({ length: Math.min(size, count - b * size) }, (_, n) =>
      personOf(start + b * size + n),
    ),
  );
}

export type Kind = "buffered" | "durable";

/** `kind` is part of the workloads' names. */
export async function singleWrites(ground: Ground, kind: Kind): Promise<void> {
  const count = kind === "buffered" ? ground.amounts.writes : ground.amounts.durableWrites;
  const works = {
    "insert one": insertOnes,
    "update one": updateOnes,
    transaction: increments,
    "delete one": deleteOnes,
    "transactions, contended": contended,
  };
  for (const [name, work] of Object.entries(works)) {
    if (!isWanted(ground.scope, kind, name)) continue;
    if (kind === "buffered") await work(unmeasured(ground), name, Math.min(count, WARMING));
    await work(ground, `${name}, ${kind}`, count);
  }
}

/** So many compile the code before it is measured; what is written durably waits for the disk, and has been compiled. */
const WARMING = 1_000;

function unmeasured(ground: Ground): Ground {
  const recorder: Recorder = {
    rate: async (_name, _count, work) => work(),
    each: async (_name, count, operation) => {
      for (let n = 0; n < count; n++) await operation(n);
    },
    value: () => undefined,
  };
  return { ...ground, scope: { ...ground.scope, recorder } };
}

async function insertOnes(ground: Ground, name: string, count: number): Promise<void> {
  const { population, scope, store } = ground;
  const people = batchesOf(population.inserted, count, count)[0]!;
  const answers: Awaitable<Inserted>[] = [];
  await scope.recorder.each(name, count, (n) => (answers[n] = store.insert(people[n]!)));
  for (const inserted of answers) population.add(idOf(await inserted));
}

async function updateOnes(ground: Ground, name: string, count: number): Promise<void> {
  const { population, scope, store } = ground;
  const changes = [...new Set(population.picks(count, 31))].map((i, n) => {
    // Always another age, so that the index has to follow.
    const years = population.ageOf(i) - AGE_MIN + 1 + (n % 10);
    const [age, logins] = [AGE_MIN + (years % (AGE_END - AGE_MIN)), n];
    population.update(i, age, logins);
    return { id: population.ids[i]!, patch: { age, logins } };
  });
  await scope.recorder.each(name, changes.length, (n) =>
    store.update(changes[n]!.id, changes[n]!.patch),
  );
}

async function increments(ground: Ground, name: string, count: number): Promise<void> {
  const { population, scope, store } = ground;
  const picks = population.picks(count, 47);
  const ids = picks.map((i) => population.ids[i]!);
  await scope.recorder.each(name, count, (n) => store.increment(ids[n]!));
  for (const i of picks) population.increment(i);
}

async function deleteOnes(ground: Ground, name: string, count: number): Promise<void> {
  const { population, scope, store } = ground;
  const picks = [...new Set(population.picks(count, 59))];
  const ids = picks.map((i) => population.ids[i]!);
  const answers: Awaitable<boolean>[] = [];
  await scope.recorder.each(name, ids.length, (n) => (answers[n] = store.delete(ids[n]!)));
  for (const wasThere of answers)
    if (!(await wasThere)) throw new Error("a document that was deleted had not been there");
  for (const i of picks) population.delete(i);
}

/** 32 at once over four documents. */
async function contended(ground: Ground, name: string, count: number): Promise<void> {
  const { population, scope, store } = ground;
  const picks = population.picks(CONTENDED_DOCUMENTS, 71);
  await scope.recorder.rate(name, count, () =>
    concurrently(CONTENDERS, count, (n) =>
      store.increment(population.ids[picks[n % picks.length]!]!),
    ),
  );
  for (let n = 0; n < count; n++) population.increment(picks[n % picks.length]!);
}

export async function concurrentInserts(ground: Ground): Promise<void> {
  const name = "insert, 64 at once, durable";
  const { amounts, population, scope, store } = ground;
  if (!isWanted(scope, "durable", name)) return;
  const count = amounts.concurrentWrites;
  const people = batchesOf(population.inserted, count, count)[0]!;
  const answers: Awaitable<Inserted>[] = [];
  await scope.recorder.rate(name, count, () =>
    concurrently(WRITERS, count, (n) => (answers[n] = store.insert(people[n]!))),
  );
  for (const inserted of answers) population.add(idOf(await inserted));
}

/** As fast as it goes in batches of a hundred, and how long anybody else in the process has to wait meanwhile. */
export async function ingest({ amounts, population, scope, store }: Ground): Promise<void> {
  if (!isWanted(scope, "ingest", "ingest")) return;
  const batches = batchesOf(population.inserted, amounts.ingested, SMALL_BATCH);
  const answers: Awaitable<readonly Inserted[]>[] = [];
  const turns = new TurnWatch();
  await scope.recorder.each(
    "ingest, batches of 100",
    batches.length,
    (n) => (answers[n] = store.insertMany(batches[n]!)),
    // Those that answer at once would never give the event loop a turn.
    { turnEvery: 1, turns },
  );
  scope.recorder.value("ingest, longest stall", "ms", turns.stop().longestMillis, "lower");
  for (const answer of answers) for (const inserted of await answer) population.add(idOf(inserted));
}

const LIVE_QUERIES = 100;
const LIVE_CITIES = 10;

/** A hundred live queries over ten cities: an update is done when the ten of its city have told of it. */
export async function liveFanOut({ amounts, population, scope, store }: Ground): Promise<void> {
  const name = "update seen by 10 of 100 live queries";
  if (store.live === undefined || !isWanted(scope, "live", name)) return;
  const cities = Array.from({ length: CITIES }, (_, n) => cityName(n))
    .filter((city) => population.inCity(city).length > 0)
    .slice(0, LIVE_CITIES);
  const waiting = new Map<string, { logins: number; left: number; done: () => void }>();
  const ends: (() => void)[] = [];
  const seen: number[] = [];
  for (let q = 0; q < LIVE_QUERIES; q++) {
    const city = cities[q % cities.length]!;
    const end = await store.live(city, RANGE_LIMIT, (rows) => {
      const wait = waiting.get(city);
      // A query may tell of a state in between; each counts once for what is waited for.
      if (wait === undefined || seen[q] === wait.logins) return;
      if (!rows.some(({ logins }) => logins === wait.logins)) return;
      seen[q] = wait.logins;
      if (--wait.left === 0) wait.done();
    });
    ends.push(end);
  }
  const youngest = cities.map((city) => population.inCity(city)[0]!);
  await scope.recorder.each(name, amounts.liveUpdates, async (n) => {
    const i = youngest[n % cities.length]!;
    // Beyond what any other document has.
    const logins = 1_000_000 + n;
    const told = new Promise<void>((done) => {
      waiting.set(cities[n % cities.length]!, { logins, left: LIVE_QUERIES / cities.length, done });
    });
    population.update(i, AGE_MIN, logins);
    await store.update(population.ids[i]!, { age: AGE_MIN, logins });
    await told;
  });
  for (const end of ends) end();
}

/** Documents here and there, each by its id, and those that were changed; and ranges of the index. */
export async function checkAll({ population, store }: Ground): Promise<void> {
  const everyNth = Math.max(1, Math.floor(population.inserted / 5_000));
  for (let i = 0; i < population.inserted; i += everyNth) {
    population.check(i, (await store.get(population.ids[i]!)) as never);
  }
  for (const n of [71, 31, 59]) {
    const i = population.pick(n);
    population.check(i, await store.findByEmail(population.emailOf(i)));
  }
  for (let n = 0; n < CITIES; n += 10) {
    const { ages, city } = population.question(cityName(n), 0);
    const rows = await store.range(city, 0, ages.length + 1);
    if (JSON.stringify(rows.map(({ age }) => age)) !== JSON.stringify(ages))
      throw new Error(`the index has other people of ${city} than there are`);
    const [first, second] = await store.range(city, 0, 1);
    if (first?.age !== ages[0] || second !== undefined)
      throw new Error(`a limit of one in ${city}`);
  }
}
