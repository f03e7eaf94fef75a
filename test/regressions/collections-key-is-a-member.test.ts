/** `open(…, { collections })` puts each collection under its key: a key that is the database's own would be lost. */
import { expect, test } from "vitest";
import { z } from "zod";
import { collection, InvalidDefinition, open } from "../../src/index.ts";

for (const key of ["close", "transaction", "snapshot", "collection"]) {
  test(`a collection under the key "${key}" is refused, not replaced in silence`, async () => {
    const Notes = collection("notes", z.object({ text: z.string() }));
    await expect(open(":memory:", { collections: { [key]: Notes } })).rejects.toBeInstanceOf(
      InvalidDefinition,
    );
  });
}
