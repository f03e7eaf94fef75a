import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { contractCases } from "../../src/testing/index.ts";
import { LoadingEngine, ValidatingEngine, WrappedEngine } from "./broken/index.ts";
import { failuresOf, verdictOf } from "./verdicts.ts";

/** The cases that no engine here can run; they are proven where an engine has the method. */
const UNPROVEN = [
  "scanMany gives what the scans of its ranges would give, range by range",
  "scanRefs answers with what the references of the rows hold, in scan order, absent ones marked",
  "what is presumed and is so changes nothing: of reads, of commits, of both",
  "what is presumed and is not so is a Conflict, and nothing happens",
  "presuming counts as reading: of two who each change what the other presumes, one loses",
  "the change log gives every commit once, whole and in order, from any version on",
  "begin({ at }) reads the state of that version",
];

describe("the contract suite", () => {
  it("finds nothing wrong with the wrappers that carry the planted defects", async () => {
    for (const make of [
      () => new WrappedEngine(),
      () => new ValidatingEngine(),
      () => new LoadingEngine(),
    ]) {
      expect(await failuresOf(make)).toEqual([]);
      expect(await verdictOf(make)).toBe("not seen");
    }
  });

  it("has no case that notices no defect", () => {
    const tables = ["validation", "views", "commits", "loads"].map((name) =>
      readFileSync(new URL(`./golden/broken-${name}.golden.txt`, import.meta.url), "utf8"),
    );
    const unproven = contractCases.filter(
      ({ name }) => !tables.some((table) => table.includes(`  - ${name}\n`)),
    );
    expect(unproven.map(({ name }) => name)).toEqual(UNPROVEN);
  });

  it("names each case once", () => {
    const names = contractCases.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});
