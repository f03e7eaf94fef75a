/** What changes a loaded store, buffered and durable alike; at the end all of it is looked up. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setImmediate as turn } from "node:timers/promises";
import { AGE_MIN, cityName, personOf } from "./person.ts";
import { RANGE_LIMIT } from "./read-workloads.ts";
import type { Ground } from "./read-workloads.ts";
import { concurrently } from "./repeat.ts";

const BATCH = 1_000;
const SMALL_BATCH = 100;
const WRITERS = 64;
const CONTENDERS = 32;
const CONTENDED_DOCUMENTS = 4;

export async function bulkInsert({ store, population, amounts, scope }: Ground): Promise<void> {
  const batches = batchesOf(0, amounts.documents, BATCH);
  await scope.recorder.rate("bulk insert", amounts.documents, async () => {
    for (const batch of batches) for (const id of await store.insertMany(batch)) population.add(id);
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

/** `kind` is part of the workloads' names. */
export async function singleWrites(ground: Ground, kind: "buffered" | "durable"): Promise<void> {
  const { amounts, population, scope, store } = ground;
  const { recorder } = scope;
  const count = kind === "buffered" ? amounts.writes : amounts.durableWrites;
  const wants = (name: string): boolean => scope.wants(`${name}, ${kind}`);
  if (wants("insert one")) {
    const people = batchesOf(population.inserted, count, count)[0]!;
    const ids: (string | number)[] = [];
    await recorder.each(`insert one, ${kind}`, count, (n) => {
      const id = store.insert(people[n]!);
      return id instanceof Promise ? id.then((is) => ids.push(is)) : ids.push(id);
    });
    for (const id of ids) population.add(id);
  }
  if (wants("update one")) {
    const changes = [...new Set(population.picks(count, 31))].map((i, n) => {
      const [age, logins] = [AGE_MIN + (n % 60), n];
      population.update(i, age, logins);
      return { id: population.ids[i]!, patch: { age, logins } };
    });
    await recorder.each(`update one, ${kind}`, changes.length, (n) =>
      store.update(changes[n]!.id, changes[n]!.patch),
    );
  }
  if (wants("transaction")) {
    const picks = population.picks(count, 47);
    const ids = picks.map((i) => population.ids[i]!);
    await recorder.each(`transaction, ${kind}`, count, (n) => store.increment(ids[n]!));
    for (const i of picks) population.increment(i);
  }
  if (wants("delete one")) {
    const picks = [...new Set(population.picks(count, 59))];
    const ids = picks.map((i) => population.ids[i]!);
    await recorder.each(`delete one, ${kind}`, ids.length, (n) => {
      const wasThere = store.delete(ids[n]!);
      return wasThere instanceof Promise ? wasThere.then(mustBeTrue) : mustBeTrue(wasThere);
    });
    for (const i of picks) population.delete(i);
  }
  if (wants("transactions, contended")) await contended(ground, kind, count);
}

function mustBeTrue(wasThere: boolean): void {
  if (!wasThere) throw new Error("a document that was deleted had not been there");
}

/** 32 at once over four documents. */
async function contended(ground: Ground, kind: string, count: number): Promise<void> {
  const { population, scope, store } = ground;
  const picks = population.picks(CONTENDED_DOCUMENTS, 71);
  await scope.recorder.rate(`transactions, contended, ${kind}`, count, () =>
    concurrently(CONTENDERS, count, (n) =>
      store.increment(population.ids[picks[n % picks.length]!]!),
    ),
  );
  for (let n = 0; n < count; n++) population.increment(picks[n % picks.length]!);
}

export async function concurrentInserts(ground: Ground): Promise<void> {
  const name = "insert, 64 at once, durable";
  const { amounts, population, scope, store } = ground;
  if (!scope.wants(name)) return;
  const count = amounts.concurrentWrites;
  const people = batchesOf(population.inserted, count, count)[0]!;
  const ids: (string | number)[] = [];
  await scope.recorder.rate(name, count, () =>
    concurrently(WRITERS, count, async (n) => {
      ids[n] = await store.insert(people[n]!);
    }),
  );
  for (const id of ids) population.add(id);
}

/** As fast as it goes in batches of a hundred, the loop turned after each, and how long it stood still at most. */
export async function ingest({ amounts, population, scope, store }: Ground): Promise<void> {
  if (!scope.wants("ingest")) return;
  const batches = batchesOf(population.inserted, amounts.ingested, SMALL_BATCH);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let isFirst = true;
  await scope.recorder.each("ingest, batches of 100", batches.length, async (n) => {
    if (isFirst) delay.enable();
    isFirst = false;
    for (const id of await store.insertMany(batches[n]!)) population.add(id);
    await turn();
  });
  delay.disable();
  scope.recorder.value("ingest, longest stall", "ms", delay.max / 1e6, "lower");
}

const LIVE_QUERIES = 100;
const LIVE_CITIES = 10;

/** A hundred live queries over ten cities: an update is done when the ten of its city have told of it. */
export async function liveFanOut({ amounts, population, scope, store }: Ground): Promise<void> {
  const name = "update seen by 10 of 100 live queries";
  if (store.live === undefined || !scope.wants(name)) return;
  const waiting = new Map<string, { logins: number; left: number; done: () => void }>();
  const ends: (() => void)[] = [];
  const seen: number[] = [];
  for (let q = 0; q < LIVE_QUERIES; q++) {
    const city = cityName(q % LIVE_CITIES);
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
  const youngest = Array.from(
    { length: LIVE_CITIES },
    (_, n) => population.inCity(cityName(n))[0]!,
  );
  await recorderEach();
  for (const end of ends) end();

  async function recorderEach(): Promise<void> {
    await scope.recorder.each(name, amounts.liveUpdates, async (n) => {
      const i = youngest[n % LIVE_CITIES]!;
      // Beyond what any other document has.
      const logins = 1_000_000 + n;
      const told = new Promise<void>((done) =>
        waiting.set(cityName(n % LIVE_CITIES), {
          logins,
          left: LIVE_QUERIES / LIVE_CITIES,
          done,
        }),
      );
      population.update(i, AGE_MIN, logins);
      await store.update(population.ids[i]!, { age: AGE_MIN, logins });
      await told;
    });
  }
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
  for (let n = 0; n < 20; n++) {
    const { ages, city } = population.question(cityName(n * 25), 0);
    const rows = await store.range(city, 0, ages.length + 1);
    if (JSON.stringify(rows.map(({ age }) => age)) !== JSON.stringify(ages))
      throw new Error(`the index has other people of ${city} than there are`);
  }
}
