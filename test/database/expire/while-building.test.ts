/** Documents that expire while indexes are being built: by those that are ready, and by a new one once it is. */
import { collection, open } from "kotobadb";
import { SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { turns } from "../../prove/kit/turns.ts";
import { dateIn, MINUTE, pass, SECOND, warned } from "./support.ts";

const fields = z.object({ n: z.number(), at: z.date(), tags: z.array(z.string()) });
const due = { on: ["at"], expire: true } as const;
const before = collection("things", fields, { indexes: { byN: ["n"] } });
const expiring = collection("things", fields, { indexes: { byN: ["n"], due } });
const grown = collection("things", fields, {
  indexes: {
    byN: ["n"],
    due,
    once: { on: ["-n"], unique: true },
    byTag: ["tags[]", "at"],
    perTag: { count: true, by: ["n"] },
    sum: { sum: "n" },
  },
});
/** More than can be built at once. */
const DOCUMENTS = 3_000;

/** A disk with documents of which every second is due in a second. */
async function filled(definition: typeof before | typeof expiring): Promise<SimulatedHost> {
  const host = new SimulatedHost();
  const db = await open("/data", { collections: { things: definition }, host });
  await db.things.insertMany(
    Array.from({ length: DOCUMENTS }, (_, n) => ({
      n,
      at: dateIn(host, n % 2 === 0 ? SECOND : 60 * MINUTE),
      tags: [`t${n % 7}`, "all"],
    })),
  );
  await db.close();
  await host.timers.sleep(2 * SECOND);
  return host;
}

test("by a new index documents expire once it is built, all of them", async () => {
  const host = await filled(before);
  await using db = await open("/data", { collections: { things: expiring }, host });
  // What is not ready is not used; then it is built.
  let deleted = await db.expire();
  expect(deleted).toBe(0);
  await db.ready();
  deleted += await db.expire();
  expect(deleted).toBe(DOCUMENTS / 2);
  expect(await db.things.where({ n: { lt: 10 } }).count()).toBe(5);
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test("what expires while other indexes are being built is in none of them", async () => {
  for (let wait = 0; wait < 40; wait += 8) {
    const host = await filled(expiring);
    await using db = await open("/data", { collections: { things: grown }, host });
    const built = db.ready();
    await turns(wait);
    const expired = db.expire();
    // Others write, too: one is kept by its new date.
    const kept = await db.things.where({ n: DOCUMENTS - 2 }).first();
    const late = kept === undefined ? undefined : dateIn(host, MINUTE);
    if (kept !== undefined) await db.things.update(kept.id, { at: late! }).catch(() => undefined);
    await built;
    await expired;
    const found = await db.things.where({ n: { gte: 0 } }).all();
    expect(found.filter(({ at }) => at.getTime() <= host.clock.nowMillis())).toEqual([]);
    expect(found.length - DOCUMENTS / 2).toBeLessThanOrEqual(1);
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
    expect(await db.things.count()).toBe(found.length);
    expect(warned(host)).toEqual([]);
  }
});

test("nobody has to ask while something is being built", async () => {
  const host = await filled(expiring);
  await using db = await open("/data", { collections: { things: grown }, host });
  await pass(host, SECOND);
  await db.ready();
  await pass(host, MINUTE);
  expect(await db.things.count()).toBe(DOCUMENTS / 2);
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});
