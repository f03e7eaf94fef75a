import { collection, open } from "kotobadb";
import type { ImportResult, LoadResult } from "kotobadb";
import { expectTypeOf, test } from "vitest";
import { z } from "zod";

const Users = collection("users", z.object({ email: z.email(), age: z.number().optional() }));

test("text goes out as strings and comes in as strings or bytes", async () => {
  const db = await open(":memory:", { collections: { users: Users } });
  expectTypeOf(db.users.export()).toEqualTypeOf<AsyncIterable<string>>();
  expectTypeOf(await db.users.import(db.users.export())).toEqualTypeOf<ImportResult>();
  void db.users.import([new Uint8Array(1), "text"], { onExisting: "replace", onBadLine: "skip" });
  void db.users.import(new ReadableStream<Uint8Array>());
  // @ts-expect-error documents are no text
  void db.users.import([{ email: "a" }]);
  // @ts-expect-error there is no such way
  void db.users.import("", { onExisting: "merge" });
  // @ts-expect-error there is no such format
  void db.users.export({ format: "csv" });
});

test("a load takes what insert takes, from any source of documents", async () => {
  const db = await open(":memory:", { collections: { users: Users } });
  expectTypeOf(await db.users.load([{ email: "a" }])).toEqualTypeOf<LoadResult>();
  async function* source(): AsyncGenerator<{ email: string; age?: number }> {
    yield { email: "a" };
  }
  void db.users.load(source());
  // @ts-expect-error a field is missing
  void db.users.load([{ age: 5 }]);
  // @ts-expect-error a field of another type
  void db.users.load([{ email: 5 }]);
  // @ts-expect-error documents, not one document
  void db.users.load({ email: "a" });
  // @ts-expect-error there is no way around the schema
  void db.users.load([], { validate: false });
});
