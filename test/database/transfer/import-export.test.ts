/** Documents out as text and in again: nothing lost, nothing half imported, and everything that is wrong told. */
import { collection, ImportFailed, InvalidOption, open } from "kotobadb";
import type { Db, Id, ImportOptions, ImportProgress } from "kotobadb";
import { MemoryEngine } from "kotobadb/engine";
import type { Snapshot } from "kotobadb/engine";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { anyDocumentSchema } from "../../collections/transfer/arbitrary-document.ts";
import { here, isElsewhere, runsHere } from "../../support/elsewhere.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const Users = collection(
  "users",
  z.object({
    email: z.string(),
    born: z.date().optional(),
    visits: z.bigint().default(0n),
    tags: z.array(z.string()).default([]),
  }),
  { indexes: { byEmail: { on: ["email"], unique: true }, byTag: ["tags[]"] } },
);
const collections = { users: Users };
type UsersDb = Db<typeof collections>;

async function textOf(stream: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += chunk;
  return text;
}

function users(count: number): { id: Id<"users">; email: string; tags: string[] }[] {
  return Array.from({ length: count }, (_, n) => ({
    id: `u${String(n).padStart(6, "0")}` as Id<"users">,
    email: `u${n}@x.org`,
    tags: [`t${n % 3}`],
  }));
}

async function failureOf(work: Promise<unknown>): Promise<ImportFailed> {
  const error: unknown = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(ImportFailed);
  return error as ImportFailed;
}

const line = (fields: object): string => `${JSON.stringify(fields)}\n`;

for (const format of ["ndjson", "json"] as const) {
  test(`documents of any schema come back from ${format} as they were`, async () => {
    const given = anyDocumentSchema.chain(({ schema, value }) =>
      fc.tuple(fc.constant(schema), fc.array(value, { maxLength: 4 })),
    );
    await fc.assert(
      fc.asyncProperty(given, async ([schema, values]) => {
        const things = collection("things", schema as z.ZodType<object>);
        await using from = await open(here(":memory:"), { collections: { things } });
        await using to = await open(here(":memory:"), { collections: { things } });
        for (const value of values) await from.things.insert(value as never);
        const text = await textOf(from.things.export({ format }));
        expect(await to.things.import(text)).toMatchObject({ imported: values.length, bad: [] });
        expect(await to.things.all()).toEqual(await from.things.all());
        expect(await textOf(to.things.export({ format }))).toBe(text);
      }),
      { numRuns: runsHere(Number(process.env["RUNS"] ?? "60")) },
    );
  });
}

test.skipIf(isElsewhere())(
  "an export of a folder is imported into another, indexes included",
  async () => {
    await using folder = await temporaryFolder();
    await using from = await open(`${folder.path}/a`, { collections });
    await from.users.insertMany(users(3_000));
    await using to = await open(`${folder.path}/b`, { collections });
    const progress: ImportProgress[] = [];
    const result = await to.users.import(from.users.export(), {
      onProgress: (p) => progress.push(p),
    });
    expect(result).toEqual({ imported: 3_000, replaced: 0, skipped: 0, bad: [], badCount: 0 });
    expect(await to.users.all()).toEqual(await from.users.all());
    expect(await to.users.where({ tags: { has: "t1" } }).count()).toBe(1_000);
    expect(await to.verify()).toEqual({ ok: true, problems: [] });
    expect(progress.at(-1)).toMatchObject({ documentsRead: 3_000, documentsWritten: 3_000 });
    expect(progress.length).toBeGreaterThan(2);
  },
);

test("an export shows one state: in a snapshot, in a transaction, and by itself", async () => {
  await using db = await open(here(":memory:"), { collections });
  await db.users.insertMany(users(2_000));
  using snapshot = db.snapshot();
  const running = db.users.export()[Symbol.asyncIterator]();
  const first = await running.next();
  const before = await textOf(snapshot.users.export());
  const [inside, own] = await db.transaction(async (tx) => {
    const here = await textOf(tx.users.export());
    await tx.users.delete(users(1)[0]!.id);
    return [here, await textOf(tx.users.export())] as const;
  });
  let rest = first.value as string;
  for (let step = await running.next(); step.done !== true; step = await running.next())
    rest += step.value;
  expect(inside).toBe(before);
  expect(rest).toBe(before);
  expect(own).toBe(before.slice(before.indexOf("\n") + 1));
  expect(await textOf(snapshot.users.export())).toBe(before);
  expect(await textOf(db.users.export())).toBe(own);
});

