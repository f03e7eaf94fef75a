/** Loading: as if every document had been inserted, or as if nothing had happened. */
import { collection, CollectionNotEmpty, InvalidOption, open, UniqueViolation } from "kotobadb";
import type { Db, Id } from "kotobadb";
import { MemoryEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { engineHere, here, isElsewhere, runsHere } from "../../support/elsewhere.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const schema = z.object({
  email: z.string().optional(),
  age: z.number(),
  tags: z.array(z.string()).default([]),
});
const Users = collection("users", schema, {
  indexes: {
    byEmail: { on: ["email"], unique: true },
    byAge: ["-age"],
    byTag: ["tags[]"],
    grown: { on: ["age"], where: { age: { gte: 18 } }, include: ["email"] },
    perAge: { count: true, by: ["age"] },
    ages: { sum: "age" },
  },
});
const Notes = collection("notes", z.object({ text: z.string() }));
const collections = { users: Users, notes: Notes };
type Database = Db<typeof collections>;
interface Input {
  readonly id?: Id<"users">;
  readonly email?: string;
  readonly age: number;
  readonly tags?: string[];
}

function users(count: number): Input[] {
  return Array.from({ length: count }, (_, n) => ({
    id: `u${String((n * 7_919) % 100_003).padStart(6, "0")}` as Id<"users">,
    email: `e${n}`,
    age: n % 50,
    tags: [`t${n % 3}`, `t${n % 5}`],
  }));
}

const fine = { ok: true, problems: [] };

/** Databases of both kinds: with a bulk load of its own, and without. */
function onEach(name: string, work: (db: Database) => Promise<void>): void {
  test.skipIf(isElsewhere())(`${name}, in a folder`, async () => {
    await using folder = await temporaryFolder();
    await using db = await open(folder.path, { collections });
    await work(db);
  });
  test(`${name}, ${isElsewhere() ? "elsewhere" : "in memory"}`, async () => {
    await using db = await open(here(":memory:"), { collections });
    await work(db);
  });
}

onEach("what indexes count and sum is loaded with the documents", async (db) => {
  const given = users(600);
  await db.users.load(given);
  await db.users.insert({ age: 3 });
  const counted = db.users.where({ age: 3 });
  expect((await counted.explain()).count).toBeDefined();
  expect(await counted.count()).toBe(13);
  const sum = given.reduce((total, { age }) => total + age, 3);
  expect(await db.users.aggregate({ sum: { sum: "age" } })).toEqual({ sum });
  expect(await db.verify()).toEqual(fine);
});

onEach("documents that are loaded are found in every way, and can be changed", async (db) => {
  const progress: number[] = [];
  const given = users(4_500);
  const result = await db.users.load(given, {
    onProgress: ({ documents }) => progress.push(documents),
  });
  expect(result).toEqual({ loaded: 4_500 });
  expect(progress).toEqual([1_000, 2_000, 3_000, 4_000, 4_500]);
  expect(await db.verify()).toEqual(fine);
  expect(await db.users.count()).toBe(4_500);
  expect(await db.users.find({ email: "e77" })).toMatchObject(given[77]!);
  expect(await db.users.where({ age: 49 }).count()).toBe(90);
  await db.users.update(given[0]!.id!, { email: "new", age: 17 });
  await expect(db.users.insert({ email: "e1", age: 1 })).rejects.toBeInstanceOf(UniqueViolation);
  await db.users.insert({ email: "e0", age: 1 });
  expect(await db.verify()).toEqual(fine);
});

onEach("ids are given and defaults filled in, and a generator is read as it goes", async (db) => {
  async function* source(): AsyncGenerator<Input> {
    for (let n = 0; n < 2_500; n++) yield { age: n };
  }
  await db.users.load(source());
  const all = await db.users.orderBy("age").all();
  expect(all).toHaveLength(2_500);
  expect(all[7]).toEqual({ id: all[7]!.id, age: 7, tags: [] });
  expect(all[7]!.id < all[8]!.id).toBe(true);
  expect(await db.verify()).toEqual(fine);
});

onEach("a collection that has documents is not loaded into", async (db) => {
  await db.users.insert({ age: 1 });
  await expect(db.users.load(users(3))).rejects.toBeInstanceOf(CollectionNotEmpty);
  expect(await db.users.count()).toBe(1);
  await db.notes.load([{ text: "other collections do not matter" }]);
  await expect(db.notes.load([])).rejects.toBeInstanceOf(CollectionNotEmpty);
});

