/** What the types of the surface promise is there when the program runs, in both doors. */
import { Effect } from "effect";
import { collection } from "kotobadb";
import type { Db } from "kotobadb";
import { open } from "kotobadb/effect";
import { expect, test } from "vitest";
import { z } from "zod";

const Users = collection("users", z.object({ name: z.string() }), {
  indexes: { byName: ["name"] },
});
type AppDb = Db<{ readonly users: typeof Users }>;
type Names<T> = Readonly<Record<Exclude<keyof T & string, `~${string}`>, true>>;

const ofDatabase: Names<Omit<AppDb, "close">> = {
  checkpoint: true,
  collection: true,
  compact: true,
  expire: true,
  ready: true,
  snapshot: true,
  stats: true,
  transaction: true,
  users: true,
  verify: true,
};
const ofQuery: Names<ReturnType<AppDb["users"]["where"]>> = {
  aggregate: true,
  all: true,
  count: true,
  delete: true,
  exists: true,
  explain: true,
  filter: true,
  first: true,
  groupBy: true,
  include: true,
  limit: true,
  live: true,
  one: true,
  orderBy: true,
  page: true,
  reverse: true,
  select: true,
  store: true,
  stream: true,
  update: true,
  where: true,
};
const ofCollection: Names<AppDb["users"]> = {
  ...ofQuery,
  changes: true,
  export: true,
  find: true,
  get: true,
  getMany: true,
  getOrThrow: true,
  import: true,
  index: true,
  insert: true,
  insertMany: true,
  load: true,
  name: true,
  replace: true,
  upsert: true,
};

test("every member that the types name is there, in both doors", () =>
  Effect.gen(function* () {
    const db = yield* open(":memory:", { collections: { users: Users } });
    for (const door of [db, db.promise]) {
      for (const name of Object.keys(ofDatabase)) expect(door, name).toHaveProperty(name);
      for (const name of Object.keys(ofCollection))
        expect(typeof Reflect.get(door.users, name), name).toBe(
          name === "name" ? "string" : "function",
        );
      const query = door.users.where({});
      for (const name of Object.keys(ofQuery))
        expect(typeof Reflect.get(query, name), name).toBe("function");
      using snapshot = door.snapshot();
      expect(typeof Reflect.get(snapshot.users, "get")).toBe("function");
    }
    expect(typeof db.promise.close).toBe("function");
    expect(typeof db.promise[Symbol.asyncDispose]).toBe("function");
  }).pipe(Effect.scoped, Effect.runPromise));
