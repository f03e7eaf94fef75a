/**
 * Operators where a value belongs, as they come out of JSON that a stranger sent: `{ email: { "$ne": null } }`. What names
 * one document takes values only. A filter takes operators, which is its meaning; so what a stranger sent is checked
 * before it becomes a filter, and what is no operator or does not fit the field is refused.
 */
import { expect } from "vitest";
import { z } from "zod";
import { InvalidQuery, NotFound } from "../../src/index.ts";
import { expectSame, onEachEngine, refusal, shown } from "./loose.ts";
import type { LooseCollection, LooseDb } from "./loose.ts";

const FROM_JSON = [
  '{"$ne":null}',
  '{"$gt":""}',
  '{"ne":null}',
  '{"ne":""}',
  '{"gt":""}',
  '{"gte":""}',
  '{"in":["ada@x","bob@x"]}',
  '{"notIn":[]}',
  '{"exists":true}',
  '{"startsWith":""}',
  '{"eq":"ada@x"}',
  '{"NOT":{"email":"a"}}',
  '{"__proto__":{"ne":null}}',
  '{"constructor":{"prototype":{}}}',
  '{"length":5}',
  '["ada@x"]',
  "[]",
  "{}",
  "null",
  "true",
  "0",
].map((text): unknown => JSON.parse(text));

async function users(db: LooseDb): Promise<LooseCollection> {
  const schema = z.object({ email: z.string(), org: z.string(), role: z.enum(["user", "admin"]) });
  const made = db.collection("users", schema, {
    indexes: {
      byEmail: { on: ["email"], unique: true },
      byOrgAndRole: { on: ["org", "role"], unique: true },
    },
  });
  await made.insertMany([
    { id: "ada", email: "ada@x", org: "x", role: "admin" },
    { id: "bob", email: "bob@x", org: "x", role: "user" },
  ]);
  return made;
}

onEachEngine("what names one document takes no operators", async (engine) => {
  const made = await users(await engine.open());
  const before = await made.all();
  for (const value of FROM_JSON) {
    const text = JSON.stringify(value);
    const create = { email: "eve@x", org: "e", role: "admin" };
    const calls = {
      "find by a unique index": () => made.find({ email: value }),
      "find by two fields": () => made.find({ org: "x", role: value }),
      "find by id": () => made.find({ id: value }),
      "find as a whole": () => made.find(value),
      get: () => made.get(value),
      getOrThrow: () => made.getOrThrow(value),
      getMany: () => made.getMany([value]),
      delete: () => made.delete(value),
      update: () => made.update(value, { role: "admin" }),
      "update by a filter": () => made.update({ email: value }, { role: "admin" }),
      replace: () => made.replace(value, create),
      upsert: () => made.upsert({ email: value }, { create, update: { role: "admin" } }),
      "upsert by id": () => made.upsert({ id: value }, { create, update: { role: "admin" } }),
      "upsert as a whole": () => made.upsert(value, { create, update: { role: "admin" } }),
    };
    for (const [name, call] of Object.entries(calls)) {
      const refused = await refusal(call);
      expect(refused, `${name}: ${text}`).toBeDefined();
      expect(refused, `${name}: ${text}`).not.toBeInstanceOf(NotFound);
    }
    const bound = [
      () => made.index("byEmail", value).all(),
      () => made.index("byOrgAndRole", "x", value).all(),
      () => made.index("byEmail").gt(value).all(),
    ];
    // Null is a value of an index: that of documents without one.
    if (value === null) continue;
    for (const call of bound) expect(await refusal(call), text).toBeInstanceOf(InvalidQuery);
  }
  expectSame(await made.all(), before, "as before");
});

onEachEngine(
  "values of a document are no operators either: they are stored or refused as they are",
  async (engine) => {
    const made = await users(await engine.open());
    const before = await made.all();
    for (const value of FROM_JSON)
      expect(
        await refusal(() => made.update("ada", { email: value })),
        JSON.stringify(value),
      ).toBeDefined();
    expectSame(await made.all(), before, "as before");
  },
);

onEachEngine(
  "a filter takes operators that fit the field, and refuses every other object",
  async (engine) => {
    const made = await users(await engine.open());
    const meaningful = new Set(["ne", "gt", "gte", "in", "notIn", "exists", "startsWith", "eq"]);
    for (const value of FROM_JSON) {
      const text = JSON.stringify(value);
      const name = typeof value === "object" && value !== null ? Object.keys(value)[0] : undefined;
      const isOperator = name !== undefined && meaningful.has(name) && text !== '{"ne":null}';
      const isValue = value === null || text === '{"ne":null}';
      const refused = await refusal(() => made.where({ email: value }).all());
      if (isOperator) expect(refused, text).toBeUndefined();
      else if (!isValue) expect(refused, text).toBeInstanceOf(InvalidQuery);
      // An enum has operators too, but none of another kind of value.
      if (value === true || value === 0)
        expect(await refusal(() => made.where({ role: value }).all())).toBeInstanceOf(InvalidQuery);
    }
    // What a caller does who takes a stranger's value for one of his own: told in the words of where().
    expect(await made.where({ email: JSON.parse('{"ne":""}') as unknown }).count()).toBe(2);
    expect(await made.where({ email: { eq: "ada@x" } }).count()).toBe(1);
    expect(await refusal(() => made.where({ email: { eq: { ne: "" } } }).all())).toBeInstanceOf(
      InvalidQuery,
    );
  },
);

onEachEngine(
  "names that all objects have are no fields of a filter, an order or a choice",
  async (engine) => {
    const made = await users(await engine.open());
    const names = [
      "__proto__",
      "constructor",
      "toString",
      "hasOwnProperty",
      "length",
      "",
      "email.length",
      "email.0",
      "$where",
      "then",
    ];
    for (const name of names) {
      const filter = Object.fromEntries([[name, "x"]]);
      expect(await refusal(() => made.where(filter).all()), name).toBeInstanceOf(InvalidQuery);
      expect(await refusal(() => made.orderBy(name).all()), name).toBeInstanceOf(InvalidQuery);
      expect(await refusal(() => made.select(name).all()), name).toBeInstanceOf(InvalidQuery);
      expect(await refusal(() => made.find(filter)), name).toBeInstanceOf(InvalidQuery);
    }
    const others = [
      null,
      undefined,
      5,
      {},
      [],
      Symbol("x"),
      { toString: () => "email" },
      "email\u0000",
      " email",
    ];
    for (const [i, path] of others.entries()) {
      expect(await refusal(() => made.orderBy(path).all()), shown(i)).toBeInstanceOf(InvalidQuery);
      expect(await refusal(() => made.select(path).all()), shown(i)).toBeInstanceOf(InvalidQuery);
    }
    for (const direction of ["up", null, 5, {}, "ASC", "__proto__"])
      expect(await refusal(() => made.orderBy("email", direction).all())).toBeInstanceOf(
        InvalidQuery,
      );
    for (const filter of [
      null,
      undefined,
      5,
      "email",
      [],
      () => true,
      Symbol("x"),
      new Map([["email", "x"]]),
    ])
      expect(await refusal(() => made.where(filter).all()), shown(filter)).toBeInstanceOf(
        InvalidQuery,
      );
    for (const count of [-1, 1.5, Number.NaN, "5", null, {}, 2n])
      expect(await refusal(() => made.limit(count).all()), shown(count)).toBeInstanceOf(
        InvalidQuery,
      );
  },
);
