/** Weaknesses that an adapter to a server may have are seen by what is there to see them. */
import { collection, open, StorageError } from "kotobadb";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { StorageEngine } from "../../../../src/engine/contract/index.ts";
import { postgres } from "../../../../src/engine/postgres/index.ts";
import { verifyIsolation } from "../../../../src/engine/postgres/verify-isolation.ts";
import { checkHistory, recordHistory, runContract } from "../../../../src/testing/index.ts";
import { proxyTo } from "../../../support/postgres/proxy.ts";
import { freshTable, sharedServer, skipReason } from "../../../support/postgres/shared-server.ts";
import {
  believesPresumptions,
  hidesThatAnswersMayBeLost,
  readsRangesBeside,
  takesLostForRefused,
} from "./planted-engines.ts";

const closing: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0).toReversed()) await one.close();
});

function engineAt(url: string = sharedServer().url): StorageEngine {
  const engine = postgres({ url, table: freshTable(), connectionsMax: 60 });
  closing.push(engine);
  return engine;
}

describe.skipIf(skipReason !== undefined)("ranges that are read beside their transaction", () => {
  it("are refused when a database is opened", async () => {
    const opening = verifyIsolation(readsRangesBeside(engineAt()), new Uint8Array(16));

    await expect(opening).rejects.toMatchObject({
      code: "IsolationTooWeak",
      details: { letThrough: "phantom" },
    });
  });

  it("are seen by the contract suite", async () => {
    const { failed } = await runContract(async () => readsRangesBeside(engineAt()));

    expect(failed.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        "reading an empty range counts: of two who insert where both found nothing, one loses",
        "of two transactions that count a range and add a row to it, one loses",
      ]),
    );
  });

  it("are seen in random histories", async () => {
    const verdicts: boolean[] = [];
    for (const seed of [1, 2, 3]) {
      const engine = readsRangesBeside(engineAt());
      verdicts.push(checkHistory(await recordHistory(engine, { seed, transactions: 200 })).ok);
    }

    expect(verdicts).toContain(false);
  });
});

describe.skipIf(skipReason !== undefined)("presumptions that nobody checks", () => {
  it("are seen by the contract suite", async () => {
    const { failed } = await runContract(async () => believesPresumptions(engineAt()));

    expect(failed.map(({ name }) => name)).toEqual([
      "what is presumed and is not so is a Conflict, and nothing happens",
      "presuming counts as reading: of two who each change what the other presumes, one loses",
    ]);
  });
});

const collections = { counters: collection("counters", z.object({ count: z.number() })) };

/** What a counter says after one increment whose answer is lost, by a program that tries again what it cannot know. */
async function countAfterLostAnswer(
  plant: (engine: StorageEngine) => StorageEngine,
): Promise<number> {
  const proxy = await proxyTo(sharedServer().tcpUrl);
  closing.push(proxy);
  await using db = await open({ engine: plant(engineAt(proxy.url)) }, { collections });
  const { id } = await db.counters.insert({ count: 0 });
  let cuts = 0;
  proxy.cutsAfter = (sent) => sent.includes("kt_commit") && cuts++ === 0;
  const increment = (): Promise<unknown> =>
    db.transaction(async (tx) => {
      const { count } = await tx.counters.getOrThrow(id);
      await tx.counters.update(id, { count: count + 1 });
    });

  await increment().catch((error: unknown) => {
    const isUnknown = error instanceof StorageError && error.code === "CommitUnknown";
    return isUnknown ? increment() : Promise.reject(error as Error);
  });

  expect(cuts).toBeGreaterThan(0);
  return (await db.counters.getOrThrow(id)).count;
}

describe.skipIf(skipReason !== undefined)("a commit whose answer is lost", () => {
  it("has happened once", async () => {
    expect(await countAfterLostAnswer((engine) => engine)).toBe(1);
  });

  it.each([
    ["is taken for one that did not happen", takesLostForRefused],
    ["is left for the program to settle", hidesThatAnswersMayBeLost],
  ])("has happened twice where it %s", async (_, plant) => {
    expect(await countAfterLostAnswer(plant)).toBe(2);
  });
});
