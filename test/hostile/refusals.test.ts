/**
 * Bad input and what is said to it, as one golden text: each line a call as a program without types would make it, below it
 * the error's tag, what it names, and what to do. All of them are raised before anything is written.
 */
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";
import { KotobaError, open } from "../../src/index.ts";
import { SimulatedHost } from "../../src/testing/index.ts";
import { openApp, Users } from "./app.ts";
import type { AppDb } from "./app.ts";

/** A method and its arguments. */
type Call = readonly [method: string, ...args: unknown[]];

class Point {
  x = 1;
}
const fn = (): undefined => undefined;
const itself: Record<string, unknown> = {};
itself["NOT"] = itself;

const all: Call = ["all"];
const ada = { id: "ada", email: "ada@x", age: 36 };

/** Calls on `users`, one after the other; the last of them is to be refused. */
const onUsers: Readonly<Record<string, readonly (readonly Call[])[]>> = {
  "What names one document": [
    [["get", { ne: null }]],
    [["get", 5]],
    [["get", undefined]],
    [["getMany", "ada"]],
    [["getMany", [null]]],
    [["getOrThrow", "nobody"]],
    [["getOrThrow", "01ARZ3NDEKTSV4RRFFQ69G5FAV"]],
    [["find", { email: { ne: "" } }]],
    [["find", { email: undefined }]],
    [["find", { age: 36 }]],
    [["find", { email: "ada@x", age: 36 }]],
    [["find", {}]],
    [["find", null]],
    [["update", { email: "ada@x" }, { age: 1 }]],
    [["delete", { ne: null }]],
    [["delete", undefined]],
    [["upsert", { email: { ne: "" } }, { create: ada, update: {} }]],
    [["upsert", { email: "ada@x" }, null]],
    [["upsert", { email: "new@x" }, { update: {} }]],
  ],
  Filters: [
    [["where", { agee: 5 }], all],
    [["where", { address: { town: "Oslo" } }], all],
    [["where", { age: undefined }], all],
    [["where", { age: { gt: undefined } }], all],
    [["where", { age: "36" }], all],
    [["where", { age: Number.NaN }], all],
    [["where", { age: { like: 1 } }], all],
    [["where", { age: {} }], all],
    [["where", { age: [36] }], all],
    [["where", { age: { $gt: 0 } }], all],
    [["where", { age: { gt: null } }], all],
    [["where", { age: { has: 1 } }], all],
    [["where", { email: { startsWith: 5 } }], all],
    [["where", { email: "\ud800" }], all],
    [["where", { tags: "math" }], all],
    [["where", { tags: { size: -1 } }], all],
    [["where", { tags: { some: { x: 1 } } }], all],
    [["where", { address: {} }], all],
    [["where", { OR: { age: 1 } }], all],
    [["where", { AND: [{ age: 1 }, null] }], all],
    [["where", JSON.parse('{"__proto__":{"age":1}}')], all],
    [["where", { constructor: 1 }], all],
    [["where", itself], all],
    [["where", undefined], all],
    [["where", "age > 5"], all],
    [["filter", "age > 5"], all],
  ],
  "Orders, limits, choices": [
    [["orderBy", "agee"], all],
    [["orderBy", "tags[]"], all],
    [["orderBy", "address"], all],
    [["orderBy", "age", "up"], all],
    [["orderBy", undefined], all],
    [["limit", -1], all],
    [["limit", 1.5], all],
    [["limit", "5"], all],
    [["select", "agee"], all],
    [["select", 5], all],
    [["select", "age"], ["select", "email"], all],
    [["index", "byName"], all],
    [["index", "perAge"], all],
    [["index", "byAge", "x"], all],
    [["index", "byAge", 1, 2], all],
    [["index", "byAge", undefined], all],
    [["index", "byAge"], ["gt", { ne: 1 }], all],
    [["index", "byAge", 1], ["gt", 1], all],
    [["index", "byAge"], ["between", 1, undefined], all],
    [["gt", 5], all],
    [["explain", 5]],
    [["explain", { analyze: "yes" }]],
    [["explain", { analyse: true }]],
  ],
  Pages: [
    [["page", undefined]],
    [["page", { size: 0 }]],
    [["page", { size: -5 }]],
    [["page", { size: "5" }]],
    [["page", { size: 5, skip: 10 }]],
    [
      ["limit", 3],
      ["page", { size: 5 }],
    ],
    [["page", { size: 5, after: "garbage" }]],
    [["page", { size: 5, after: 5 }]],
    [["page", { size: 5, before: "" }]],
    [["page", { size: 5, after: "", before: "" }]],
  ],
  "Figures and groups": [
    [["aggregate", undefined]],
    [["aggregate", {}]],
    [["aggregate", { n: { median: "age" } }]],
    [["aggregate", { n: { count: "age" } }]],
    [["aggregate", { n: { sum: "age", avg: "age" } }]],
    [["aggregate", { n: { sum: "email" } }]],
    [["aggregate", { n: { sum: { path: "age" } } }]],
    [["aggregate", { n: { max: "address" } }]],
    [["aggregate", { n: { max: "agee" } }]],
    [["aggregate", { n: null }]],
    [["aggregate", JSON.parse('{"__proto__":{"count":true}}')]],
    [["groupBy"], ["aggregate", { n: { count: true } }]],
    [
      ["groupBy", "agee"],
      ["aggregate", { n: { count: true } }],
    ],
    [
      ["groupBy", "address"],
      ["aggregate", { n: { count: true } }],
    ],
    [
      ["groupBy", "age", "age"],
      ["aggregate", { n: { count: true } }],
    ],
    [
      ["groupBy", "age"],
      ["aggregate", { age: { count: true } }],
    ],
    [
      ["groupBy", null],
      ["aggregate", { n: { count: true } }],
    ],
  ],
  "What is included": [
    [["include", "comments"], all],
    [["include", 5], all],
    [["include", "__proto__"], all],
    [["include", "posts", "title"], all],
    [["include", "posts", fn], all],
    [["include", "posts"], ["include", "posts"], all],
    [["select", "posts"], all],
  ],
  "Live queries, stores and feeds": [
    [["live", "draw"]],
    [["live", fn, null]],
    [["live", fn, { onErrors: fn }]],
    [["live", fn, { onError: "log" }]],
    [
      ["where", { agee: 5 }],
      ["live", fn],
    ],
    [["store", 5]],
    [["store", { onError: 5 }]],
    [["changes", null], ["first row"]],
    [["changes", { from: "x" }], ["first row"]],
    [["changes", { since: 5 }], ["first row"]],
    [["changes", { since: "garbage" }], ["first row"]],
    [["changes", { signal: "x" }], ["first row"]],
  ],
  "In and out": [
    [["export", null], ["first row"]],
    [["export", { format: "csv" }], ["first row"]],
    [["import", 5]],
    [["import", undefined]],
    [["import", "", null]],
    [["import", "", { onExisting: "merge" }]],
    [["import", "", { lineBytesMax: -1 }]],
    [["import", "", { onProgress: 5 }]],
    [["import", "not JSON\n"]],
    [["import", '{"email":5}\n[1]\n{"email":"e@x","id":{"ne":""}}\n']],
    [["import", '{"email":"ada@x"}\n']],
    [["import", '{"id":"ada","email":"new@x"}\n']],
    [["import", '{"__proto__":{"email":"x"},"email":"e@x"}\n']],
    [["load", 5]],
    [["load", undefined]],
    [["load", [{ email: "e@x" }]]],
    [["load", [], { onProgress: 5 }]],
  ],
  Documents: [
    [["insert", { email: 5 }]],
    [["insert", undefined]],
    [["insert", [ada]]],
    [["insert", { email: "e@x", id: 5 }]],
    [["insert", { email: "e@x", id: "" }]],
    [["insert", { email: "e@x", id: "x".repeat(257) }]],
    [["insert", { email: "e@x", id: "ada" }]],
    [["insert", { email: "ada@x" }]],
    [["insert", JSON.parse('{"email":"e@x","more":{"__proto__":1}}')]],
    [["insert", JSON.parse('{"email":"e@x","__proto__":{"polluted":1}}')]],
    [["insert", { email: "e@x", more: new Point() }]],
    [["insert", { email: "e@x", more: [fn] }]],
    [["insert", { email: "\ud800" }]],
    [["insert", { email: "e@x", more: Number.NaN }]],
    [["insertMany", ada]],
    [["insertMany", [{ email: "e@x" }, { email: 5 }]]],
    [["insertMany", [{ email: "e@x" }, { email: "e@x" }]]],
    [["update", "ada", { age: "1" }]],
    [["update", "ada", { id: "eve" }]],
    [["update", "ada", null]],
    [["update", "ada", () => 5]],
    [["update", "nobody", {}]],
    [["replace", "ada", { id: "eve", email: "e@x" }]],
    [["replace", "nobody", ada]],
    [["delete", "ada"]],
  ],
  "Changes by query": [
    [
      ["where", { age: 36 }],
      ["update", { age: "x" }],
    ],
    [
      ["where", { age: 36 }],
      ["update", null],
    ],
    [
      ["where", { age: 36 }],
      ["update", { id: "eve" }],
    ],
    [
      ["where", { agee: 36 }],
      ["update", { age: 1 }],
    ],
    [["where", { agee: 36 }], ["delete"]],
    [["orderBy", "age"], ["delete"]],
    [
      ["limit", 1],
      ["update", { age: 1 }],
    ],
    [["where", { id: "ada" }], ["delete"]],
  ],
};

