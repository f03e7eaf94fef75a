import { collection, open } from "kotobadb";
import type { ImportResult } from "kotobadb";
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
