import { expect, test } from "vitest";
import { NextLog } from "../../../../src/engine/lsm/wal/index.ts";

test("a log that cannot be made is tried again, also where the failure comes at once", async () => {
  const failures: unknown[] = [];
  let attempts = 0;
  const next = new NextLog({
    make: () => {
      attempts++;
      throw new Error("full");
    },
    made: () => undefined,
    failed: (cause) => failures.push(cause),
  });
  for (let i = 1; i <= 3; i++) {
    expect(next.take()).toBeUndefined();
    await new Promise((resolve) => setImmediate(resolve));
    expect([attempts, failures.length]).toEqual([i, i]);
  }
  await next.close();
});