const numbers = schema("z.object({ n: z.number() })", z.object({ n: z.number() }));
const dates = schema(
  "z.object({ n: z.number(), at: z.date() })",
  z.object({ n: z.number(), at: z.date() }),
);
const onDatabase: readonly (readonly Call[])[] = [
  [["transaction", "body"]],
  [["transaction", fn, { isolation: "snapshot" }]],
  [["transaction", fn, { timeoutMillis: -1 }]],
  [["transaction", fn, { durability: "maybe" }]],
  [["transaction", fn, { signal: "now" }]],
  [["transaction", fn, null]],
  [["snapshot", { stale: "yes" }]],
  [["snapshot", { old: true }]],
  [["collection", "users", numbers]],
  [["collection", "close", numbers]],
  [["collection", "a b", numbers]],
  [["collection", "things", {}]],
  [["collection", "things", schema("z.string()", z.string())]],
  [["collection", "things", schema("z.object({ id })", z.object({ id: z.string() }))]],
  [
    [
      "collection",
      "things",
      schema(
        "z.object({ a: z.string().transform() })",
        z.object({ a: z.string().transform(Number) }),
      ),
    ],
  ],
  [
    [
      "collection",
      "things",
      schema(
        "z.object({ a: z.string().refine(async) })",
        z.object({ a: z.string().refine(async () => true) }),
      ),
    ],
  ],
  [["collection", "things", numbers, { indexes: { i: ["m"] } }]],
  [["collection", "things", numbers, { indexes: { i: { sum: "m" } } }]],
  [["collection", "things", numbers, { indexes: { i: { on: ["n"], wheer: {} } } }]],
  [["collection", "things", dates, { indexes: { i: { on: ["at"], expire: "1w" } } }]],
  [["collection", "things", dates, { indexes: { i: { on: ["at"], expire: 5 } } }]],
  [["collection", "things", dates, { indexes: { i: { on: ["n"], expire: "1d" } } }]],
  [["collection", "things", dates, { indexes: { i: { on: ["at", "n"], expire: true } } }]],
  [["checkpoint", ""]],
  [["checkpoint", 5]],
  [["checkpoint", "./copy"]],
];

