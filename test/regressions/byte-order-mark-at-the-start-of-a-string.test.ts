/** A string of more than 64 bytes that begins with a byte order mark was read without it, and then stored without it. */
import { open, ValidationError } from "kotobadb";
import { SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";

const MARK = "\ufeff";
const LONG_NAME = `${MARK}${"name".repeat(20)}`;
const schema = z.object({
  text: z.string(),
  list: z.array(z.string()),
  free: z.record(z.string(), z.unknown()),
});

test("a string keeps the byte order marks that it begins with, whatever its length and place", async () => {
  const host = new SimulatedHost();
  const options = { indexes: { byText: { on: ["text"], include: ["list"] } } } as const;
  const db = await open("/db", { host });
  const notes = db.collection("notes", schema, options);
  const texts = [1, 2, 3].flatMap((marks) =>
    [0, 10, 57, 58, 59, 60, 61, 62, 63, 64, 65, 300, 70_000].flatMap((length) =>
      ["x", "é", "\u{1f600}"].map((letter) => MARK.repeat(marks) + letter.repeat(length)),
    ),
  );
  const ids = [];
  for (const text of texts) {
    const free = { text, inner: [{ text }], inside: `x${text}` };
    const given = { text: Array.from(text).slice(0, 300).join(""), list: [text, "", text], free };
    const stored = await notes.insert(given);
    expect(stored).toEqual({ ...given, id: stored.id });
    expect(await notes.update(stored.id, {})).toEqual(stored);
    ids.push(stored);
  }
  await db.close();

  const again = await open("/db", { host });
  const read = again.collection("notes", schema, options);
  for (const stored of ids) expect(await read.get(stored.id)).toEqual(stored);
  expect(await read.where({ text: texts[4]! }).select("list").all()).toEqual([
    { list: ids[4]!.list },
  ]);
  expect((await again.verify()).problems).toEqual([]);
});

test("the long name of a field does not begin with a byte order mark", async () => {
  const db = await open(":memory:");
  const notes = db.collection("notes", schema);
  const wrong = notes.insert({ text: "", list: [], free: { [LONG_NAME]: 1 } });
  await expect(wrong).rejects.toThrow(ValidationError);
  expect(() => db.collection("others", z.object({ [LONG_NAME]: z.string() }))).toThrow(
    "byte order mark",
  );
});
