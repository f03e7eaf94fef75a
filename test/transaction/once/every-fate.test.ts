import { expect, test } from "vitest";
import { StorageError } from "../../../src/engine/contract/index.ts";
import { withView } from "../../../src/transaction/index.ts";
import { fencePlan, saysTakenEffect } from "../../../src/transaction/once/commit-token.ts";
import { settledBy } from "../../../src/transaction/once/exactly-once.ts";
import type { Settling } from "../../../src/transaction/once/exactly-once.ts";
import { isUnsettled, settleCommit } from "../../../src/transaction/once/settle-commit.ts";
import { explore, inBatch, inTransaction } from "./explore.ts";

test.each([
  ["a transaction", inTransaction, true],
  ["a transaction whose reads are not final", inTransaction, false],
  ["a batch", inBatch, true],
] as const)(
  "%s is done once where it is acknowledged, whatever befalls its first four requests",
  async (_, work, readsAreFinal) => {
    const found = await explore(work, { depth: 4, readsAreFinal });

    expect(found.violations).toEqual([]);
    expect(found.hanging).toBe(0);
    // Most are settled; what is not is not for want of sequences.
    expect(found.runs).toBeGreaterThan(4_000);
    expect(found.outcomes.committed).toBeGreaterThan(found.runs * 0.8);
    expect(found.outcomes.unknown).toBeGreaterThan(0);
  },
);

const planted: Readonly<Record<string, Partial<Settling>>> = {
  "runs again without asking": { settleCommit: async () => "fenced" },
  "takes every lost answer for success": { settleCommit: async () => "committed" },
  "looks without a fence": {
    settleCommit: async (engine, _, { key }) => {
      const value = await withView(engine, (view) => view.get(key));
      return value === undefined ? "fenced" : "committed";
    },
  },
  "lets an error of the look-up out": {
    settleCommit: async (engine, _, { key }) => {
      try {
        await engine.write(fencePlan(key));
        return "fenced";
      } catch (error) {
        if (error instanceof StorageError) return "unknown";
        const value = await withView(engine, (view) => view.get(key));
        return value === undefined || saysTakenEffect(value) ? "committed" : "fenced";
      }
    },
  },
  "takes a fence whose answer is lost for none": {
    settleCommit: async (engine, host, sent) => {
      const settlement = await settleCommit(engine, host, sent);
      return settlement === "unknown" ? "fenced" : settlement;
    },
  },
  "lets go of a fence at once": {
    settleCommit: async (engine, host, sent) => {
      const settlement = await settleCommit(engine, host, sent);
      const ops = [{ op: "del", key: sent.key }] as const;
      if (settlement === "fenced") await engine.write({ ops, requires: [] });
      return settlement;
    },
  },
  "takes its own token for somebody else's": {
    isUnsettled: (error) => error instanceof StorageError && error.code === "CommitUnknown",
  },
};

/** Those that wait for an answer without end would have the tests do so, too. */
const waitForEver = ["looks without a fence", "lets an error of the look-up out"];

test.each(Object.keys(planted))("a settling that %s is found out", async (name) => {
  const settling = { isUnsettled, settleCommit, ...planted[name] };
  for (const work of [inTransaction, inBatch]) {
    const { violations } = await explore(work, {
      depth: 3,
      hangs: !waitForEver.includes(name),
      guard: (engine, host) => settledBy(settling, engine, host),
    });
    expect(violations).not.toEqual([]);
  }
});
