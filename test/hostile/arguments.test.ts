/**
 * Every method, handed whatever a program without types may hand it: it does what that means, or refuses it with an error
 * of the closed list, in the way of the door. Nothing is thrown that is not ours, and nothing hangs.
 */
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { KotobaError } from "../../src/index.ts";
import { openApp } from "./app.ts";
import type { AppDb } from "./app.ts";

const proxy = new Proxy({}, { get: () => undefined, has: () => true });
const VALUES: readonly unknown[] = [
  undefined,
  null,
  0,
  -1,
  1.5,
  Number.NaN,
  5n,
  true,
  "",
  "ada",
  "email",
  "__proto__",
  "\ud800",
  Symbol("s"),
  [],
  [null],
  ["ada"],
  [{}],
  {},
  { id: "ada" },
  { email: { ne: "" } },
  { size: 1, after: {} },
  { n: { count: true } },
  { onError: 1 },
  { signal: {} },
  { create: 1, update: 2 },
  JSON.parse('{"__proto__":1}'),
  Object.create(null),
  new Date(Number.NaN),
  new Map([["id", "ada"]]),
  new Uint8Array(2),
  proxy,
  () => undefined,
  () => 5,
  (query: unknown) => query,
];
const OF_COLLECTION = [
  "get",
  "getOrThrow",
  "getMany",
  "find",
  "insert",
  "insertMany",
  "update",
  "replace",
  "upsert",
  "delete",
  "import",
  "load",
  "export",
  "changes",
  "index",
] as const;
const OF_QUERY = [
  "where",
  "filter",
  "orderBy",
  "limit",
  "select",
  "include",
  "page",
  "aggregate",
  "groupBy",
  "explain",
  "live",
  "store",
] as const;
const OF_FOUND = ["update", "gt", "between", "startsWith"] as const;

/** What came of a call, read to its end: undefined, or what is wrong with it. */
async function problemOf(
  on: object,
  method: string,
  args: readonly unknown[],
): Promise<string | undefined> {
  try {
    const call = Reflect.get(on, method) as (...args: readonly unknown[]) => unknown;
    await ended(call.apply(on, [...args]));
    return undefined;
  } catch (error) {
    if (error instanceof KotobaError) return undefined;
    const shown = args.map((arg) => inspect(arg, { depth: 2 })).join(", ");
    return `${method}(${shown}): ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
}

/** Awaits a promise, runs a query, reads a stream until its first row. Feeds and live queries are left at once. */
async function ended(result: unknown): Promise<void> {
  if (typeof result !== "object" || result === null) return;
  if (Symbol.asyncIterator in result) {
    const iterator = (result as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    await Promise.race([iterator.next(), new Promise((resolve) => setTimeout(resolve, 1))]);
    return void (await iterator.return?.());
  }
  if ("close" in result) return (result as { close(): void }).close();
  if ("all" in result) return void (await (result as { all(): Promise<unknown> }).all());
  if ("aggregate" in result)
    return void (await (result as { aggregate(of: object): Promise<unknown> }).aggregate({
      n: { count: true },
    }));
  await (result as Promise<unknown>);
}

async function filled(): Promise<AppDb> {
  const db = await openApp();
  await db.users.insert({ id: "ada", email: "ada@x", age: 36 } as never);
  return db;
}

test("every method takes whatever it is handed, or refuses it with an error of ours", async () => {
  const problems: string[] = [];
  const tried = async (on: (db: AppDb) => object, methods: readonly string[]): Promise<void> => {
    for (const method of methods) {
      for (const first of VALUES) {
        const db = await filled();
        for (const args of [[first], ["ada", first], [{}, first], [() => undefined, first]]) {
          const problem = await problemOf(on(db), method, args);
          if (problem !== undefined) problems.push(problem);
        }
        await db.close();
      }
    }
  };
  await tried((db) => db.users, [...OF_COLLECTION, ...OF_QUERY]);
  await tried((db) => db.users.where({ age: 36 }), [...OF_QUERY, "update"]);
  await tried((db) => db.users.index("byAge"), OF_FOUND);
  await tried((db) => db.posts, ["include"]);
  await tried((db) => db, ["collection", "transaction", "checkpoint"]);
  expect(problems).toEqual([]);
});