test.skipIf(isElsewhere())(
  "an export reads a page at a time, and its chunks are small",
  async () => {
    let rows = 0;
    class CountingEngine extends MemoryEngine {
      override snapshot(): Snapshot {
        const inner = super.snapshot() as Snapshot;
        const scan = inner.scan.bind(inner);
        inner.scan = (range, options) => {
          const scanned = scan(range, options);
          return {
            next: async () => {
              const page = await scanned.next();
              rows += page.rows;
              return page;
            },
            close: () => scanned.close(),
          };
        };
        return inner;
      }
    }
    const Notes = collection("notes", z.object({ text: z.string() }));
    const engine = new CountingEngine();
    await using db = await open({ engine }, { collections: { notes: Notes } });
    const long = "x".repeat(10_000);
    await db.notes.insertMany(users(2_000).map(({ email }) => ({ text: long + email })));
    rows = 0;
    let bytes = 0;
    let chunks = 0;
    for await (const chunk of db.notes.export({ format: "json" })) {
      if (chunks++ === 0) expect(rows).toBeLessThan(500);
      expect(chunk.length).toBeLessThan(90_000);
      bytes += chunk.length;
    }
    expect(bytes).toBeGreaterThan(20_000_000);
    expect(rows).toBe(2_000);
  },
);

test("documents without an id get one, and defaults are filled in", async () => {
  await using db = await open(here(":memory:"), { collections });
  await db.users.import('{"email":"a"}\n{"email":"b","visits":"3","born":"2000-02-29"}');
  const all = await db.users.orderBy("email").all();
  expect(all).toMatchObject([
    { email: "a", visits: 0n, tags: [] },
    { email: "b", visits: 3n, born: new Date("2000-02-29") },
  ]);
  expect(all.every(({ id }) => id.length === 26)).toBe(true);
});

test("every kind of bad line is told with its number, and nothing is imported", async () => {
  await using db = await open(here(":memory:"), { collections });
  await db.users.insertMany(users(2));
  const before = await db.users.all();
  const text = [
    line({ id: "fine", email: "fine" }),
    '{"id":"cut","ema\n',
    line({ id: "type", email: 5 }),
    "[1]\n",
    "\n",
    line({ id: "", email: "no id" }),
    '{"id":"proto","email":"p","tags":[],"__proto__":{"a":1}}\n',
    line({ id: "u000000", email: "taken id" }),
    line({ id: "unique", email: "u1@x.org" }),
    line({ id: "twice", email: "1" }),
    line({ id: "twice", email: "2" }),
    line({ id: "same email", email: "fine" }),
  ];
  const chunks = [new TextEncoder().encode(text.join("")), Uint8Array.of(0x22, 0xff, 0x0a)];
  const early = await failureOf(db.users.import(chunks));
  // What is wrong with the text itself is told before anything is looked up.
  expect(early.bad.map((bad) => bad.line)).toEqual([2, 3, 4, 6, 7, 13]);
  expect(await db.users.all()).toEqual(before);
  const result = await db.users.import(chunks, { onBadLine: "skip" });
  expect(result).toMatchObject({ imported: 2, badCount: 10 });
  const reasons = Object.fromEntries(result.bad.map((bad) => [bad.line, bad.reason]));
  expect(reasons[2]).toMatch(/^it is no JSON: /);
  expect(reasons[3]).toMatch(/^email: /);
  expect({ ...reasons, 2: "", 3: "" }).toEqual({
    2: "",
    3: "",
    4: "it is no JSON object",
    6: "id: an id is not empty",
    7: "__proto__: a field called __proto__ cannot be stored",
    8: 'there is a document with the id "u000000" already',
    9: 'the unique index "byEmail" has its key already, of "u000001"',
    11: 'there is a document with the id "twice" already',
    12: 'the unique index "byEmail" has its key already, of "fine"',
    13: "it is no UTF-8",
  });
  expect(await db.users.count()).toBe(4);
  expect((await db.verify()).ok).toBe(true);
});

