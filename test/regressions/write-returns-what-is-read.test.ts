/** What a write returns is what a later get returns, and belongs to nobody else: neither the caller nor the schema. */
import { expect, test } from "vitest";
import { z } from "zod";
import { open } from "../../src/index.ts";

class Tags extends Array<string> {}
class Moment extends Date {}

/** Another count each time that it is looked at. */
function fickle(): object {
  let reads = 0;
  return Object.defineProperty({}, "count", { enumerable: true, get: () => ++reads });
}

const awkward: Readonly<Record<string, () => unknown>> = {
  "a Buffer": () => Buffer.from([1, 2]),
  "a subclass of Array": () => Tags.from(["x"]),
  "a subclass of Date": () => new Moment(5),
  "an object without a prototype": () => Object.assign(Object.create(null), { x: 1 }) as unknown,
  "a getter": () => fickle(),
};

test.each(Object.entries(awkward))("a document with %s", async (_, make) => {
  await using db = await open(":memory:");
  const things = db.collection("things", z.object({ value: z.unknown() }));
  const inserted = await things.insert({ value: make() });
  expect(await things.get(inserted.id)).toStrictEqual(inserted);
  const updated = await things.update(inserted.id, { value: [make()] });
  expect(await things.get(inserted.id)).toStrictEqual(updated);
  const replaced = await things.replace(inserted.id, { value: { in: make() } });
  expect(await things.get(inserted.id)).toStrictEqual(replaced);
});

test("bytes and objects of the input are not shared with the returned document", async () => {
  await using db = await open(":memory:");
  const things = db.collection("things", z.object({ value: z.unknown() }));
  const input = { bytes: Uint8Array.of(1), at: new Date(1), list: [{ n: 1 }] };
  const inserted = await things.insert({ value: input });
  input.bytes[0] = 9;
  input.at.setTime(9);
  input.list[0]!.n = 9;
  expect(inserted.value).toEqual({
    bytes: Uint8Array.of(1),
    at: new Date(1),
    list: [{ n: 1 }],
  });
  expect(await things.get(inserted.id)).toStrictEqual(inserted);
});

test("index entries follow from the value that is stored, though a getter gives another each time", async () => {
  await using db = await open(":memory:");
  const things = db.collection("things", z.object({ value: z.any() }), {
    indexes: { byCount: ["value.count" as never] },
  });
  const { id } = await things.insert({ value: fickle() });
  expect((await db.verify()).ok).toBe(true);
  await things.update(id, { value: fickle() });
  expect((await db.verify()).ok).toBe(true);
  await things.replace(id, { value: fickle() });
  expect((await db.verify()).ok).toBe(true);
});
