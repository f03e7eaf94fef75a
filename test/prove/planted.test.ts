/** The list of planted defects, each of which somebody must notice; and the list as a table. */
import { expect, test } from "vitest";
import { proveQuickly } from "./kit/prove-quickly.ts";
import { catchers } from "./planted/catchers.ts";
import { defects, planted, plantedTable } from "./planted.ts";

proveQuickly(planted, { timeoutMillis: 300_000 });

test("the list is long enough, names each defect once, and has work for every catcher", async () => {
  expect(defects.length).toBeGreaterThanOrEqual(24);
  expect(new Set(defects.map(({ name }) => name)).size).toBe(defects.length);
  expect(new Set(defects.map(({ caughtBy }) => caughtBy))).toEqual(new Set(Object.keys(catchers)));
  await expect(plantedTable()).toMatchFileSnapshot("./golden/planted.golden.txt");
});
