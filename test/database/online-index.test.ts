/** Indexes that are built while the collection is used: what each operation sees meanwhile, and how a build ends. */
import { IndexNotReady, UniqueViolation, collection, open } from "kotobadb";
import type { DatabaseEvent, Db } from "kotobadb";
import { SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { isElsewhere, newPlace } from "../support/elsewhere.ts";
import type { Place } from "../support/elsewhere.ts";

const shape = z.object({ n: z.number(), email: z.string(), tags: z.array(z.string()) });
const Before = collection("rows", shape);
const After = collection("rows", shape, {
  indexes: {
    byN: ["-n"],
    byTag: ["tags[]"],
    byEmail: { on: ["email"], unique: true, include: ["n"] },
    low: { on: ["n"], where: { n: { lt: 10 } } },
    perTag: { sum: "n", by: ["email"] },
    all: { count: true },
  },
});
/** Too many for the batch that is done at once. */
const ROWS = 3_000;
const row = (n: number) => ({ n, email: `${n}@x.org`, tags: [`t${n % 3}`] });
const rows = (count: number) => Array.from({ length: count }, (_, n) => row(n));

type Rows = Db<{ rows: typeof After }>;

/** With what live queries need. */
const LIVE = { changeLog: true };

/** A program that knows the indexes, over documents of one that did not. */
async function building(
  documents: readonly object[] = rows(ROWS),
  fullScan: "allow" | "error" = "allow",
): Promise<{ readonly db: Rows; readonly place: Place }> {
  const place = newPlace();
  const first = await open({ engine: place(LIVE) }, { collections: { rows: Before } });
  await first.rows.insertMany(documents as ReturnType<typeof row>[]);
  const db = await open({ engine: place(LIVE) }, { collections: { rows: After }, fullScan });
  return { db, place };
}

const plans = async (db: Pick<Rows, "rows">): Promise<string> =>
  (await db.rows.where({ n: 700 }).explain()).text;

test("queries go on without the index, and use it once it is ready", async () => {
  const { db } = await building();
  expect(await plans(db)).not.toContain("byN");
  expect((await db.rows.where({ n: 7 }).one()).email).toBe("7@x.org");
  expect(await db.rows.count()).toBe(ROWS);
  expect(await db.rows.where({ tags: { has: "t1" } }).count()).toBe(ROWS / 3);
  await db.ready();
  expect(await plans(db)).toContain("byN");
  expect((await db.rows.where({ n: 7 }).one()).email).toBe("7@x.org");
  expect(await db.rows.count()).toBe(ROWS);
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test("writes go on, and are in the index", async () => {
  const { db } = await building();
  const [first] = await db.rows.limit(1).all();
  await db.rows.update(first!.id, { n: -1, tags: ["new"] });
  const added = await db.rows.insert(row(ROWS));
  expect(await plans(db)).not.toContain("byN");
  await db.ready();
  expect((await db.rows.index("byN", -1).one()).id).toBe(first!.id);
  expect((await db.rows.index("byN", ROWS).one()).id).toBe(added.id);
  expect(await db.rows.count()).toBe(ROWS + 1);
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test("an index that is asked for by name is waited for, and so is a unique key", async () => {
  const { db } = await building();
  expect((await db.rows.index("byN").limit(1).all())[0]!.n).toBe(ROWS - 1);
  const { db: other } = await building();
  expect((await other.rows.find({ email: "2999@x.org" }))?.n).toBe(2_999);
  const { db: third } = await building();
  const changed = await third.rows.upsert(
    { email: "2998@x.org" },
    { create: row(1), update: { tags: [] } },
  );
  expect(changed).toMatchObject({ n: 2_998, tags: [] });
});

test("where full scans are refused, a query waits for the index that will serve it", async () => {
  const { db } = await building(rows(ROWS), "error");
  expect(await db.rows.where({ n: 2_900 }).count()).toBe(1);
  const { db: streaming } = await building(rows(ROWS), "error");
  const found: number[] = [];
  for await (const { n } of streaming.rows.where({ n: { gte: 2_998 } }).stream()) found.push(n);
  expect(found).toEqual([2_999, 2_998]);
  const { db: writing } = await building(rows(ROWS), "error");
  expect(await writing.rows.where({ n: 2_900 }).delete()).toBe(1);
  const { db: inside } = await building(rows(ROWS), "error");
  const reading = inside.transaction((tx) => tx.rows.where({ n: 2_900 }).count());
  await expect(reading).rejects.toMatchObject({ _tag: "IndexNotReady", index: "byN" });
  // What no index will ever serve is a full scan, now and later.
  const { db: helpless } = await building(rows(ROWS), "error");
  await expect(helpless.rows.where({ n: { ne: 3 } }).count()).rejects.toMatchObject({
    _tag: "FullScan",
  });
});

test("a live query waits for the index that it names", async () => {
  const { db } = await building();
  const shown: number[] = [];
  using live = db.rows.index("byN", 2_950).live(({ rows: found }) => void shown.push(found.length));
  await db.ready();
  while (shown.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(shown).toEqual([1]);
  live.close();
});

test("in a transaction or a snapshot nothing can be waited for: IndexNotReady says what to do", async () => {
  const { db } = await building();
  await db.rows.limit(1).all();
  using snapshot = db.snapshot();
  const problem = { _tag: "IndexNotReady", collection: "rows" };
  await expect(snapshot.rows.index("byN").all()).rejects.toMatchObject({
    ...problem,
    index: "byN",
  });
  const find = db.transaction((tx) => tx.rows.find({ email: "1@x.org" }));
  await expect(find).rejects.toMatchObject({ ...problem, index: "byEmail" });
  await expect(find).rejects.toThrow(/await db.ready\(\)/);
  const upsert = db.transaction((tx) =>
    tx.rows.upsert({ email: "1@x.org" }, { create: row(1), update: { n: 1 } }),
  );
  await expect(upsert).rejects.toBeInstanceOf(IndexNotReady);
  await db.ready();
  expect(await db.transaction((tx) => tx.rows.find({ email: "1@x.org" }))).toMatchObject({ n: 1 });
  // The snapshot shows the same as ever.
  await expect(snapshot.rows.index("byN").all()).rejects.toBeInstanceOf(IndexNotReady);
  expect(await plans(snapshot)).not.toContain("byN");
  expect((await snapshot.rows.where({ n: 7 }).one()).email).toBe("7@x.org");
  expect(await snapshot.rows.count()).toBe(ROWS);
});

test("a transaction that is open when an index becomes ready stays with what it sees, and is run again", async () => {
  const { db } = await building();
  await db.rows.limit(1).all();
  const attempts: string[] = [];
  await db.transaction(async (tx) => {
    expect(await tx.rows.where({ n: 7 }).count()).toBe(1);
    if (tx.attempt === 1)
      await db.rows
        .index("byN")
        .limit(1)
        .all()
        .catch(() => db.ready());
    attempts.push(await plans(tx));
    expect(await tx.rows.where({ n: 7 }).count()).toBe(1);
    await tx.rows.insert(row(ROWS));
  });
  expect(attempts).toHaveLength(2);
  expect(attempts[0]).not.toContain("byN");
  expect(attempts[1]).toContain("byN");
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test("of two documents with one key the later is refused while the index is built", async () => {
  const { db } = await building();
  await db.rows.insert({ ...row(1), email: "new@x.org" });
  await expect(db.rows.insert({ ...row(2), email: "new@x.org" })).rejects.toBeInstanceOf(
    UniqueViolation,
  );
  // The first batch has done this one.
  await expect(db.rows.insert({ ...row(2), email: "5@x.org" })).rejects.toMatchObject({
    index: "byEmail",
  });
  await db.ready();
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test("a document that keeps its key takes no entry from the one that holds it", async () => {
  const { db } = await building();
  const late = await db.rows.where({ n: 2_990 }).one();
  // Before the position: its entry is put at once, though the other document, not reached yet, has the same key.
  const early = await db.rows.where({ n: 3 }).one();
  await db.rows.update(early.id, { email: late.email });
  await db.rows.update(late.id, { n: -5 });
  const failed = await Promise.resolve(db.ready()).catch((error: unknown) => error);
  expect(failed).toMatchObject({
    _tag: "UniqueViolation",
    index: "byEmail",
    existingId: early.id,
    id: late.id,
  });
  await db.rows.delete(late.id);
  await db.ready();
  expect((await db.rows.find({ email: late.email }))?.id).toBe(early.id);
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

for (const where of [10, ROWS]) {
  test(`documents with one key, the second at ${where}, end the build, not the database; mended, it goes on`, async () => {
    const all = rows(ROWS + 1);
    all[where] = { ...row(where), email: "2@x.org" };
    const { db } = await building(all);
    expect(await db.rows.where({ email: "2@x.org" }).count()).toBe(2);
    const error = (await Promise.resolve(db.ready()).catch(
      (cause: unknown) => cause,
    )) as UniqueViolation;
    expect(error).toMatchObject({ _tag: "UniqueViolation", collection: "rows", index: "byEmail" });
    const named = await db.rows.getMany([error.existingId, error.id!] as never);
    expect(named.map((document) => document?.n)).toEqual([2, where]);
    await expect(db.rows.find({ email: "3@x.org" })).rejects.toBeInstanceOf(UniqueViolation);
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
    // The others are ready.
    expect(await plans(db)).toContain("byN");
    expect(await db.rows.count()).toBe(ROWS + 1);
    await db.rows.update(error.id as never, { email: "mended@x.org" });
    await db.ready();
    expect((await db.rows.find({ email: "mended@x.org" }))?.n).toBe(where);
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
  });
}

test("small collections are ready before their first use", async () => {
  const { db } = await building(rows(900));
  expect(await plans(db)).toContain("byN");
  using snapshot = db.snapshot();
  expect(await snapshot.rows.index("byN", 5).count()).toBe(1);
});

test("a bulk load waits for what is being built", async () => {
  const { db } = await building();
  await db.rows.where({}).delete();
  expect(await db.rows.load(rows(50))).toEqual({ loaded: 50 });
  expect(await plans(db)).toContain("byN");
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test("an index that is dropped while it is built leaves nothing behind", async () => {
  const { db, place } = await building();
  await db.rows.limit(1).all();
  const engine = place(LIVE);
  const third = await open({ engine }, { collections: { rows: Before } });
  await third.ready();
  const snapshot = await engine.snapshot();
  const scan = snapshot.scan({ start: Uint8Array.of(1, 2), end: undefined });
  expect((await scan.next()).rows).toBe(0);
  scan.close();
  snapshot.close();
});

test("live queries are run again when an index has become ready, and show the same", async () => {
  const { db } = await building();
  const shown: number[] = [];
  using live = db.rows
    .where({ n: { gte: 2_995 } })
    .orderBy("n")
    .live(({ rows: found }) => {
      shown.push(found.length);
    });
  await db.ready();
  await db.rows.insert(row(5_000));
  while (shown.at(-1) !== 6) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(shown).toEqual([5, 6]);
  live.close();
});

const path = "/home/online/db";

async function folder(seed: number): Promise<SimulatedHost> {
  const host = new SimulatedHost({ seed });
  const db = await open(path, { collections: { rows: Before }, host });
  await db.rows.insertMany(rows(ROWS));
  await db.close();
  return host;
}

test.skipIf(isElsewhere())(
  "the listener is told of the build, and of nothing where it is done at once",
  async () => {
    const host = await folder(1);
    const events: DatabaseEvent[] = [];
    const tells = { host, onEvent: (event: DatabaseEvent) => void events.push(event) };
    const db = await open(path, { collections: { rows: After }, ...tells });
    await db.ready();
    await db.close();
    const told = events.filter(({ type }) => type.startsWith("index-build"));
    const indexes = ["byN", "byTag", "byEmail", "low", "perTag", "all"];
    expect(told[0]).toMatchObject({
      type: "index-build-begin",
      collection: "rows",
      indexes,
      documents: 1_000,
    });
    expect(told.at(-1)).toMatchObject({ type: "index-build-end", indexes, documents: ROWS });
    events.length = 0;
    const again = await open(path, { collections: { rows: After }, ...tells });
    await again.ready();
    await again.close();
    expect(events.filter(({ type }) => type.startsWith("index-build"))).toEqual([]);
  },
);

test.skipIf(isElsewhere())(
  "closing ends the build between two batches, and the next process goes on from there",
  async () => {
    const host = await folder(2);
    const db = await open(path, { collections: { rows: After }, host });
    expect(await db.rows.count()).toBe(ROWS);
    const waiting = Promise.resolve(db.ready()).catch((error: unknown) => error);
    await db.close();
    expect(await waiting).toMatchObject({ _tag: "Closed" });
    const begun: unknown[] = [];
    const onEvent = (event: DatabaseEvent): void => {
      if (event.type === "index-build-end") begun.push(event.documents);
      if (event.type === "index-build-begin") begun.push(event.documents);
    };
    const next = await open(path, { collections: { rows: After }, host, onEvent });
    await next.ready();
    expect(await next.verify()).toEqual({ ok: true, problems: [] });
    await next.close();
    expect(begun).toEqual([2_000, ROWS]);
  },
);

test.skipIf(isElsewhere())(
  "opened to be read only, nothing is built, and queries do without",
  async () => {
    const host = await folder(3);
    const writer = await open(path, { collections: { rows: After }, host, fullScan: "allow" });
    await writer.rows.limit(1).all();
    await writer.close();
    const reader = await open(path, {
      collections: { rows: After },
      host,
      readOnly: true,
      fullScan: "allow",
    });
    await reader.ready();
    expect(await plans(reader)).not.toContain("byN");
    expect(await reader.rows.where({ n: 7 }).count()).toBe(1);
    await expect(reader.rows.index("byN").all()).rejects.toBeInstanceOf(IndexNotReady);
    expect(await reader.verify()).toEqual({ ok: true, problems: [] });
    await reader.close();
  },
);

test.skipIf(isElsewhere())(
  "a build that fails while nobody listens or waits is a warning, once; else it is none",
  async () => {
    const twice = rows(ROWS);
    twice[2_000] = { ...row(2_000), email: "5@x.org" };
    const make = async (): Promise<SimulatedHost> => {
      const host = new SimulatedHost({ seed: 4 });
      const db = await open(path, { collections: { rows: Before }, host });
      await db.rows.insertMany(twice);
      await db.close();
      return host;
    };
    const host = await make();
    const db = await open(path, { collections: { rows: After }, host });
    await db.rows.count();
    for (let i = 0; i < 100 && host.warnings.length === 0; i++) await host.timers.sleep(10);
    expect(host.warnings).toMatchObject([
      { error: { _tag: "UniqueViolation", index: "byEmail" }, where: "building indexes of rows" },
    ]);
    await db.close();
    const awaited = await make();
    const other = await open(path, { collections: { rows: After }, host: awaited });
    await expect(other.ready()).rejects.toBeInstanceOf(UniqueViolation);
    const told: string[] = [];
    await other.close();
    const onEvent = (event: DatabaseEvent): void => void told.push(event.type);
    const third = await open(path, { collections: { rows: After }, host: awaited, onEvent });
    await expect(third.ready()).rejects.toBeInstanceOf(UniqueViolation);
    await third.close();
    expect(told).toContain("index-build-failure");
    expect(awaited.warnings).toEqual([]);
  },
);