const opens: readonly (readonly unknown[])[] = [
  [""],
  [5],
  [{ engine: {} }],
  [":memory:", null],
  [":memory:", { collection: {} }],
  [":memory:", { collections: [Users] }],
  [":memory:", { collections: { users: { name: "users" } } }],
  [":memory:", { collections: { close: Users } }],
  [":memory:", { fullScan: "maybe" }],
  [":memory:", { durability: "sometimes" }],
  [":memory:", { readOnly: true }],
  [":memory:", { changeLog: { bytesMax: 5 } }],
  [":memory:", { host: {} }],
  [
    ":memory:",
    { collections: { users: Users }, relations: { users: { a: { one: "people", via: "x" } } } },
  ],
];

/** A schema that is shown by its text. */
function schema(text: string, of: object): object {
  return Object.assign(of, { [inspect.custom]: () => text });
}

/** `where({ age: 5 }).all()`. */
function shown(calls: readonly Call[]): string {
  return calls
    .map(([method, ...args]) => {
      const texts = args.map((value) => inspect(value, { depth: 4, breakLength: Infinity }));
      return `${method}(${texts.map((text) => (text.length > 100 ? `${text.slice(0, 100)}…` : text)).join(", ")})`;
    })
    .join(".");
}

/** Makes the calls, and awaits or iterates what the last of them gives. */
async function made(on: object, calls: readonly Call[]): Promise<void> {
  let at: unknown = on;
  for (const [method, ...args] of calls) {
    if (method === "first row") {
      for await (const _ of at as AsyncIterable<unknown>) return;
      return;
    }
    at = (Reflect.get(at as object, method) as (...args: unknown[]) => unknown).apply(at, args);
  }
  await at;
}

async function refusal(call: () => Promise<unknown>): Promise<KotobaError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof KotobaError) return error;
    throw new Error("not an error of ours", { cause: error });
  }
  throw new Error("not refused");
}

/** Stands where a call was not refused as it should be. */
const BAD = "not as it should be:";

