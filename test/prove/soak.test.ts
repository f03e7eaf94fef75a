/** The quick share of the soak, and the test of the test: what is kept on purpose is found out. */
import { expect, test } from "vitest";
import { proveQuickly } from "./kit/prove-quickly.ts";
import { churn, growthOf, shortSoak } from "./soak.ts";

proveQuickly(shortSoak, { timeoutMillis: 170_000 });

// ------------------------------------------------------------------ the test is tested

test("planted: descriptors that stay open are found out", async () => {
  const grew = growthOf(await churn(1, { thousands: 2, leak: "descriptors" }));
  expect(grew.join("\n")).toMatch(/descriptorsClosed grew/);
}, 170_000);

test("planted: snapshots that are never closed are found out", async () => {
  const grew = growthOf(await churn(3, { thousands: 4, leak: "snapshots" }));
  expect(grew.join("\n")).toMatch(/heapBytes grew/);
}, 170_000);
