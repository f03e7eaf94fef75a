/** A benchmark that is interrupted goes on from what it has saved, and ends as if it had been one run. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { measureTurns, nameOf, turnsOfRun } from "../../bench/command/measure.ts";
import type { Turn } from "../../bench/command/measure.ts";
import { parseOptions } from "../../bench/command/options.ts";
import { digestOf } from "../../bench/command/prepare.ts";
import { parseRun } from "../../bench/command/report-files.ts";
import { knownOutcomes, saveRun } from "../../bench/command/saved-run.ts";
import type { RunSetting } from "../../bench/command/saved-run.ts";
import type { Suite } from "../../bench/kit/index.ts";
import type { OutcomeFacts } from "../../bench/report/index.ts";

let folder: string;
let script: string;
beforeEach(() => {
  // How far it is, which nobody reads here.
  vi.spyOn(console, "error").mockReturnValue();
  folder = mkdtempSync(join(tmpdir(), "kotobadb-resume-"));
  script = join(folder, "child.mjs");
  // Notes that it ran, and measures one thing.
  writeFileSync(
    script,
    `import { appendFileSync } from "node:fs";
    const { output, project, round, rows, size, store, suite, workloads } = JSON.parse(process.argv[2]);
    appendFileSync(project, [suite, round, store].join(" ") + "\\n");
    if (store === "wrong") throw new Error("a wrong answer");
    const workload = [size, rows, workloads].join(" ");
    const measured = { suite, store, workload, unit: "ms", value: 100 * round + store.length, better: "lower" };
    appendFileSync(output, JSON.stringify(measured) + "\\n");`,
  );
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const suiteOf = (name: Suite["name"], ...stores: readonly string[]): Suite => ({
  name,
  stores: stores.map((store) => ({
    name: store,
    durability: { buffered: "process", durable: "power" },
    persistent: true,
    onlyFull: store.startsWith("slow"),
  })),
  run: () => Promise.reject(new Error("children of this test have a script of their own")),
});
const suites = [suiteOf("keyvalue", "ours", "wrong", "slow"), suiteOf("documents", "ours", "peer")];
const turns = turnsOfRun(suites, { size: "full", stores: [], rounds: 2 });
const setting: RunSetting = {
  size: "full",
  rows: 2_000,
  revision: "abc1234",
  build: "0123",
  machine: {
    processor: "A Processor",
    cores: 2,
    memoryBytes: 25_000_000_000,
    system: "Linux",
    node: "v20.20.2",
    packages: { lmdb: "3.5.6" },
  },
};
const runOf = (outcomes: readonly OutcomeFacts[]) => ({ at: "", ...setting, stores: [], outcomes });

/** A run of the turns into a file; interrupted after so many children. `ran`: which children there were. */
async function measured(
  known: readonly OutcomeFacts[],
  name: string,
  childrenMax = Infinity,
  of: readonly Turn[] = turns,
) {
  const path = join(folder, `${name}.json`);
  const log = join(folder, `${name}.log`);
  let children = 0;
  const save = (outcomes: readonly OutcomeFacts[]): void => {
    saveRun(path, runOf(outcomes));
    if (++children === childrenMax) throw new Error("interrupted");
  };
  const options = { size: "full", workloads: ["main"], rows: 2_000, folder, script } as const;
  const end = measureTurns(of, known, { ...options, project: log, save }).catch(
    (error: unknown) => (error as Error).message,
  );
  const outcomes = await end;
  return { path, outcomes, ran: readFileSync(log, "utf8").trim().split("\n") };
}

/** What of an outcome is the same in every run of it. */
const lasting = (outcomes: readonly OutcomeFacts[] | string) =>
  (outcomes as readonly OutcomeFacts[]).map(({ failure, measurements, round, store, suite }) => {
    return { suite, round, store, measurements, isWhole: failure === undefined };
  });

test("stores are by turns within a round, and the next round is backwards", () => {
  expect(turns.map(nameOf)).toEqual([
    "keyvalue, round 1, ours",
    "keyvalue, round 1, wrong",
    "keyvalue, round 1, slow",
    "keyvalue, round 2, slow",
    "keyvalue, round 2, wrong",
    "keyvalue, round 2, ours",
    "documents, round 1, ours",
    "documents, round 1, peer",
    "documents, round 2, peer",
    "documents, round 2, ours",
  ]);
  const short = turnsOfRun(suites, { size: "short", stores: [], rounds: 1 });
  expect(short.map(({ store }) => store)).toEqual(["ours", "wrong", "ours", "peer"]);
});

test.each([1, 4, 9])("a run interrupted after %i children ends as one that was not", async (at) => {
  const whole = await measured([], "whole");
  const first = await measured([], "first", at);
  expect(first.outcomes).toBe("interrupted");
  const known = knownOutcomes(first.path, setting, turns);
  const second = await measured(known, "second");
  expect([...first.ran, ...second.ran]).toEqual(whole.ran);
  expect(whole.ran).toHaveLength(turns.length);
  expect(lasting(second.outcomes)).toEqual(lasting(whole.outcomes));
  const saved = parseRun(readFileSync(second.path, "utf8")).outcomes;
  expect(lasting(saved)).toEqual(lasting(whole.outcomes));
  expect(readdirSync(folder).filter((name) => name.endsWith(".part"))).toEqual([]);
});