test("what is taken in the database fails the whole import too", async () => {
  await using db = await open(here(":memory:"), { collections });
  await db.users.insertMany(users(1));
  const failed = await failureOf(
    db.users.import(line({ id: "new", email: "new" }) + line({ id: "x", email: "u0@x.org" })),
  );
  expect(failed.bad).toEqual([
    { line: 2, reason: 'the unique index "byEmail" has its key already, of "u000000"' },
  ]);
  expect(failed).toMatchObject({ badCount: 1, imported: 0, replaced: 0 });
  expect(await db.users.count()).toBe(1);
});

test("documents that are there are replaced or kept, as is asked", async () => {
  await using db = await open(here(":memory:"), { collections });
  await db.users.insertMany(users(2));
  const text = line({ id: "u000001", email: "other" }) + line({ id: "new", email: "u1@x.org" });
  expect(await db.users.import(text, { onExisting: "skip", onBadLine: "skip" })).toMatchObject({
    imported: 0,
    skipped: 1,
    badCount: 1,
  });
  const result = await db.users.import(text, { onExisting: "replace" });
  expect(result).toMatchObject({ imported: 1, replaced: 1, skipped: 0 });
  expect(await db.users.find({ email: "u1@x.org" })).toMatchObject({ id: "new" });
  expect(await db.users.get("u000001" as Id<"users">)).toMatchObject({ email: "other", tags: [] });
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test("in a transaction it is part of it, and one that failed cannot be committed", async () => {
  await using db = await open(here(":memory:"), { collections });
  const text = line({ id: "a", email: "a" }) + line({ id: "b", email: "b" });
  await db.transaction(async (tx) => {
    await tx.users.import(text);
    expect(await tx.users.count()).toBe(2);
    expect(await db.users.count()).toBe(0);
  });
  expect(await db.users.count()).toBe(2);
  const caught = db.transaction(async (tx) => {
    await failureOf(tx.users.import(line({ id: "c", email: "c" }) + line({ id: "d", email: "a" })));
  });
  await failureOf(caught);
  expect(await db.users.count()).toBe(2);
  await expect(
    db.transaction((tx) => tx.users.import(text, { partial: true })),
  ).rejects.toBeInstanceOf(InvalidOption);
  using snapshot = db.snapshot();
  await expect(snapshot.users.import(text)).rejects.toMatchObject({ _tag: "ReadOnlyTransaction" });
});

class SmallEngine extends MemoryEngine {
  override readonly limits = { ...new MemoryEngine().limits, transactionBytes: 200_000 };
}

test.skipIf(isElsewhere())(
  "a text larger than a transaction is refused whole, and imported in batches where that is asked",
  async () => {
    await using db = await open({ engine: new SmallEngine() }, { collections });
    const text = users(5_000).map(line).join("");
    await expect(db.users.import(text)).rejects.toMatchObject({ code: "TransactionTooLarge" });
    expect(await db.users.count()).toBe(0);
    expect(await db.users.import(text, { partial: true })).toMatchObject({ imported: 5_000 });
    const twice = await failureOf(
      db.users.import(users(6_000).slice(4_500).reverse().map(line).join(""), { partial: true }),
    );
    // A batch of 512, and the one in which the first known document stands was not committed.
    expect(twice).toMatchObject({ imported: 512, replaced: 0 });
    expect(twice.bad[0]!.line).toBe(1_001);
    expect(await db.users.count()).toBe(5_512);
    expect((await db.verify()).ok).toBe(true);
  },
);

test("a line of 100 MB is refused without being kept; one of 100,000 fields is none too many", async () => {
  await using db = await open(here(":memory:"), { collections });
  const chunk = "x".repeat(1_000_000);
  function* text(): Generator<string> {
    yield `${line({ id: "a", email: "a" })}{"id":"b","email":"`;
    for (let i = 0; i < 100; i++) yield chunk;
    yield `"}\n${line({ id: "c", email: "c" })}`;
  }
  expect(await db.users.import(text(), { onBadLine: "skip" })).toMatchObject({
    imported: 2,
    bad: [{ line: 2, reason: "it has more than 67108864 bytes (lineBytesMax)" }],
  });
  const things = db.collection("things", z.record(z.string(), z.unknown()));
  const wide = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`f${n}`, n]));
  await things.import(line({ id: "wide", ...wide }));
  const [found] = await things.all();
  expect(Object.keys(found!)).toHaveLength(100_001);
});