/** The parts of the error, one a line. */
async function told(what: string, call: () => Promise<unknown>): Promise<string> {
  let error: KotobaError;
  try {
    error = await refusal(call);
  } catch (other) {
    const { cause, message } = other as Error;
    return `${what}\n  ${BAD} ${message}: ${cause instanceof Error ? cause.stack : ""}`;
  }
  const details = Object.entries(error.details).filter(([, value]) => value !== undefined);
  if (error.remedy === "" || details.length === 0) return `${what}\n  ${BAD} ${error.message}`;
  const named = details.map(
    ([name, value]) => `${name}: ${typeof value === "string" ? value : inspect(value)}`,
  );
  const lines = [
    what,
    `  ${error._tag}: ${error.sentence}`,
    ...named.map((line) => `    ${line}`),
    `    → ${error.remedy}`,
  ];
  return lines.join("\n").replaceAll(/\b01[0-9A-HJKMNP-TV-Z]{24}\b/g, "(an id)");
}

async function filled(): Promise<AppDb> {
  const db = await openApp();
  await db.users.insert(ada as never);
  await db.posts.insert({ authorId: "ada" as never, title: "Notes" });
  return db;
}

test("bad input is refused with an error that names the place and the remedy, and nothing is written", async () => {
  const db = await filled();
  const before = [await db.users.all(), await db.posts.all()];
  const parts: string[] = [];
  const tell = async (title: string, on: object, calls: readonly (readonly Call[])[]) => {
    const texts: string[] = [];
    for (const one of calls) texts.push(await told(shown(one), () => made(on, one)));
    expect([await db.users.all(), await db.posts.all()], title).toEqual(before);
    parts.push(`# ${title}`, ...texts);
  };
  for (const [title, calls] of Object.entries(onUsers)) await tell(title, db.users, calls);
  const foreign: readonly (readonly Call[])[] = [
    [["insert", { authorId: "nobody", title: "x" }]],
    [["insert", { authorId: (await db.posts.all())[0]!.id, title: "x" }]],
    [["insert", { authorId: { ne: null }, title: "x" }]],
  ].map((calls) => calls as unknown as readonly Call[]);
  await tell("Ids of another collection, or of nothing", db.posts, foreign);
  const { next } = await db.users.orderBy("age").page({ size: 1 });
  await db.users.insert({ email: "bob@x", age: 1 } as never);
  const cursor = next ?? (await db.users.orderBy("age").page({ size: 1 })).next;
  before[0] = await db.users.all();
  await tell("The database", db, onDatabase);
  const elsewhere = await refusal(() => made(db.users, [["page", { size: 1, after: cursor }]]));
  parts.push("# A cursor of another query", `  ${elsewhere.message}`);
  await db.close();
  expect(parts.filter((part) => part.includes(BAD))).toEqual([]);
  await expect(`${parts.join("\n\n")}\n`).toMatchFileSnapshot("golden/refusals.golden.txt");
});

test("options that cannot be right are refused before a database is opened", async () => {
  const parts: string[] = [];
  for (const args of opens) {
    const what = shown([["open", ...args.map((arg) => nameless(arg))]]);
    const call = open as unknown as (...args: readonly unknown[]) => Promise<unknown>;
    parts.push(await told(what, () => call(...args)));
  }
  expect(parts.filter((part) => part.includes(BAD))).toEqual([]);
  await expect(`${parts.join("\n\n")}\n`).toMatchFileSnapshot("golden/refused-options.golden.txt");
});

/** Definitions by their names: all of one would be a page. */
function nameless(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("definition" in value) return `collection ${String((value as { name?: unknown }).name)}`;
  if (Array.isArray(value)) return value.map(nameless);
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, nameless(part)]));
}

test("a changed schema without a step is refused before anything is read or written", async () => {
  const host = new SimulatedHost();
  const first = await open("/db", { host });
  await first.collection("things", z.object({ n: z.number() })).insert({ n: 1 });
  await first.close();
  const second = await open("/db", { host });
  const changed = second.collection("things", z.object({ n: z.string() }));
  for (const call of [
    () => changed.insert({ n: "1" }),
    () => changed.all(),
    () => second.ready(),
  ]) {
    const error = await refusal(call);
    expect(error).toMatchObject({ _tag: "SchemaMismatch", collection: "things" });
    expect(error.remedy).not.toBe("");
  }
  await second.close();
  const third = await open("/db", { host });
  expect(await third.collection("things", z.object({ n: z.number() })).all()).toMatchObject([
    { n: 1 },
  ]);
  await third.close();
});
