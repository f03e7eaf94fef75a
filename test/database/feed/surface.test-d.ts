import { collection, open } from "kotobadb";
import type { Id, LiveQuery } from "kotobadb";
import { expectTypeOf, test } from "vitest";
import { z } from "zod";

const Users = collection("users", z.object({ email: z.email(), age: z.number().optional() }), {
  indexes: { byEmail: { on: ["email"], unique: true } },
});

test("a change is told apart by its type, and only a delete is without a document", async () => {
  const db = await open(":memory:", { collections: { users: Users }, changeLog: true });
  const user = await db.users.insert({ email: "a" });
  for await (const change of db.users.changes({ since: "1" })) {
    expectTypeOf(change.id).toEqualTypeOf<Id<"users">>();
    expectTypeOf(change.version).toEqualTypeOf<string>();
    if (change.type === "delete") expectTypeOf(change.after).toEqualTypeOf<undefined>();
    else expectTypeOf(change.after).toEqualTypeOf<typeof user>();
    // @ts-expect-error the log holds what was stored, not what was there before
    void change.before;
  }
  // @ts-expect-error a version is a string
  db.users.changes({ since: 1 });
  // @ts-expect-error there is no such option
  db.users.changes({ after: "1" });
  // @ts-expect-error only a collection has a feed, a query of it has none
  db.users.where({ age: 1 }).changes();
});

test("a live result and a store have the rows of their query", async () => {
  const db = await open(":memory:", { collections: { users: Users } });
  const emails = db.users.where({ age: { gte: 18 } }).select("email");
  const live = emails.live(({ added, changed, removed, rows, version }) => {
    expectTypeOf(rows).toEqualTypeOf<readonly { email: string }[]>();
    expectTypeOf([added, changed, removed]).toEqualTypeOf<(readonly { email: string }[])[]>();
    expectTypeOf(version).toEqualTypeOf<string | undefined>();
  });
  expectTypeOf(live).toEqualTypeOf<LiveQuery>();
  for await (const { rows } of emails.live())
    expectTypeOf(rows).toEqualTypeOf<readonly { email: string }[]>();
  const { getSnapshot, subscribe } = emails.store({ onError: () => undefined });
  expectTypeOf(getSnapshot()).toEqualTypeOf<readonly { email: string }[] | undefined>();
  expectTypeOf(subscribe(() => undefined)).toEqualTypeOf<() => void>();
  // @ts-expect-error rows belong to the query: nobody changes them
  emails.live(({ rows }) => rows.push({ email: "b" }));
  // @ts-expect-error there is no such option
  emails.live(() => undefined, { onFailure: () => undefined });
});

test("a change log has sizes or defaults, and cannot be asked for as false", () => {
  void open("x", { changeLog: { bytesMax: 1, millisMax: 1 } });
  // @ts-expect-error leave it out instead
  void open("x", { changeLog: false });
});
