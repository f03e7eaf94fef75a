/** The quick share of the kills and of the races for the lock, and the test of the test: planted mistakes are found out. */
import { expect, test } from "vitest";
import { proveQuickly } from "./kit/prove-quickly.ts";
import { kills, killStores } from "./processes.ts";
import { locks, raceForLock } from "./processes/locks.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const counts = proveQuickly(kills, { timeoutMillis: 120_000 });
proveQuickly(locks, { timeoutMillis: 120_000 });

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

test("planted: a second winner of a race for the lock is found out", async () => {
  await using folder = await temporaryFolder();
  await expect(raceForLock(1, new Map(), `${folder.path}/db`)).rejects.toThrow(/2 of \d have it/);
}, 60_000);
