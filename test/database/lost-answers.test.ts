/** A database over a line that loses answers: what was acknowledged is there once, and nobody sees how that is done. */
import { collection, open, UniqueViolation } from "kotobadb";
import { MemoryEngine } from "kotobadb/engine";
import { expect, test } from "vitest";
import { z } from "zod";
import { catalogKey, documentsPrefix } from "../../src/collections/catalog/keyspace.ts";
import { rangeContains } from "../../src/engine/contract/index.ts";
import { allEntries, seededRandom } from "../../src/testing/kit/index.ts";
import { COMMIT_TOKENS } from "../../src/engine/contract/index.ts";
import { LossyEngine } from "../transaction/once/lossy-engine.ts";
import type { Fate } from "../transaction/once/lossy-engine.ts";

const collections = {
  users: collection("users", z.object({ email: z.string(), visits: z.number() }), {
    indexes: { email: { on: ["email"], unique: true }, visits: ["visits"] },
  }),
};

/** Half of the commits lose their answer, before or after they take effect; a few fences do, too. */
function lossyMemory(seed: number): LossyEngine {
  const random = seededRandom(seed);
  const fates: readonly Fate[] = ["applied", "dropped", { late: 1 }, { late: 2 }, { late: 3 }];
  return new LossyEngine({
    memory: new MemoryEngine({ changeLog: {} }),
    fateOf: (request) => {
      const isCommit = request === "commit" || request === "batch";
      return random.oneIn(isCommit ? 2 : 6) ? fates[random.below(fates.length)]! : "answered";
    },
  });
}

test("collections, indexes, uniques, counts, live queries and feeds are those of a good line", async () => {
  const lossy = lossyMemory(5);
  const db = await open({ engine: lossy.engine }, { collections });
  const feed: string[] = [];
  const stop = new AbortController();
  const following = (async () => {
    for await (const change of db.users.changes({ signal: stop.signal })) {
      feed.push(`${change.type} ${change.id}`);
    }
  })();
  await db.users.insert({ email: "first@example.org", visits: 0 });
  const seen: number[] = [];
  using _ = db.users.where({ visits: 7 }).live(({ rows }) => void seen.push(rows.length));

  const users = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      db.users.insert({ email: `u${i}@example.org`, visits: 0 }),
    ),
  );
  for (let i = 0; i < 7; i++) {
    await Promise.all(
      users.map(({ id }) =>
        db.transaction(async (tx) => {
          const { visits } = (await tx.users.get(id))!;
          await tx.users.update(id, { visits: visits + 1 });
        }),
      ),
    );
  }
  await expect(db.users.insert({ email: "u3@example.org", visits: 1 })).rejects.toBeInstanceOf(
    UniqueViolation,
  );
  await lossy.landAll();

  expect(await db.users.count()).toBe(41);
  expect(await db.users.where({ visits: 7 }).count()).toBe(40);
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
  await expect.poll(() => seen.at(-1)).toBe(40);
  await expect.poll(() => feed.length).toBe(1 + 40 + 40 * 7);
  expect(new Set(feed).size).toBe(1 + 40 + 40);
  stop.abort();
  await following.catch(() => undefined);
  expect(lossy.told.filter((line) => line.startsWith("fence")).length).toBeGreaterThan(50);
  await db.close();
});

test("an insert of unknown outcome that had taken effect is no violation of itself", async () => {
  const fates: Fate[] = [];
  const lossy = new LossyEngine({ fateOf: () => fates.shift() ?? "answered" });
  await using db = await open({ engine: lossy.engine }, { collections });
  await db.ready();

  fates.push("resent");
  const { id } = await db.users.insert({ email: "ada@example.org", visits: 1 });
  fates.push("applied");
  await db.users.insert({ email: "bo@example.org", visits: 1 });

  expect(await db.users.get(id)).toMatchObject({ email: "ada@example.org" });
  expect(await db.users.count()).toBe(2);
});

test("tokens stand apart from the catalog and every collection, and are gone after close()", async () => {
  const lossy = new LossyEngine({ fateOf: () => "answered" });
  lossy.memory.close = async () => undefined;
  const db = await open({ engine: lossy.engine }, { collections });
  await db.users.insert({ email: "ada@example.org", visits: 1 });
  const tokens = async (): Promise<number> => {
    const snapshot = lossy.memory.snapshot();
    const rows = await allEntries(snapshot, COMMIT_TOKENS);
    snapshot.close();
    return rows.length;
  };

  expect(await tokens()).toBeGreaterThan(0);
  await db.close();
  expect(await tokens()).toBe(0);
  for (const key of [catalogKey(""), catalogKey("t"), documentsPrefix(1), documentsPrefix(0x74)])
    expect(rangeContains(COMMIT_TOKENS, key)).toBe(false);
});
