/** What kotobadb/testing gives to people who test applications. */
import { collection, open } from "kotobadb";
import { MemoryEngine, openLsmEngine } from "kotobadb/engine";
import { conflictFirst, fixedHost, SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { temporaryFolder } from "../support/temporary-folder.ts";

const collections = {
  users: collection("users", z.object({ name: z.string(), visits: z.number() }), {
    indexes: { byName: { on: ["name"], unique: true } },
  }),
};
const ada = { name: "Ada", visits: 0 };

for (const kind of ["memory", "lsm"] as const) {
  test(`conflictFirst runs every body that writes twice, and commits it once, ${kind}`, async () => {
    const host = new SimulatedHost();
    const inner =
      kind === "memory" ? new MemoryEngine() : await openLsmEngine({ path: "/db", host });
    await using db = await open({ engine: conflictFirst(inner) }, { collections, host });
    const attempts: number[] = [];
    const user = await db.transaction(async (tx) => {
      attempts.push(tx.attempt);
      return tx.users.insert(ada);
    });
    expect(attempts).toEqual([1, 2]);
    expect(await db.users.all()).toEqual([user]);
    await db.users.update(user.id, (one) => ({ visits: one.visits + 1 }));
    expect((await db.users.get(user.id))?.visits).toBe(1);
  });
}

test("conflictFirst lets bodies that only read pass", async () => {
  await using db = await open({ engine: conflictFirst(new MemoryEngine()) }, { collections });
  await db.users.insert(ada);
  let runs = 0;
  const count = await db.transaction(async (tx) => {
    runs++;
    return tx.users.count();
  });
  expect([runs, count]).toEqual([1, 1]);
});

test("on a fixed host a program makes the same ids in every run, in memory and in a folder", async () => {
  await using folder = await temporaryFolder();
  const idsOf = async (target: string): Promise<readonly string[]> => {
    const host = fixedHost({ nowMillis: Date.UTC(2026, 0, 1), seed: 3 });
    await using db = await open(target, { collections, host });
    const first = await db.users.insert(ada);
    host.clock.advance(1_000);
    const second = await db.users.insert({ name: "Grace", visits: 1 });
    return [first.id, second.id];
  };
  const once = await idsOf(":memory:");
  expect(await idsOf(":memory:")).toEqual(once);
  const inFolders = [await idsOf(`${folder.path}/a`), await idsOf(`${folder.path}/b`)];
  expect(inFolders[1]).toEqual(inFolders[0]);
  expect(once.map((id) => id.slice(0, 10))).toEqual(["01KDVDNA00", "01KDVDNAZ8"]);
});

test("a host that is none is refused before anything is done", async () => {
  const host = { clock: {} } as never;
  await expect(open(":memory:", { collections, host })).rejects.toThrow(/host/);
});
