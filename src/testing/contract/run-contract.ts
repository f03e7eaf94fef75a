/** The contract suite: all cases, and a runner that needs no test framework. */
import type { StorageEngine } from "../../engine/contract/index.ts";
import { concurrencyCases } from "./concurrency-cases.ts";
import { conflictCases } from "./conflict-cases.ts";
import type { ContractCase } from "./contract-case.ts";
import { handleCases } from "./handle-cases.ts";
import { loadCases } from "./load-cases.ts";
import { mergeCases } from "./merge-cases.ts";
import { pageCases } from "./page-cases.ts";
import { rangeConflictCases } from "./range-conflict-cases.ts";
import { readingCases } from "./reading-cases.ts";
import { viewCases } from "./view-cases.ts";
import { writingCases } from "./writing-cases.ts";

/** What every engine must pass, each case a sentence about behaviour. */
export const contractCases: readonly ContractCase[] = [
  ...readingCases,
  ...pageCases,
  ...writingCases,
  ...mergeCases,
  ...viewCases,
  ...conflictCases,
  ...rangeConflictCases,
  ...concurrencyCases,
  ...loadCases,
  ...handleCases,
];

export interface ContractOptions {
  /** Default: contractCases. */
  readonly cases?: readonly ContractCase[];
  /** How long one case may take before it counts as failed. Default 15,000. */
  readonly caseMillisMax?: number;
  /** Put before all keys the suite writes, for engines that are not empty. Default "contract/". */
  readonly namespace?: string;
}

export interface ContractFailure {
  readonly name: string;
  readonly laws: readonly number[];
  readonly error: unknown;
}

export interface ContractReport {
  readonly engine: string;
  readonly passed: readonly string[];
  readonly failed: readonly ContractFailure[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Runs the contract suite. Each case has a part of the keyspace for itself; cases that close their engine get one of
 * their own, all others share one, so that `makeEngine` is called a few times. Engines that were made are closed.
 *
 * @example
 * const report = await runContract(() => openMyEngine());
 * for (const { name, error } of report.failed) console.error(name, error);
 */
export async function runContract(
  makeEngine: () => Promise<StorageEngine>,
  options: ContractOptions = {},
): Promise<ContractReport> {
  const passed: string[] = [];
  const failed: ContractFailure[] = [];
  const skipped: { readonly name: string; readonly reason: string }[] = [];
  let shared = await makeEngine();
  for (const [i, one] of (options.cases ?? contractCases).entries()) {
    const reason = await one.skipReason(shared);
    if (reason !== undefined) {
      skipped.push({ name: one.name, reason });
      continue;
    }
    const engine = one.closesEngine ? await makeEngine() : shared;
    const namespace = `${options.namespace ?? "contract/"}${i}/`;
    try {
      await withinMillis(options.caseMillisMax ?? 15_000, one.run(engine, namespace));
      passed.push(one.name);
    } catch (error) {
      failed.push({ name: one.name, laws: one.laws, error });
      // A case that failed may have left an exclusive transaction or a broken engine behind.
      if (engine === shared) {
        await withinMillis(1_000, shared.close()).catch(() => undefined);
        shared = await makeEngine();
      }
    } finally {
      if (one.closesEngine) await engine.close();
    }
  }
  const report = { engine: shared.name, passed, failed, skipped };
  await shared.close();
  return report;
}

async function withinMillis<T>(millis: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`Not finished after ${millis} ms.`));
    }, millis);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
