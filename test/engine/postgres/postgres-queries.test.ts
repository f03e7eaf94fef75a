/** Random queries on PostgreSQL, by every end, held against the plain evaluator. */
import fc from "fast-check";
import { describe, it, vi } from "vitest";
import { postgres } from "../../../src/engine/postgres/index.ts";
import { documents, indexesAndMixedQueries, runs } from "../../query/arbitrary-query.ts";
import { checkQuery } from "../../query/check-query.ts";
import { QueryWorld } from "../../query/query-world.ts";
import { freshTable, sharedServer, skipReason } from "../../support/postgres/shared-server.ts";

vi.setConfig({ testTimeout: 120_000 });

describe.skipIf(skipReason !== undefined)("queries on PostgreSQL", () => {
  it("give what the plain evaluator gives, whatever the indexes", async () => {
    await fc.assert(
      fc.asyncProperty(documents, indexesAndMixedQueries, async (inputs, [names, asked]) => {
        const engine = postgres({ url: sharedServer().url, table: freshTable() });
        try {
          const world = await QueryWorld.open(names, engine);
          const stored = await world.insert(inputs);
          for (const each of asked)
            await world.read((context) => checkQuery(world.request(each), context, stored));
        } finally {
          await engine.close();
        }
      }),
      { numRuns: runs(20) },
    );
  });
});
