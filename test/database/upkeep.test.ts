/** What a database offers beside documents: copies, room, reading only, and word of what its engine does. */
import { InvalidOption, collection, open } from "kotobadb";
import type { DatabaseEvent } from "kotobadb";
import { expect, test } from "vitest";
import { z } from "zod";
import { temporaryFolder } from "../support/temporary-folder.ts";

const Notes = collection("notes", z.object({ text: z.string(), at: z.number() }), {
  indexes: { byAt: ["at"] },
});
const notes = (count: number): { text: string; at: number }[] =>
  Array.from({ length: count }, (_, at) => ({ text: `note ${at}`, at }));

test("a checkpoint opens as a database of its own, and each goes its own way", async () => {
  await using folder = await temporaryFolder();
  await using db = await open(`${folder.path}/db`, { collections: { notes: Notes } });
  await db.notes.insertMany(notes(50));
  await db.checkpoint(`${folder.path}/copy`);
  await db.notes.insertMany(notes(10));
  await using copy = await open(`${folder.path}/copy`, { collections: { notes: Notes } });
  expect([await db.notes.count(), await copy.notes.count()]).toEqual([60, 50]);
  expect(await copy.verify()).toEqual({ ok: true, problems: [] });
  await copy.notes.insertMany(notes(1));
  expect([await db.notes.count(), await copy.notes.count()]).toEqual([60, 51]);
  await expect(db.checkpoint(`${folder.path}/copy`)).rejects.toMatchObject({ code: "NotEmpty" });
  await expect(db.checkpoint("")).rejects.toBeInstanceOf(InvalidOption);
});

test("a database in memory cannot be copied, and says so; compacting it does nothing", async () => {
  await using db = await open(":memory:", { collections: { notes: Notes } });
  await expect(db.checkpoint("anywhere")).rejects.toMatchObject({ code: "NotSupported" });
  await db.compact();
});

test("compacting gives back the room of what was deleted", async () => {
  await using folder = await temporaryFolder();
  const events: DatabaseEvent[] = [];
  await using db = await open(`${folder.path}/db`, {
    collections: { notes: Notes },
    onEvent: (event) => events.push(event),
  });
  const stored = await db.notes.insertMany(notes(300));
  await db.compact();
  const before = (await db.stats())["totalBytes"]!;
  for (const { id } of stored.slice(0, 250)) await db.notes.delete(id);
  await db.compact();
  expect((await db.stats())["totalBytes"]).toBeLessThan(before / 2);
  expect(await db.notes.count()).toBe(50);
  expect(events.map(({ type }) => type)).toContain("compaction-end");
});

test("opened to be read, it answers every query, and refuses writes and collections it does not hold", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/db`;
  const collections = { notes: Notes };
  await expect(open(path, { collections, readOnly: true })).rejects.toMatchObject({
    code: "NoDatabase",
  });
  const writer = await open(path, { collections });
  await writer.notes.insertMany(notes(20));
  await writer.close();
  await using db = await open(path, { collections, readOnly: true });
  expect(await db.notes.where({ at: { gte: 15 } }).count()).toBe(5);
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
  const refused = { _tag: "StorageError", code: "OpenedReadOnly" };
  await expect(db.notes.insert({ text: "", at: 1 })).rejects.toMatchObject(refused);
  await expect(db.transaction((tx) => tx.notes.insertMany(notes(1)))).rejects.toMatchObject(
    refused,
  );
  expect(await db.transaction((tx) => tx.notes.count())).toBe(20);
  await expect(db.collection("other", z.object({})).count()).rejects.toMatchObject(refused);
});

test("options for a folder are refused elsewhere, and wrong ones anywhere", async () => {
  const wrong: readonly object[] = [{ readOnly: true }, { onEvent: () => undefined }];
  for (const options of wrong)
    await expect(open(":memory:", options)).rejects.toBeInstanceOf(InvalidOption);
  const mistaken: readonly object[] = [{ readOnly: "yes" }, { onEvent: 5 }];
  for (const options of mistaken)
    await expect(open("somewhere", options)).rejects.toBeInstanceOf(InvalidOption);
});
