/** A stored shape that is none was a SyntaxError or a TypeError of the language, or was taken for some shape. */
import { expect, test } from "vitest";
import { z } from "zod";
import { CorruptionError } from "../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../src/engine/index.ts";
import { catalogKey } from "../../src/collections/catalog/keyspace.ts";
import { decodeCatalogRow, encodeCatalogRow } from "../../src/collections/catalog/catalog-row.ts";
import { collection, open } from "../../src/index.ts";

const DAMAGED = [
  "",
  "{",
  "null",
  '"strin"',
  "{}",
  '{"object":null}',
  '{"object":{"n":null}}',
  '{"object":{"n":{"number":["1"]}}}',
  '{"object":{"n":{"bigint":["x"]}}}',
  '{"object":{"n":{"string":"users"}}}',
  '{"object":{},"defaults":5}',
  '{"object":{},"rest":7}',
  '{"union":5}',
  '{"array":{"array":4}}',
  "[".repeat(100_000),
];

test("a stored shape that is none is damage, named with its collection", async () => {
  const engine = new MemoryEngine();
  const things = collection("things", z.object({ n: z.number() }));
  const before = await open({ engine }, { collections: { things } });
  await before.things.insert({ n: 1 });
  const key = catalogKey("things");
  for (const shape of DAMAGED) {
    const transaction = await engine.begin();
    const row = decodeCatalogRow("things", (await transaction.get(key))!);
    const value = encodeCatalogRow({ ...row, shape });
    await transaction.commit({
      readKeys: [],
      readRanges: [],
      ops: [{ op: "put", key, value }],
      requires: [],
    });
    const again = await open({ engine }, { collections: { things } });
    const read = again.things.all();
    await expect(read, shape.slice(0, 40)).rejects.toThrow(CorruptionError);
    await expect(read).rejects.toThrow(/catalog row of things/);
  }
});
