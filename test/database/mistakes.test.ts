/** What programs without types get wrong, because other databases do it so: refused in words, never half understood. */
import { inspect } from "node:util";
import { collection, InvalidDefinition, InvalidQuery, open, ValidationError } from "kotobadb";
import type { Id, ValidationIssue } from "kotobadb";
import { expect, test } from "vitest";
import { z } from "zod";
import { here } from "../support/elsewhere.ts";

interface Loose {
  (...args: readonly unknown[]): Promise<unknown> & AsyncIterable<unknown>;
}
type LooseHandle = Readonly<Record<string, Loose>>;

const schema = z.object({
  name: z.string(),
  age: z.number().optional(),
  address: z.object({ city: z.string() }).optional(),
});
const Users = collection("users", schema, { indexes: { byName: ["name"] } });
const openOne = () => open(here(":memory:"), { collections: { users: Users }, fullScan: "allow" });

async function problemOf(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidQuery);
    return String((error as InvalidQuery).details["problem"]);
  }
  throw new Error("it should have been refused");
}

test("a filter that is handed to an end is refused, not left out", async () => {
  await using db = await openOne();
  await db.users.insertMany([{ name: "Ada" }, { name: "Bob" }]);
  const users = db.users as unknown as LooseHandle;
  for (const end of ["all", "first", "one", "exists", "count"])
    expect(await problemOf(() => users[end]!({ name: "Ada" })), end).toContain("into where()");
  expect(
    await problemOf(async () => {
      for await (const _ of users["stream"]!({ name: "Ada" }));
    }),
  ).toContain("into where()");
  expect(await db.users.where({ name: "Ada" }).count()).toBe(1);
});

test("what other databases write differently is told in our words", async () => {
  await using db = await openOne();
  const users = db.users as unknown as Readonly<
    Record<string, (...args: unknown[]) => LooseHandle>
  >;
  const where = (filter: object): Promise<string> =>
    problemOf(() => users["where"]!(filter)["all"]!());
  expect(await where({ "address.city": "Oslo" })).toContain("is { address: { city: … } }");
  expect(await where({ or: [{ name: "Ada" }] })).toContain("OR");
  expect(await where({ age: { $gt: 1 } })).toMatch(/there are eq, ne, .*gte/);
  expect(await where({ nme: "Ada" })).toBe("there is no such field");
  expect(await problemOf(() => users["orderBy"]!("-age")["all"]!())).toContain(
    'orderBy("age", "desc")',
  );
  expect(
    await problemOf(() => (db.users as unknown as LooseHandle)["find"]!({ name: "Ada" })),
  ).toContain("where()");
});

test("a collection's options that are none are refused: a misspelt one would leave it without indexes", () => {
  const define = collection as unknown as (...args: readonly unknown[]) => unknown;
  expect(() => define("users", schema, { index: { byName: ["name"] } })).toThrow(
    'there is no option "index": there is indexes',
  );
  expect(() => define("users", schema, null)).not.toThrow(TypeError);
  expect(() => define(Users)).toThrow(/collection=users, .* open\(…, \{ collections/);
});

test("a transaction takes no collection of another database", async () => {
  await using db = await openOne();
  await using other = await openOne();
  await other.users.insert({ name: "Ada" });
  const count = db.transaction(async (tx) => tx.collection(other.users).count());
  await expect(count).rejects.toThrow(InvalidDefinition);
  await expect(count).rejects.toThrow("a collection of this database");
  expect(await db.transaction(async (tx) => tx.collection(db.users).count())).toBe(0);
});

async function issuesOf(work: () => Promise<unknown>): Promise<readonly ValidationIssue[]> {
  try {
    await work();
  } catch (error) {
    expect(error).toBeInstanceOf(ValidationError);
    return (error as ValidationError).issues;
  }
  throw new Error("it should have been refused");
}

test("upsert creates nothing under another key than the one it looked for", async () => {
  const People = collection(
    "people",
    z.object({
      email: z.string().toLowerCase(),
      at: z.object({ org: z.string(), nr: z.number() }),
      open: z.boolean().default(true),
    }),
    {
      indexes: {
        byEmail: { on: ["email"], unique: true },
        byNumber: { on: ["at.org", "-at.nr"], unique: true, where: { open: true } },
      },
    },
  );
  await using db = await open(here(":memory:"), { collections: { people: People } });
  const ada = { email: "ada@x.org", at: { org: "x", nr: 1 } };
  const upsert = (where: object, create: object): Promise<unknown> =>
    db.people.upsert(where as { id: Id<"people"> }, { create: create as typeof ada, update: {} });
  const where = { "at.org": "x", "at.nr": 1 };
  for (const [asked, create, path] of [
    [{ email: "bob@x.org" }, ada, ["email"]],
    // The schema lowers it: nobody would find it by this again.
    [{ email: "Ada@x.org" }, { ...ada, email: "Ada@x.org" }, ["email"]],
    [{ ...where, "at.nr": 2 }, ada, ["at", "nr"]],
    [where, { ...ada, open: false }, []],
  ] as const)
    expect(await issuesOf(() => upsert(asked, create))).toMatchObject([{ path }]);
  expect(await db.people.count()).toBe(0);
  for (const asked of [{ email: "ada@x.org" }, where])
    expect(await upsert(asked, { ...ada, email: "Ada@x.org" })).toMatchObject(ada);
  expect(await db.people.count()).toBe(1);
});

test("a query that is printed says what it asks for", async () => {
  await using db = await openOne();
  expect(inspect(db.users)).toContain("[users]");
  expect(inspect(db.users.where({ name: "Ada", age: { gt: 3 } }))).toContain(
    '[users where name = "Ada" and age > 3]',
  );
  expect(inspect(db.users.where({ nme: 1 } as never))).toContain("not well formed");
});
