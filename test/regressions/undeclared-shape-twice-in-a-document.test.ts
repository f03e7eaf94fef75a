/** A document may hold several objects of one shape that its schema does not name: what was acknowledged is read back. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { MemoryEngine } from "../../src/engine/index.ts";
import { open } from "../../src/index.ts";

const rows = [
  { x: 1, y: 2 },
  { x: 3, y: 4 },
];
const schemas = {
  anything: z.any(),
  unknown: z.unknown(),
  json: z.json(),
  records: z.array(z.record(z.string(), z.number())),
  loose: z.array(z.looseObject({})),
};

for (const [name, schema] of Object.entries(schemas)) {
  test(`two objects of one shape in a field that is ${name} are read as they were written`, async () => {
    await using db = await open(":memory:");
    const documents = db.collection("documents", z.object({ rows: schema }));
    const { id } = await documents.insert({ rows });
    expect(await documents.get(id)).toEqual({ id, rows });
    expect(await documents.all()).toEqual([{ id, rows }]);
  });
}

test("two fields that are records with equal keys are read as they were written", async () => {
  await using db = await open(":memory:");
  const votes = z.record(z.string(), z.number());
  const polls = db.collection("polls", z.object({ yes: votes, no: votes }));
  const { id } = await polls.insert({ yes: { ada: 1 }, no: { ada: 0 } });
  expect(await polls.get(id)).toEqual({ id, yes: { ada: 1 }, no: { ada: 0 } });
});

test("whatever shapes repeat inside a document, it is read as it was written, also by a later opening", async () => {
  const name = fc.constantFrom("x", "y", "z");
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.integer(),
      fc.string({ maxLength: 3 }),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(name, tie("value"), { noNullPrototype: true }),
    ),
  }));
  await fc.assert(
    fc.asyncProperty(fc.array(value, { maxLength: 6 }), async (values) => {
      const engine = new MemoryEngine();
      const schema = z.object({ rows: z.any(), more: z.array(z.any()) });
      const first = (await open({ engine })).collection("documents", schema);
      const stored = await first.insertMany(values.map((rows) => ({ rows, more: [rows, rows] })));
      const later = (await open({ engine })).collection("documents", schema);
      expect(await later.all()).toEqual(stored);
      expect(stored.map(({ rows }) => rows)).toEqual(values);
    }),
    { numRuns: 200 },
  );
});
