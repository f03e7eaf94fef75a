import { expect, test } from "vitest";
import { overlaid } from "../../../src/base/index.ts";
import type { StorageEngine } from "../../../src/engine/contract/index.ts";
import { checkHistory, recordHistory } from "../../../src/testing/index.ts";
import type { HistoryReport } from "../../../src/testing/index.ts";
import { seededRandom } from "../../../src/testing/kit/index.ts";
import { exactlyOnce, transact } from "../../../src/transaction/index.ts";
import { settledBy } from "../../../src/transaction/once/exactly-once.ts";
import { isUnsettled } from "../../../src/transaction/once/settle-commit.ts";
import { bytes, failureOf, text } from "../support.ts";
import { NUMBER, numberOf, one } from "./explore.ts";
import type { Guard } from "./explore.ts";
import { FakeHost } from "./fake-host.ts";
import { COMMIT_FATES, FENCE_FATES, LOOK_FATES, LossyEngine } from "./lossy-engine.ts";

/** One request in `times` has a fate at random. */
function lossyAtRandom(seed: number, times: number, host: FakeHost): LossyEngine {
  const random = seededRandom(seed);
  return new LossyEngine({
    onHang: () => host.advance(60_000),
    fateOf: (request) => {
      if (!random.oneIn(times)) return "answered";
      const fates =
        request === "look" ? LOOK_FATES : request === "fence" ? FENCE_FATES : COMMIT_FATES;
      return fates[random.below(fates.length)]!;
    },
  });
}

async function reportOf(seed: number, guard: Guard): Promise<HistoryReport> {
  const host = new FakeHost(seed);
  const lossy = lossyAtRandom(seed, 3, host);
  const guarded = guard(lossy.engine, host);
  const engine = overlaid<StorageEngine>(guarded, {
    // The recorder counts rows that it seeds itself, and closes what has failed a few times in a row.
    write: (plan) => (plan.ops.length > 50 ? lossy.memory.write(plan) : guarded.write(plan)),
    close: async () => undefined,
  });
  const history = await recordHistory(engine, {
    seed,
    transactions: 300,
    reopen: async () => {
      await lossy.landAll();
      return engine;
    },
  });
  return checkHistory(history);
}

test("histories over a line that loses answers have a serial order in which each acknowledged transaction stands once", async () => {
  let [committed, unknown] = [0, 0];
  for (let seed = 1; seed <= 12; seed++) {
    const report = await reportOf(seed, exactlyOnce);
    expect(report.text).toMatch(/0 problems, 0 cycles/);
    committed += report.committed;
    unknown += report.unknown;
  }
  expect(committed).toBeGreaterThan(12 * 100);
  expect(unknown).toBeLessThan(committed * 0.1);
});

test("histories show it where a lost answer is taken for one that nothing happened", async () => {
  const blind: Guard = (engine, host) =>
    settledBy({ isUnsettled, settleCommit: async () => "fenced" }, engine, host);
  let bad = 0;
  for (let seed = 1; seed <= 3; seed++) if (!(await reportOf(seed, blind)).ok) bad++;
  expect(bad).toBe(3);
});

/** Clients side by side: some count by merging, some by reading and writing, some in batches. */
async function countAtRandom(seed: number): Promise<void> {
  const host = new FakeHost(seed);
  const lossy = lossyAtRandom(seed, 2, host);
  const engine = exactlyOnce(lossy.engine, host);
  const own = bytes("read and written");
  const tally = { merged: [0, 0], written: [0, 0] };
  const add = async (to: number[], work: () => unknown): Promise<void> => {
    try {
      await work();
      to[0]!++;
    } catch (error) {
      const { committed } = error as { readonly committed?: "no" | "unknown" };
      expect(["no", "unknown"]).toContain(committed);
      if (committed === "unknown") to[1]!++;
    }
  };
  const client = async (kind: number): Promise<void> => {
    for (let i = 0; i < 25; i++) {
      if (kind % 3 === 0) {
        await add(tally.merged, () =>
          transact(host, engine, (tx) => tx.merge(NUMBER, "addInt", one())),
        );
      } else if (kind % 3 === 1) {
        await add(tally.written, () =>
          transact(host, engine, async (tx) => {
            const before = Number(text(await tx.get(own)) ?? 0);
            tx.put(own, bytes(String(before + 1)));
          }),
        );
      } else {
        const ops = [{ op: "merge", key: NUMBER, how: "addInt", operand: one() }] as const;
        await add(tally.merged, () => engine.write({ ops, requires: [] }));
      }
    }
  };
  await Promise.all(Array.from({ length: 6 }, (_, kind) => client(kind)));
  await lossy.landAll();

  const snapshot = lossy.memory.snapshot();
  const written = Number(text(snapshot.get(own) as Uint8Array | undefined) ?? 0);
  snapshot.close();
  const merged = await numberOf(lossy.memory);
  for (const [done, [acknowledged, unknown]] of [
    [merged, tally.merged],
    [written, tally.written],
  ] as const) {
    expect(done).toBeGreaterThanOrEqual(acknowledged!);
    expect(done).toBeLessThanOrEqual(acknowledged! + unknown!);
  }
  expect(tally.merged[0]! + tally.written[0]!).toBeGreaterThan(50);
}

test("what clients side by side are told was counted was counted once, and what not, not", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    try {
      await countAtRandom(seed);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});

test("an error of the body comes out untouched, whatever is lost", async () => {
  const host = new FakeHost();
  const lossy = lossyAtRandom(1, 1, host);
  const mine = new Error("mine");

  const error = await failureOf(() =>
    transact(host, exactlyOnce(lossy.engine, host), async (tx) => {
      tx.merge(NUMBER, "addInt", one());
      throw mine;
    }),
  );

  expect(error).toBe(mine);
  expect(lossy.told).toEqual([]);
});