onEach(
  "whatever is wrong with one document, nothing is loaded, and it can be tried again",
  async (db) => {
    const many = users(2_400);
    const invalid = db.users.load([...many, { age: "old" as never }]);
    await expect(invalid).rejects.toMatchObject({
      _tag: "ValidationError",
      issues: [{ path: [2_400, "age"] }],
    });
    const wrong: readonly (readonly [Input[], string, string])[] = [
      [[...many, { age: 1, email: "e5" }], "byEmail", many[5]!.id!],
      [[...many, { id: many[9]!.id!, age: 1 }], "id", ""],
      [
        [
          { id: "a" as Id<"users">, age: 1 },
          { id: "a" as Id<"users">, age: 2 },
        ],
        "id",
        "a",
      ],
    ];
    for (const [documents, index, holder] of wrong) {
      const failed = db.users.load(documents);
      await expect(failed).rejects.toMatchObject({ _tag: "UniqueViolation", index });
      const { existingId } = (await failed.catch(
        (error: unknown) => error as UniqueViolation,
      )) as UniqueViolation;
      // That of an id that came long before may be known or not.
      if (index === "id") expect([holder, documents.at(-1)!.id]).toContain(existingId);
      // Which of both was kept is not said.
      else expect(existingId).not.toBe("");
      expect(await db.users.count()).toBe(0);
      expect(await db.users.where({ age: { gte: 0 } }).count()).toBe(0);
    }
    const gone = new Error("the source is gone");
    async function* failing(): AsyncGenerator<Input> {
      yield* many;
      throw gone;
    }
    await expect(db.users.load(failing())).rejects.toBe(gone);
    const control = new AbortController();
    const aborted = db.users.load(many, {
      signal: control.signal,
      onProgress: () => control.abort(gone),
    });
    await expect(aborted).rejects.toBe(gone);
    expect(await db.users.count()).toBe(0);
    expect(await db.verify()).toEqual(fine);
    await db.users.load(many);
    expect(await db.users.count()).toBe(2_400);
    expect(await db.verify()).toEqual(fine);
  },
);

onEach(
  "while it is loaded other operations on the collection wait, those on others do not",
  async (db) => {
    await db.ready();
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    async function* slow(): AsyncGenerator<Input> {
      yield* users(1_200);
      await released;
      yield { age: 99 };
    }
    const loading = db.users.load(slow());
    let isLoaded = false;
    void loading.then(() => (isLoaded = true));
    const waiting = Promise.all([
      db.users.count().then((count) => [count, isLoaded]),
      db.users.insert({ email: "late", age: 1 }).then(() => isLoaded),
      db.transaction(async (tx) => [await tx.users.where({ age: 99 }).count(), isLoaded]),
    ]);
    await db.notes.insert({ text: "meanwhile" });
    expect(await db.transaction((tx) => tx.notes.count())).toBe(1);
    expect(isLoaded).toBe(false);
    release();
    await loading;
    const [counted, inserted, inside] = await waiting;
    expect(counted[1]).toBe(true);
    expect([1_201, 1_202]).toContain(counted[0]);
    expect(inserted).toBe(true);
    expect(inside).toEqual([1, true]);
    expect(await db.verify()).toEqual(fine);
  },
);

onEach(
  "a transaction that wrote before the load runs again after it, and finds what was loaded",
  async (db) => {
    await db.ready();
    let attempts = 0;
    let load: Promise<unknown> | undefined;
    await db.transaction(async (tx) => {
      attempts++;
      await tx.users.insert({ email: attempts === 1 ? "e5" : "other", age: 1 });
      if (attempts > 1) return;
      // Begun by someone else, who is not part of this transaction.
      await new Promise<void>((resolve) =>
        setTimeout(() => {
          load = outside(() => db.users.load(users(50)));
          resolve();
        }, 5),
      );
      await new Promise((resolve) => setTimeout(resolve, 50));
    });
    await load;
    expect(attempts).toBe(2);
    expect(await db.users.count()).toBe(51);
    expect(await db.verify()).toEqual(fine);
  },
);

/** Where async context is followed, a load from inside of a body would be refused as nested. */
let outside = <T>(work: () => T): T => work();
{
  const { AsyncResource } = await import("node:async_hooks");
  const resource = new AsyncResource("outside");
  outside = (work) => resource.runInAsyncScope(work);
}

test("in a transaction, in a snapshot and of no documents there is no load", async () => {
  await using db = await open(here(":memory:"), { collections });
  await expect(db.transaction((tx) => tx.users.load([]))).rejects.toBeInstanceOf(InvalidOption);
  using snapshot = db.snapshot();
  await expect(snapshot.users.load([])).rejects.toMatchObject({ _tag: "ReadOnlyTransaction" });
  for (const wrong of [undefined, 5, {}])
    await expect(db.users.load(wrong as never)).rejects.toBeInstanceOf(InvalidOption);
  await expect(db.users.load([], { batch: 5 } as never)).rejects.toBeInstanceOf(InvalidOption);
  expect(await db.users.load([])).toEqual({ loaded: 0 });
});

test("a snapshot from before a load shows none of it", async () => {
  await using db = await open(here(":memory:"), { collections });
  await db.ready();
  using snapshot = db.snapshot();
  // Far away the state is fixed by the first read.
  expect(await snapshot.users.count()).toBe(0);
  await db.users.load(users(10));
  expect(await snapshot.users.count()).toBe(0);
  expect(await db.users.count()).toBe(10);
});

