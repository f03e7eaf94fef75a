/**
 * An insert takes its id to be free, and only the commit tells. In a transaction that went on with a taken one, the old
 * document's index entries led to what the transaction had deleted itself: that was told as damage.
 */
import { collection, CorruptionError, open, UniqueViolation } from "kotobadb";
import { expect, test } from "vitest";
import { z } from "zod";
import { MemoryEngine } from "../../src/engine/memory/index.ts";

const People = collection("people", z.object({ city: z.string() }), {
  indexes: { byCity: ["city"] },
});

test("an insert of a taken id fails as such, whatever its transaction reads after it", async () => {
  await using db = await open(":memory:", { collections: { people: People } });
  const ada = await db.people.insert({ city: "Oslo" });
  const failing = db.transaction(async (tx) => {
    await tx.people.insert({ id: ada.id, city: "Rome" });
    await tx.people.delete(ada.id);
    return await tx.people.index("byCity", "Oslo").all();
  });
  await expect(failing).rejects.toThrow(UniqueViolation);
  expect(await db.people.all()).toEqual([ada]);
});

test("an entry that leads to nothing is still told as damage", async () => {
  const engine = new MemoryEngine();
  await using db = await open({ engine }, { collections: { people: People } });
  const ada = await db.people.insert({ city: "Oslo" });
  // The row of the document, and not its entry: the keys of documents come first.
  const snapshot = engine.snapshot();
  const page = await snapshot
    .scan({ start: Uint8Array.of(1), end: undefined }, { expect: "all" })
    .next();
  const keys = Array.from({ length: page.rows }, (_, row) =>
    page.buffer.slice(page.keyStart[row], page.keyEnd[row]),
  );
  snapshot.close();
  for (const key of keys) {
    await engine.write({ ops: [{ op: "del", key }], requires: [] });
    if ((await db.people.get(ada.id)) === undefined) break;
  }
  const failing = db.transaction(async (tx) => {
    await tx.people.insert({ city: "Rome" });
    return await tx.people.index("byCity", "Oslo").all();
  });
  await expect(failing).rejects.toThrow(CorruptionError);
});
