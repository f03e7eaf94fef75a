/** The quick share of real disks that are full or fail. What was skipped is told. */
import { expect, test } from "vitest";
import { proveQuickly } from "./kit/prove-quickly.ts";
import { injections, whyNoStrace } from "./processes/strace.ts";
import { failUnder, inFolder, realDisk } from "./real-disk.ts";

const counts = proveQuickly(realDisk, { timeoutMillis: 120_000 });

test("every kind of full disk and of failing call came up, or it is told why not", () => {
  const skipped = [...counts.keys()].filter((what) => what.startsWith("skipped"));
  for (const what of skipped) console.warn(`real-disk ${what}`);
  const wanted = ["a full tmpfs", "a full ext4", "a limit of the size of files"];
  const missing = wanted.filter((what) => !counts.has(what));
  if (skipped.length === 0) expect(missing).toEqual([]);
  expect(counts.has("EIO of a write") || whyNoStrace() !== undefined).toBe(true);
});

// ------------------------------------------------------------------ the test is tested

test.skipIf(whyNoStrace() !== undefined)(
  "planted: commits that are acknowledged before they are written are found out when the write fails",
  async () => {
    const write = injections.find(({ name }) => name === "EIO of a write")!;
    const search = async (): Promise<void> => {
      for (let seed = 1; seed <= 12; seed++)
        await inFolder((folder) =>
          failUnder(folder, seed, write, new Map(), { durability: "memory" }),
        );
    };
    await expect(search()).rejects.toThrow(/is after transaction \d+, must be from/);
  },
  120_000,
);
