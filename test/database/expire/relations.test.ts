/** Documents that expire and are referred to: what relations say happens to an expired document as to every other. */
import { collection, open, ref } from "kotobadb";
import { SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { here, isElsewhere } from "../../support/elsewhere.ts";
import { dateIn, kinds, MINUTE, pass, SECOND, targetOf, warned } from "./support.ts";

const collections = {
  carts: collection("carts", z.object({ name: z.string(), until: z.date() }), {
    indexes: { due: { on: ["until"], expire: true } },
  }),
  items: collection("items", z.object({ cartId: ref("carts") }), {
    indexes: { byCart: ["cartId"] },
  }),
  visits: collection("visits", z.object({ cartId: ref("carts").nullable() }), {
    indexes: { byCart: ["cartId"] },
  }),
  orders: collection("orders", z.object({ cartId: ref("carts"), part: z.number() }), {
    indexes: { byCart: ["cartId"] },
  }),
};
const relations = {
  items: { cart: { one: "carts", via: "cartId", onDelete: "cascade" } },
  visits: { cart: { one: "carts", via: "cartId", onDelete: "unset" } },
  orders: { cart: { one: "carts", via: "cartId", onDelete: "restrict" } },
} as const;

for (const kind of kinds) {
  const openOn = (host: SimulatedHost) => open(targetOf(kind), { collections, relations, host });

  test(`what belongs to an expired document goes or changes with it, ${kind}`, async () => {
    const host = new SimulatedHost();
    await using db = await openOn(host);
    const cart = await db.carts.insert({ name: "a", until: dateIn(host, 5) });
    const other = await db.carts.insert({ name: "b", until: dateIn(host, MINUTE) });
    for (const { id: cartId } of [cart, cart, other]) {
      await db.items.insert({ cartId });
      await db.visits.insert({ cartId });
    }
    await host.timers.sleep(5);
    expect(await db.expire()).toBe(1);
    expect((await db.items.all()).map(({ cartId }) => cartId)).toEqual([other.id]);
    expect((await db.visits.all()).map(({ cartId }) => cartId)).toEqual([null, null, other.id]);
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
  });

  test.skipIf(isElsewhere())(
    `a document that is kept is told once, tried again, and keeps no other one back, ${kind}`,
    async () => {
      const host = new SimulatedHost();
      await using db = await openOn(host);
      const carts = await db.carts.insertMany(
        Array.from({ length: 300 }, (_, n) => ({ name: `c${n}`, until: dateIn(host, n) })),
      );
      const kept = [0, 1, 150, 299].map((n) => carts[n]!);
      const orders = await db.orders.insertMany(
        kept.map(({ id: cartId }, part) => ({ cartId, part })),
      );
      await pass(host, 2 * SECOND);
      await pass(host, MINUTE);
      const left = async () => (await db.carts.orderBy("until").all()).map(({ name }) => name);
      expect(await left()).toEqual(kept.map(({ name }) => name));
      for (let minutes = 0; minutes < 5; minutes++) await pass(host, MINUTE);
      expect(warned(host)).toHaveLength(1);
      expect(warned(host)[0]).toMatch(
        /^carts: A document has expired but cannot be deleted; it is tried again\..*orders/,
      );
      expect(await db.expire()).toBe(0);
      await db.orders.delete(orders[1]!.id);
      await pass(host, MINUTE);
      expect(await left()).toEqual(["c0", "c150", "c299"]);
      await db.orders.where({}).delete();
      expect(await db.expire()).toBe(3);
      expect(warned(host)).toHaveLength(1);
      expect(await db.verify()).toEqual({ ok: true, problems: [] });
    },
  );
}

test("more documents than a visit tries in vain are all come to in the end", async () => {
  const host = new SimulatedHost();
  await using db = await open(here(":memory:"), { collections, relations, host });
  const many = 1_100;
  const carts = await db.carts.insertMany(
    Array.from({ length: many }, (_, n) => ({ name: `c${n}`, until: dateIn(host, n - many) })),
  );
  await db.orders.insertMany(carts.map(({ id: cartId }, part) => ({ cartId, part })));
  await db.carts.insert({ name: "free", until: dateIn(host) });
  // The first visit comes to its bound before the free one, the second goes on behind it.
  expect(await db.expire()).toBe(0);
  expect(await db.expire()).toBe(1);
  expect(await db.expire()).toBe(0);
  await db.orders.where({}).delete();
  expect((await db.expire()) + (await db.expire())).toBe(many);
});
