/** A database whose program was closed while it built indexes: what the commands say of it. */
import { collection, open } from "kotobadb";
import { SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { kotoba } from "./support.ts";

test("an index that is being built is shown as such, and what is not there yet is no problem", async () => {
  const host = new SimulatedHost();
  const shape = z.object({ n: z.number() });
  const before = await open("/data", { collections: { rows: collection("rows", shape) }, host });
  await before.rows.insertMany(Array.from({ length: 1_500 }, (_, n) => ({ n })));
  await before.close();
  const indexes = { byN: { on: ["n"], unique: true }, all: { count: true } } as const;
  const after = await open("/data", {
    collections: { rows: collection("rows", shape, { indexes }) },
    host,
  });
  await after.rows.limit(1).all();
  await after.close();
  const shown = await kotoba(host, "collections /data");
  expect(shown.out).toContain("byN (building), all (building)");
  expect(shown.out).toContain("1500");
  const verified = await kotoba(host, "verify /data");
  expect([verified.exit, verified.err]).toEqual([0, ""]);
  expect(verified.out).not.toContain("refers to");
});
