/** A default that is an object belongs to the schema: what a caller does to a document he was given does not change it. */
import { expect, test } from "vitest";
import { z } from "zod";
import { collection, open } from "../../src/index.ts";
import { MemoryEngine } from "../../src/engine/index.ts";

const settings = z.object({ muted: z.array(z.string()) });

test("what is done to an inserted document's default does not appear in the next document", async () => {
  await using db = await open(":memory:");
  const schema = z.object({ settings: settings.default({ muted: [] }) });
  const users = db.collection("users", schema);
  const ada = await users.insert({});
  ada.settings.muted.push("spam");
  expect((await users.insert({})).settings).toEqual({ muted: [] });
});

test("what is done to a default that was filled in on reading does not appear in the next reading", async () => {
  const engine = new MemoryEngine();
  const first = await open({ engine });
  const { id } = await first
    .collection("users", z.object({ name: z.string() }))
    .insert({ name: "Ada" });
  const Later = collection(
    "users",
    z.object({ name: z.string(), settings: settings.default({ muted: [] }) }),
  );
  await using later = await open({ engine }, { collections: { users: Later } });
  const ada = await later.users.getOrThrow(id as never);
  ada.settings.muted.push("spam");
  expect((await later.users.getOrThrow(id as never)).settings).toEqual({ muted: [] });
});
