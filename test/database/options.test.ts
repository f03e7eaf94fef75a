import { collection, InvalidDefinition, InvalidOption, open, StorageError } from "kotobadb";
import { MemoryEngine } from "kotobadb/engine";
import { expect, test } from "vitest";
import { writeFile } from "node:fs/promises";
import { z } from "zod";
import { temporaryFolder } from "../support/temporary-folder.ts";

const wrongTargets: readonly unknown[] = [undefined, null, 5, "", "a\0b", new URL("file:///x"), {}];
const wrongOptions: readonly object[] = [
  { durability: "durabel" },
  { fullScan: "no" },
  { sortBytesMax: 5 },
  { sortBytesMax: "1 MiB" },
  { limits: "small" },
  { colections: {} },
  { collections: [] },
];

test("a wrong target or option is named, and nothing is opened", async () => {
  for (const target of wrongTargets)
    await expect(open(target as never)).rejects.toBeInstanceOf(InvalidOption);
  for (const options of wrongOptions)
    await expect(open(":memory:", options as never)).rejects.toMatchObject({
      _tag: "InvalidOption",
      option: Object.keys(options)[0],
    });
  const schema = { a: z.object({}) };
  await expect(open(":memory:", { collections: schema } as never)).rejects.toBeInstanceOf(
    InvalidDefinition,
  );
});

test("a wrong transaction option is named, and the body is not run", async () => {
  await using db = await open(":memory:");
  const never = (): Promise<void> => Promise.reject(new Error("the body was run"));
  const wrong: readonly object[] = [
    { durability: "zz" },
    { timeoutMillis: Number.NaN },
    { timeoutMillis: -1 },
    { timeoutMillis: "x" },
    { signal: {} },
    { readonly: true },
  ];
  for (const options of wrong)
    await expect(db.transaction(never, options)).rejects.toBeInstanceOf(InvalidOption);
  await expect(db.transaction(5 as never)).rejects.toBeInstanceOf(InvalidOption);
});

test("a path that is a file says so", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/file`;
  await writeFile(path, "");
  await expect(open(path)).rejects.toMatchObject({ _tag: "StorageError", code: "NotADirectory" });
  await expect(open(`${path}/below`)).rejects.toBeInstanceOf(StorageError);
});

for (const kind of ["memory", "a folder"])
  test(`what no server would take is refused in ${kind} where that is asked for, before it is written`, async () => {
    await using folder = await temporaryFolder();
    const target = kind === "memory" ? ":memory:" : `${folder.path}/db`;
    const Notes = collection("notes", z.object({ text: z.string(), tag: z.string() }), {
      indexes: { tag: ["tag"] },
    });
    await using db = await open(target, { collections: { notes: Notes }, limits: "portable" });
    const note = (text: number, tag = 1): Promise<unknown> =>
      db.notes.insert({ text: "x".repeat(text), tag: "x".repeat(tag) });

    await note(99_000, 900);
    await expect(note(100_001)).rejects.toMatchObject({ code: "ValueTooLarge" });
    await expect(note(1, 1_024)).rejects.toMatchObject({ code: "KeyTooLarge" });
    const many = db.transaction(async (tx) => {
      for (let i = 0; i < 90; i++) await tx.notes.insert({ text: "x".repeat(90_000), tag: "" });
    });
    await expect(many).rejects.toMatchObject({ code: "TransactionTooLarge" });

    expect((await db.notes.all()).map(({ text }) => text.length)).toEqual([99_000]);
  });

test("the limits of an open engine are its own", async () => {
  const opening = open({ engine: new MemoryEngine() }, { limits: "portable" });
  await expect(opening).rejects.toMatchObject({ _tag: "InvalidOption", option: "limits" });
});
