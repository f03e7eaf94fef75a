/** The compiler refuses every wrong program of ./wrong/programs.ts, each at its own line, and accepts the right ones. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const file = "test/types/wrong/programs.ts";
const wrong = /^;?\/\*([A-Z]\d+)/;

test("the wrong programs are refused by the compiler, and the right ones beside them are not", () => {
  const lines = readFileSync(file, "utf8").split("\n");
  const expected = lines.flatMap((line) => wrong.exec(line)?.[1] ?? []);
  const report = spawnSync("node_modules/.bin/tsc", ["-p", "test/types/wrong"], {
    encoding: "utf8",
  }).stdout;
  const places = [...report.matchAll(/^(\S+?)\((\d+),\d+\): error/gm)];
  const elsewhere = places.filter(([, path]) => path !== file).map(([whole]) => whole);
  const refused = new Set(
    places.map(([, , number]) => {
      const line = lines[Number(number) - 1] ?? "";
      return wrong.exec(line)?.[1] ?? `line ${number}: ${line}`;
    }),
  );
  expect(elsewhere).toEqual([]);
  expect([...refused].toSorted()).toEqual(expected.toSorted());
  // 31 mistakes that were tried with other libraries too, and one at least for whatever was added since.
  expect(expected.length).toBeGreaterThanOrEqual(66);
});
