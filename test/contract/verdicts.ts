import { setTimeout } from "node:timers/promises";
import { expect } from "vitest";
import type { StorageEngine } from "../../src/engine/contract/index.ts";
import { checkHistory, recordHistory, runContract } from "../../src/testing/index.ts";

const HISTORY_SEEDS = [1, 2];

/** The cases that an engine fails. */
export async function failuresOf(make: () => StorageEngine): Promise<readonly string[]> {
  const { failed } = await runContract(async () => make(), { caseMillisMax: 1_500 });
  return failed.map(({ name }) => name);
}

/** What the history checker says; an engine that breaks in the middle is caught too. */
export async function verdictOf(
  make: () => StorageEngine,
): Promise<"caught" | "stuck" | "not seen"> {
  for (const seed of HISTORY_SEEDS) {
    const engine = make();
    const history = recordHistory(engine, { seed, transactions: 150 }).then(checkHistory);
    const verdict = await Promise.race([
      history.then(
        ({ ok }) => (ok ? "not seen" : "caught"),
        () => "caught" as const,
      ),
      setTimeout(2_000, "stuck" as const, { ref: false }),
    ]);
    await engine.close();
    if (verdict !== "not seen") return verdict;
  }
  return "not seen";
}

/** Tries each defect, compares the table of who noticed it with the golden one, and demands that somebody did. */
export async function expectAllNoticed(
  defects: Readonly<Record<string, () => StorageEngine>>,
  golden: string,
): Promise<void> {
  const blocks: string[] = [];
  const unnoticed: string[] = [];
  for (const [defect, make] of Object.entries(defects)) {
    const failures = await failuresOf(make);
    if (failures.length === 0) unnoticed.push(defect);
    const lines = [defect, `  histories: ${await verdictOf(make)}`];
    blocks.push([...lines, ...failures.map((name) => `  - ${name}`)].join("\n"));
  }
  await expect(`${blocks.join("\n\n")}\n`).toMatchFileSnapshot(golden);
  expect(unnoticed).toEqual([]);
}