test("bad lines beyond a hundred are counted", async () => {
  await using db = await open(here(":memory:"), { collections });
  const result = await db.users.import("{}\n".repeat(250), { onBadLine: "skip" });
  expect(result.badCount).toBe(250);
  expect(result.bad).toHaveLength(100);
  const failed = await failureOf(db.users.import("{}\n".repeat(250)));
  expect(failed.badCount).toBe(250);
  expect(failed.message).toContain("line 1: email: ");
  expect(failed.message).toContain("and 247 more");
});

test("an aborted import ends at once with the signal's reason, and the source is told", async () => {
  await using db = await open(here(":memory:"), { collections });
  const reason = new Error("enough");
  const control = new AbortController();
  let isTold = false;
  const never: AsyncIterable<string> = {
    [Symbol.asyncIterator]: () => {
      let isFirst = true;
      return {
        next: () => {
          if (!isFirst) return new Promise(() => undefined);
          isFirst = false;
          return Promise.resolve({ done: false, value: line({ email: "a" }) });
        },
        return: () => {
          isTold = true;
          return Promise.resolve({ done: true, value: undefined });
        },
      };
    },
  };
  setTimeout(() => control.abort(reason), 10);
  await expect(db.users.import(never, { signal: control.signal })).rejects.toBe(reason);
  expect(isTold).toBe(true);
  await expect(db.users.import("", { signal: control.signal })).rejects.toBe(reason);
  expect(await db.users.count()).toBe(0);
});

test("an import that races with another runs again, and the line that lost is told", async () => {
  await using folder = await temporaryFolder();
  await using db = await open(here(folder.path), { collections });
  const imports = await Promise.allSettled([
    db.users.import(users(300).map(line).join("")),
    db.users.import(users(300).toReversed().map(line).join("")),
  ]);
  expect(imports.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  expect(await db.users.count()).toBe(300);
  expect((await db.verify()).ok).toBe(true);
});

test("wrong options and sources are refused before anything is read", async () => {
  await using db = await open(here(":memory:"), { collections });
  const wrong: readonly object[] = [
    { onExisting: "keep" },
    { onBadLine: "stop" },
    { partial: 1 },
    { lineBytesMax: 0 },
    { onProgress: true },
    { signal: {} },
    { format: "json" },
  ];
  for (const options of wrong)
    await expect(db.users.import("", options as ImportOptions)).rejects.toBeInstanceOf(
      InvalidOption,
    );
  for (const source of [undefined, null, 5, {}])
    await expect(db.users.import(source as never)).rejects.toBeInstanceOf(InvalidOption);
  await expect(db.users.import([5] as never)).rejects.toMatchObject({ _tag: "ValidationError" });
  await expect(textOf(db.users.export({ format: "csv" as never }))).rejects.toBeInstanceOf(
    InvalidOption,
  );
});

test("a schema with codecs takes documents as they are stored", async () => {
  const Texts = collection(
    "texts",
    z.object({
      size: z.codec(z.string(), z.number(), { decode: Number, encode: String }),
    }),
  );
  await using from = await open(here(":memory:"), { collections: { texts: Texts } });
  await using to = await open(here(":memory:"), { collections: { texts: Texts } });
  await from.texts.insert({ size: "12" });
  const text = await textOf(from.texts.export());
  expect(text).toContain('"size":12');
  await to.texts.import(text);
  expect(await to.texts.all()).toEqual(await from.texts.all());
});

test.skipIf(isElsewhere())(
  "a database opened to be read exports, and refuses to import",
  async () => {
    await using folder = await temporaryFolder();
    const writer: UsersDb = await open(folder.path, { collections });
    await writer.users.insertMany(users(10));
    await writer.close();
    await using db = await open(folder.path, { collections, readOnly: true });
    expect((await textOf(db.users.export())).split("\n")).toHaveLength(11);
    await expect(db.users.import(line({ email: "a" }))).rejects.toMatchObject({
      code: "OpenedReadOnly",
    });
  },
);
