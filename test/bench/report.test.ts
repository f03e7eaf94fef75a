/** What the benchmark writes is what its run measured: the page, a chart and the terminal's report of a small fixed run. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseRun, runText } from "../../bench/command/report-files.ts";
import { goals, pageOf, terminalReport } from "../../bench/report/index.ts";

const golden = join(import.meta.dirname, "golden");
const text = readFileSync(join(golden, "run.golden.json"), "utf8");
const run = parseRun(text);

test("a run is written as it was read", () => {
  expect(runText(run)).toBe(text);
});

test("the page has goals met and missed, ratios, spreads, losses and what failed", async () => {
  await expect(pageOf(run).get("BENCHMARKS.md")).toMatchFileSnapshot("golden/page.golden.md");
});

test("reasons may be given for any row of any suite; those that share one stand together", async () => {
  const cache = "A reason | that has a bar, and is shared by two rows.";
  const reasons = {
    keyvalue: {
      "get, random": cache,
      "get, ten times the cache": cache,
      "open and first get": "A reason of its own.",
      "put, durable": "A reason for a row that is won is not shown.",
    },
    documents: { "get by id": "A reason in the other suite." },
  };
  const behind = run.outcomes.map((outcome) => ({
    ...outcome,
    measurements: outcome.measurements.map((one) =>
      one.suite === "documents" && one.store === "kotobadb" ? { ...one, value: 1_000 } : one,
    ),
  }));
  const bounded = goals.map((goal, at) => ({ ...goal, bound: `What bounds goal ${at + 1}.` }));
  const page = pageOf({ ...run, outcomes: behind }, { goals: bounded, reasons });
  const text = page.get("BENCHMARKS.md")!;
  const bounds = text.split("\n").filter((line) => line.includes("What bounds goal"));
  const [, losses] = /(## Where KotobaDB loses[^]*?)## The stores/.exec(text)!;
  await expect([...bounds, "", losses!].join("\n")).toMatchFileSnapshot("golden/reasons.golden.md");
});

test("a chart has a bar for each store that was measured", async () => {
  const files = pageOf(run);
  expect([...files.keys()].toSorted()).toEqual([
    "BENCHMARKS.md",
    "benchmarks/documents-reads.svg",
    "benchmarks/keyvalue-fills.svg",
    "benchmarks/keyvalue-gets.svg",
    "benchmarks/keyvalue-puts.svg",
    "benchmarks/keyvalue-room.svg",
  ]);
  await expect(files.get("benchmarks/keyvalue-puts.svg")).toMatchFileSnapshot(
    "golden/chart.golden.svg",
  );
});

test("the terminal shows the same run", async () => {
  await expect(`${terminalReport(run)}\n`).toMatchFileSnapshot("golden/terminal.golden.txt");
});
