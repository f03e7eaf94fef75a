/** Who would starve on a server has the table to itself, and cannot keep it for ever. */
import { setTimeout } from "node:timers/promises";
import { collection, open } from "kotobadb";
import { postgres } from "kotobadb/postgres";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { freshTable, sharedServer, skipReason } from "../../support/postgres/shared-server.ts";

const collections = {
  counters: collection("counters", z.object({ count: z.number() }), {
    indexes: { total: { sum: "count" }, all: { count: true } },
  }),
};
const openOn = (table: string) =>
  open({ engine: postgres({ url: sharedServer().url, table }) }, { collections });

describe.skipIf(skipReason !== undefined)(
  "a transaction that loses to a crowd of short ones",
  () => {
    it("gets through, of whichever program, and nothing is lost", async () => {
      const table = freshTable();
      await using one = await openOn(table);
      await using two = await openOn(table);
      const { id } = await one.counters.insert({ count: 0 });
      let isOver = false;
      let short = 0;
      const crowd = Array.from({ length: 6 }, async () => {
        while (!isOver) {
          await one.counters.update(id, ({ count }) => ({ count: count + 1 }));
          short++;
        }
      });
      const attempts: number[] = [];

      for (let n = 0; n < 2; n++)
        await two.transaction(async (tx) => {
          const { count } = await tx.counters.getOrThrow(id);
          await setTimeout(40);
          await tx.counters.update(id, { count: count + 1_000_000 });
          // A number cell that nobody has met.
          await tx.counters.insert({ count: 0.5 });
          attempts.push(tx.attempt);
        });

      isOver = true;
      await Promise.all(crowd);
      expect(attempts.at(-1)).toBeGreaterThan(3);
      expect(await one.counters.get(id)).toMatchObject({ count: short + 2_000_000 });
      const { total } = await one.counters.aggregate({ total: { sum: "count" } });
      expect(total).toBe(short + 2_000_001);
      expect(await two.verify()).toEqual({ ok: true, problems: [] });
    });
  },
);

describe.skipIf(skipReason !== undefined)(
  "an exclusive transaction whose program falls silent",
  () => {
    it("is ended by the server, and those who wait to write do so", async () => {
      const table = freshTable();
      const silent = postgres({ url: sharedServer().url, table });
      const other = postgres({ url: sharedServer().url, table });
      const key = Uint8Array.of(9);
      const put = (value: number) => ({ op: "put", key, value: Uint8Array.of(value) }) as const;
      await silent.write({ ops: [put(1)], requires: [] });
      const alone = await silent.begin({ exclusive: true });
      await alone.get(key);

      await other.write({ ops: [put(2)], requires: [] });

      const plan = { readKeys: [key], readRanges: [], requires: [], ops: [put(3)] };
      await expect(alone.commit(plan)).rejects.toMatchObject({ committed: "no", retryable: true });
      const reader = await other.begin({ readOnly: true });
      expect(await reader.get(key)).toEqual(Uint8Array.of(2));
      reader.abort();
      await Promise.all([silent.close(), other.close()]);
    });
  },
);
