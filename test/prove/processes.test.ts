/** The quick share of the kills, and the test of the test: a store that acknowledges too early is found out. */
import { expect, test } from "vitest";
import { proveQuickly } from "./kit/prove-quickly.ts";
import { kills, killStores } from "./processes.ts";

const counts = proveQuickly(kills, { timeoutMillis: 120_000 });

test("the kills met work of many kinds", () => {
  for (const what of ["while opening", "with a background thread", "acknowledged transactions"])
    expect(counts.get(what), what).toBeGreaterThan(0);
});

// ------------------------------------------------------------------ the test is tested

test("planted: commits that are acknowledged before the operating system has them are found out", async () => {
  const options = { lives: 20, durability: "memory", aim: "write" } as const;
  await expect(killStores(3, new Map(), options)).rejects.toThrow(
    /is after transaction \d+, must be from/,
  );
}, 120_000);
