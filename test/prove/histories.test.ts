/**
 * The quick share of the histories; that each kind comes up and repeats; and one on the real disk beside a thread. What
 * they must notice stands in the list of planted defects.
 */
import { openLsmEngine } from "kotobadb/engine";
import { checkHistory, recordHistory } from "kotobadb/testing";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { draw, record } from "./histories/draw.ts";
import { TINY } from "../engine/lsm/support.ts";
import { engineKinds, troubles } from "./histories/machine.ts";
import { histories } from "./histories.ts";
import { proveQuickly } from "./kit/prove-quickly.ts";

const counts = proveQuickly(histories, { timeoutMillis: 300_000 });

test("every kind of engine and of trouble came up, and conflicts and power cuts", () => {
  for (const kind of engineKinds) expect(counts.get(`on ${kind}`), kind).toBeGreaterThan(2);
  for (const trouble of troubles)
    if (trouble !== "none") expect(counts.get(`with ${trouble}`), trouble).toBeGreaterThan(2);
  expect(counts.get("of documents")).toBeGreaterThanOrEqual(5);
  expect(counts.get("transactions and attempts aborted")).toBeGreaterThan(1_000);
  expect(counts.get("transactions of unknown outcome")).toBeGreaterThan(10);
  expect(counts.get("power cuts")).toBeGreaterThan(10);
  expect(counts.get("calls that failed")).toBeGreaterThan(10);
});

test("the same seed records the same history twice, of rows and of documents", async () => {
  for (const of of ["rows", "documents"] as const) {
    const drawn = { ...draw(of, 3), kind: "tiny", trouble: "power cuts" } as const;
    const [first, second] = [await record(drawn, 3), await record(drawn, 3)];
    expect(second.history).toEqual(first.history);
  }
});

test("a history on the real disk, while a background thread does all work, has a serial order", async () => {
  await using folder = await temporaryFolder();
  const engine = await openLsmEngine({ path: folder.path, ...TINY, backgroundThreadBytesMin: 0 });
  const report = checkHistory(await recordHistory(engine, { seed: 1, transactions: 400 }));
  expect(report.ok, report.text).toBe(true);
  expect(engine.stats()["backgroundThreadJobs"]).toBeGreaterThan(10);
  expect(await engine.verify()).toEqual([]);
  await engine.close();
}, 60_000);