test("more stores and rounds may be asked for, and each comes to its place", async () => {
  const few = turns.filter(({ round, store }) => round === 0 && store === "ours");
  const { path } = await measured([], "few", Infinity, few);
  const second = await measured(knownOutcomes(path, setting, turns), "second", 2);
  // What comes later is saved too while there are others before it.
  expect(parseRun(readFileSync(second.path, "utf8")).outcomes.map(nameOf)).toEqual([
    "keyvalue, round 1, ours",
    "keyvalue, round 1, wrong",
    "keyvalue, round 1, slow",
    "documents, round 1, ours",
  ]);
});

test("a child that was ended from outside is run again, one that failed by itself is not", () => {
  const path = join(folder, "run.json");
  const failed = (failure: string, store: string): OutcomeFacts => {
    return { suite: "keyvalue", store, round: 0, measurements: [], failure, seconds: 1, load: 1 };
  };
  const outcomes = [
    failed("SIGKILL: ", "ours"),
    failed("exit 1: SIGNS: wrong", "wrong"),
    failed("not done after 1800 s", "slow"),
  ];
  saveRun(path, runOf(outcomes));
  const known = knownOutcomes(path, setting, turns).map(({ store }) => store);
  expect(known).toEqual(["wrong", "slow"]);
});

test("a file of another revision, size, build or machine is refused in words", async () => {
  const { path } = await measured([], "run", 1);
  const refusal = (changed: Partial<RunSetting>, of: readonly Turn[] = turns): string => {
    try {
      knownOutcomes(path, { ...setting, ...changed }, of);
      return "";
    } catch (error) {
      return (error as Error).message.replace(path, "FILE");
    }
  };
  const cannot = "--resume FILE cannot be gone on from: ";
  expect(refusal({})).toBe("");
  expect(refusal({ revision: "def" })).toBe(`${cannot}its revision: abc1234, now: def`);
  expect(refusal({ size: "short", rows: 9 })).toBe(
    `${cannot}its size: full, now: short; its rows: 2000, now: 9`,
  );
  expect(refusal({ workloads: ["main", "import"] })).toBe(
    `${cannot}its workloads: as the size has it, now: main, import`,
  );
  expect(refusal({ build: "4567" })).toBe(
    `${cannot}the revision is the same, but what was built from it is not`,
  );
  expect(refusal({ machine: { ...setting.machine, node: "v24.0.0" } })).toBe(
    `${cannot}it was measured on another machine, or with other versions of packages`,
  );
  expect(refusal({}, turns.slice(1))).toBe(
    `${cannot}it holds what is not asked for now: keyvalue, round 1, ours`,
  );
  writeFileSync(path, "{");
  expect(refusal({})).toMatch(/^--resume FILE is not a run: /);
  rmSync(path);
  expect(refusal({})).toMatch(/^--resume FILE is not a run: ENOENT/);
});

test("who ends early takes the child along, and what it wrote", async () => {
  const data = join(folder, "data");
  mkdirSync(data);
  const signs = join(folder, "signs");
  writeFileSync(
    script,
    `import { appendFileSync, writeFileSync } from "node:fs";
    const { directory, project } = JSON.parse(process.argv[2]);
    writeFileSync(directory + "/rows", "of a store");
    setInterval(() => appendFileSync(project, "still here "), 5);
    // Not for ever, should it be left behind.
    setTimeout(() => process.exit(), 10_000);`,
  );
  const parent = join(folder, "parent.mts");
  const task = { suite: "keyvalue", store: "ours", round: 0, size: "full", workloads: [] };
  writeFileSync(
    parent,
    `import { existsSync, readdirSync } from "node:fs";
    import { runChild } from ${JSON.stringify(join(import.meta.dirname, "../../bench/kit/index.ts"))};
    const task = { ...${JSON.stringify(task)}, project: ${JSON.stringify(signs)} };
    void runChild(${JSON.stringify(script)}, task, { folder: ${JSON.stringify(data)}, secondsMax: 60 });
    setInterval(() => {
      if (!existsSync(task.project)) return;
      console.log(readdirSync(${JSON.stringify(data)}).length);
      process.exit(3);
    }, 10);`,
  );
  const ended = spawnSync(process.execPath, ["--import", "tsx", parent], { encoding: "utf8" });
  expect([ended.status, ended.stdout, ended.stderr]).toEqual([3, "1\n", ""]);
  expect(readdirSync(data)).toEqual([]);
  const last = readFileSync(signs, "utf8");
  expect(last).toContain("still here");
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(readFileSync(signs, "utf8")).toBe(last);
});

test("a digest changes with what a file holds and how it is called", () => {
  const [first, second] = [mkdtempSync(join(folder, "a")), mkdtempSync(join(folder, "b"))];
  for (const place of [first, second]) writeFileSync(join(place, "index.js"), "1");
  expect(digestOf([first])).toBe(digestOf([second]));
  writeFileSync(join(second, "index.js"), "2");
  expect(digestOf([first])).not.toBe(digestOf([second]));
  writeFileSync(join(second, "index.js"), "1");
  writeFileSync(join(second, "other.js"), "");
  expect(digestOf([first])).not.toBe(digestOf([second]));
});

test("only a measurement goes on", () => {
  expect(parseOptions(["--full", "--resume", "a.json"]).resume).toBe("a.json");
  for (const mode of ["--check", "--report", "--micro"]) {
    expect(() => parseOptions([mode, "--resume", "a.json"])).toThrow("--resume exclude");
  }
});
