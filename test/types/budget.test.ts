/**
 * Type cost, held by numbers. Each file in ./budget is compiled alone; its instantiations above the baseline must stay
 * within budgets.json. A program of sixty collections with ten queries each is compiled as a user's is. One thread, because
 * only then does the compiler count the same on every machine.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { programOf } from "./sixty-collections.ts";

const budgets = JSON.parse(readFileSync("test/types/budgets.json", "utf8")) as Record<
  string,
  number
>;

function instantiations(file: string): number {
  const flags =
    "--ignoreConfig --noEmit --singleThreaded --extendedDiagnostics --strict --skipLibCheck --exactOptionalPropertyTypes --target es2023 --lib es2023,esnext.disposable --module nodenext --allowImportingTsExtensions --types node";
  const report = execFileSync("node_modules/.bin/tsc", [...flags.split(" "), file], {
    encoding: "utf8",
  });
  return Number(/Instantiations:\s+(\d+)/.exec(report)?.[1]);
}

const baseline = instantiations("test/types/budget/baseline.ts");

test.each(Object.entries(budgets))(
  "the types of %s cost at most %i instantiations",
  (name, budget) => {
    const cost = instantiations(`test/types/budget/${name}.ts`) - baseline;
    expect(cost).toBeGreaterThan(0);
    expect(cost).toBeLessThanOrEqual(budget);
  },
);

const LARGE_BUDGET = 350_000;

test(`sixty collections with ten queries each cost at most ${LARGE_BUDGET} instantiations, all in all`, () => {
  // As users compile it: against declarations, and zod's own types with it.
  const folder = mkdtempSync("test/types/budget/made-");
  try {
    const flags = [
      "-p",
      "tsconfig.build.json",
      "--emitDeclarationOnly",
      "--declarationMap",
      "false",
    ];
    execFileSync("node_modules/.bin/tsc", [...flags, "--outDir", `${folder}/dist`]);
    writeFileSync(`${folder}/sixty.ts`, programOf(60, "./dist/index.js"));
    expect(instantiations(`${folder}/sixty.ts`)).toBeLessThanOrEqual(LARGE_BUDGET);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
