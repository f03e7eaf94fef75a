/** The quick share of real disks that are full or fail. What was skipped is told. */
import { expect, test } from "vitest";
import { proveQuickly } from "./kit/prove-quickly.ts";
import { realDisk } from "./real-disk.ts";
import { whyNoStrace } from "./processes/strace.ts";

const counts = proveQuickly(realDisk, { timeoutMillis: 120_000 });

test("every kind of full disk and of failing call came up, or it is told why not", () => {
  const skipped = [...counts.keys()].filter((what) => what.startsWith("skipped"));
  for (const what of skipped) console.warn(`real-disk ${what}`);
  const wanted = ["a full tmpfs", "a full ext4", "a limit of the size of files"];
  const missing = wanted.filter((what) => !counts.has(what));
  if (skipped.length === 0) expect(missing).toEqual([]);
  expect(counts.has("EIO of a write") || whyNoStrace() !== undefined).toBe(true);
});