test("what is loaded is what insertMany would have stored, of random documents", async () => {
  const any = fc.uniqueArray(
    fc.record(
      {
        id: fc.string({ minLength: 1, maxLength: 3, unit: "grapheme-ascii" }),
        email: fc.string({ maxLength: 2 }),
        age: fc.nat(60),
        tags: fc.array(fc.constantFrom("a", "b", ""), { maxLength: 3 }),
      },
      { requiredKeys: ["id", "age"], noNullPrototype: true },
    ),
    { selector: ({ id }) => id, maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(any, async (documents) => {
      const host = new SimulatedHost();
      await using loaded = await (isElsewhere()
        ? open({ engine: engineHere() }, { collections })
        : open("/loaded", { collections, host }));
      await using inserted = await open({ engine: new MemoryEngine() }, { collections });
      const given = documents as Input[];
      const [load, insert] = await Promise.all(
        [loaded.users.load(given), inserted.users.insertMany(given)].map((work) =>
          work.then(
            () => "done",
            (error: { readonly _tag: string }) => error._tag,
          ),
        ),
      );
      expect(load).toBe(insert);
      expect(await loaded.users.all()).toEqual(await inserted.users.all());
      expect(await loaded.verify()).toEqual(fine);
    }),
    { numRuns: runsHere(Number(process.env["RUNS"] ?? "40")) },
  );
});

test.skipIf(isElsewhere())(
  "a power cut before any change of the disk leaves all of a load or nothing, and a sound database",
  async () => {
    const host = new SimulatedHost({ seed: 5 });
    const cuts: {
      readonly disk: SimulatedHost;
      readonly isLoaded: boolean;
      readonly at: string;
    }[] = [];
    let isLoaded = false;
    const db = await open("/db", { collections, host });
    await db.notes.insert({ text: "before" });
    await db.ready();
    host.onCall = ({ change, path, what }) => {
      if (change === undefined) return;
      const way = (["seeded", "lost", "kept", "journal"] as const)[change % 4]!;
      cuts.push({
        disk: host.afterPowerCut(way, change),
        isLoaded,
        at: `${change} ${what} ${path} ${way}`,
      });
    };
    await db.users.load(users(300));
    isLoaded = true;
    await db.users.insert({ email: "after", age: 3 });
    await db.close();
    const counts = new Set<number>();
    for (const { at, disk, isLoaded: wasLoaded } of cuts) {
      await using again = await open("/db", { collections, host: disk });
      const count = await again.users.count();
      counts.add(count);
      expect([0, 300, 301], at).toContain(count);
      if (wasLoaded) expect(count, at).toBeGreaterThanOrEqual(300);
      expect(await again.verify(), at).toEqual(fine);
      expect(await again.notes.count(), at).toBe(1);
      // And it can be used on.
      if (count === 0) await again.users.load(users(5));
      else await again.users.insert({ age: 1 });
      expect(await again.verify(), at).toEqual(fine);
    }
    expect(cuts.length).toBeGreaterThan(10);
    expect([...counts].toSorted((a, b) => a - b)).toEqual([0, 300, 301]);
  },
);

test.skipIf(isElsewhere())(
  "a disk that fails at any change of a load leaves all or nothing, and says so",
  async () => {
    const probe = new SimulatedHost({ seed: 6 });
    const run = async (host: SimulatedHost): Promise<string> => {
      const db = await open("/db", { collections, host });
      await db.ready();
      host.onCall = ({ change }) => {
        if (change === failing) host.failAtChange(change, "EIO");
      };
      const outcome = await db.users.load(users(200)).then(
        () => "loaded",
        () => "failed",
      );
      await db.close().catch(() => undefined);
      host.onCall = undefined;
      host.heal();
      return outcome;
    };
    let failing = -1;
    const ready = await open("/db", { collections, host: probe });
    await ready.ready();
    const first = probe.changes + 1;
    await ready.users.load(users(200));
    const last = probe.changes;
    await ready.close();
    const outcomes = new Set<string>();
    for (failing = first; failing <= last; failing++) {
      const host = new SimulatedHost({ seed: 6 });
      const outcome = await run(host);
      await using again = await open("/db", { collections, host: host.crash("kept") });
      const count = await again.users.count();
      outcomes.add(`${outcome} ${count}`);
      expect([0, 200], String(failing)).toContain(count);
      if (outcome === "loaded") expect(count).toBe(200);
      expect(await again.verify(), String(failing)).toEqual(fine);
    }
    expect([...outcomes]).toContain("failed 0");
  },
);

// Where programs share an engine a load is a commit like others, and told as such.
test.skipIf(isElsewhere())(
  "who follows the changes of a collection is told to read it anew after a load",
  async () => {
    const host = new SimulatedHost();
    await using db = await (isElsewhere()
      ? open({ engine: engineHere({ changeLog: true }) }, { collections })
      : open("/db", { host, collections, changeLog: true }));
    await db.users.insert({ age: 1 });
    const first = db.users.changes()[Symbol.asyncIterator]();
    const next = first.next();
    await db.users.insert({ age: 2 });
    const { value } = await next;
    await db.users.where({}).delete();
    await db.users.load(users(3));

    const since = value!.version;
    const follow = async (): Promise<void> => {
      for await (const change of db.users.changes({ since })) void change;
    };
    await expect(follow()).rejects.toMatchObject({ _tag: "StorageError", code: "TooOld" });
  },
);
