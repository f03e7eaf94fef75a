/** What one program remembers of what is stored, while another one writes. */
import { collection, open } from "kotobadb";
import type { Db } from "kotobadb";
import { postgres } from "kotobadb/postgres";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { freshTable, sharedServer, skipReason } from "../../support/postgres/shared-server.ts";

const optional = z.number().optional();
const collections = {
  things: collection(
    "things",
    z.object({ a: optional, b: optional, c: optional, in: z.object({ x: optional, y: optional }) }),
  ),
};
type Things = Db<typeof collections>;

function openOn(table: string): Promise<Things> {
  const engine = postgres({ url: sharedServer().url, table, changeLog: true });
  return open({ engine }, { collections });
}

const fields = fc.record(
  {
    a: fc.nat(9),
    b: fc.nat(9),
    c: fc.nat(9),
    in: fc.record({ x: fc.nat(9), y: fc.nat(9) }, { requiredKeys: [], noNullPrototype: true }),
  },
  { requiredKeys: ["in"], noNullPrototype: true },
);

describe.skipIf(skipReason !== undefined)("two programs and shapes of documents", () => {
  it("read them as they were written, and so does whoever comes later", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(1), fields), { minLength: 2, maxLength: 12 }),
        fc.boolean(),
        async (inserts, atOnce) => {
          const table = freshTable();
          await using one = await openOn(table);
          await using two = await openOn(table);
          const programs = [one, two];
          await Promise.all(programs.map((program) => program.ready()));
          const insert = ([at, input]: (typeof inserts)[number]) =>
            programs[at]!.things.insert(input);
          const stored: object[] = [];
          if (atOnce) stored.push(...(await Promise.all(inserts.map(insert))));
          else for (const each of inserts) stored.push(await insert(each));

          await using later = await openOn(table);

          for (const program of [...programs, later]) {
            const found = await program.things.all();
            expect(found.length).toBe(stored.length);
            expect(found).toEqual(expect.arrayContaining(stored));
          }
        },
      ),
      { numRuns: 10 },
    );
  });

  it("hear of them by their feeds", async () => {
    const table = freshTable();
    await using one = await openOn(table);
    await using two = await openOn(table);
    let since: string | undefined;
    await one.transaction(async (tx) => {
      await tx.things.insert({ in: {} });
      tx.onCommit((version) => (since = version));
    });

    const stored = await two.things.insert({ a: 1, in: { y: 2 } });

    for await (const change of one.things.changes({ since })) {
      expect(change).toMatchObject({ type: "insert", after: stored });
      break;
    }
  });
});
