/** Live queries and feeds of documents on PostgreSQL: one program sees what another commits. */
import { collection, open } from "kotobadb";
import { afterEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { freshTable, skipReason } from "../../../support/postgres/shared-server.ts";
import { closeAll, engineOn } from "./feed-world.ts";

vi.setConfig({ testTimeout: 60_000 });
afterEach(closeAll);

const collections = {
  tasks: collection("tasks", z.object({ title: z.string(), done: z.boolean() }), {
    indexes: { byDone: ["done"] },
  }),
};

describe.skipIf(skipReason !== undefined)("documents on PostgreSQL with a change log", () => {
  it("a live query of one program shows what the other commits, and is not run for what it does not read", async () => {
    const table = freshTable();
    await using one = await open({ engine: engineOn(table) }, { collections });
    await using two = await open({ engine: engineOn(table) }, { collections });
    await two.tasks.insert({ title: "first", done: false });
    const shown: string[][] = [];
    using live = one.tasks.where({ done: false }).live(({ rows }) => {
      shown.push(rows.map(({ title }) => title).toSorted());
    });
    await expect.poll(() => shown.at(-1)).toEqual(["first"]);

    const second = await two.tasks.insert({ title: "second", done: false });
    await expect.poll(() => shown.at(-1)).toEqual(["first", "second"]);
    await two.tasks.update(second.id, { done: true });
    await expect.poll(() => shown.at(-1)).toEqual(["first"]);
    await one.tasks.insert({ title: "own", done: false });
    await expect.poll(() => shown.at(-1)).toEqual(["first", "own"]);

    const before = shown.length;
    await two.tasks.insert({ title: "hidden", done: true });
    await two.tasks.insert({ title: "last", done: false });
    await expect.poll(() => shown.at(-1)).toEqual(["first", "last", "own"]);
    expect(shown.length).toBe(before + 1);
    live.close();
  });

  it("a feed of one program gives the other's changes, from the version of a snapshot on", async () => {
    const table = freshTable();
    await using one = await open({ engine: engineOn(table) }, { collections });
    await using two = await open({ engine: engineOn(table) }, { collections });
    const first = await one.tasks.insert({ title: "first", done: false });
    using snapshot = one.snapshot();
    await snapshot.tasks.all();
    const since = snapshot.version;
    const second = await two.tasks.insert({ title: "second", done: false });
    await one.tasks.update(first.id, { done: true });
    await two.tasks.delete(second.id);

    const told: string[] = [];
    for await (const change of two.tasks.changes({ since })) {
      told.push(`${change.type} ${change.id === first.id ? "first" : "second"}`);
      if (change.type === "delete") break;
    }

    expect(told).toEqual(["insert second", "update first", "delete second"]);
  });

  it("inserts into one collection do not get into each other's way for the sake of the feed", async () => {
    const table = freshTable();
    const engine = engineOn(table);
    await using db = await open({ engine }, { collections });
    const insertMany = (): Promise<unknown> =>
      Promise.all(
        Array.from({ length: 100 }, (_, n) => db.tasks.insert({ title: `${n}`, done: false })),
      );
    // Connections and structures are made the first time.
    await insertMany();
    const before = engine.stats!()["roundTrips"]!;

    await insertMany();

    // Each is one round trip; a page of the index that was split may have made one or the other run again.
    expect(engine.stats!()["roundTrips"]! - before).toBeLessThan(115);
  });
});
