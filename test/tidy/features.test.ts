/** docs/FEATURES.md has a row for each feature, and each row the tests that show it, or says that it is not there. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

interface Row {
  readonly number: number;
  readonly feature: string;
  readonly state: string;
  /** File and title of each test. */
  readonly shownBy: readonly (readonly [file: string, title: string])[];
}

const rows = readFileSync("docs/FEATURES.md", "utf8")
  .split("\n")
  .filter((line) => /^\|\s*\d+\s*\|/.test(line))
  .map(rowOf);

function rowOf(line: string): Row {
  const [, number = "", feature = "", state = "", , shownBy = ""] = line
    .split("|")
    .map((cell) => cell.trim());
  return {
    number: Number(number),
    feature,
    state,
    shownBy: shownBy
      .split("<br>")
      .filter((text) => text !== "")
      .map((text) => {
        const [, file, title] = /^\[[\w.-]+\]\(([^)]+)\) › (.+)$/.exec(text) ?? [];
        return [join("docs", file ?? "?"), title ?? `not a test: ${text}`] as const;
      }),
  };
}

/** The title as a whole, as it stands in the code between its quotes. */
function hasTest(file: string, title: string): boolean {
  if (!existsSync(file)) return false;
  const code = readFileSync(file, "utf8");
  return ['"', "'", "`"].some((quote) => code.includes(`${quote}${title}${quote}`));
}

test("the page has rows 1 to 43, in order", () => {
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 43 }, (_, n) => n + 1));
});

test("every test that the page names stands in its file, under that title", () => {
  const missing = rows.flatMap(({ number, shownBy }) =>
    shownBy
      .filter(([file, title]) => !/\.test(-d)?\.ts$/.test(file) || !hasTest(file, title))
      .map(([file, title]) => `row ${number}: ${file} › ${title}`),
  );
  expect(missing).toEqual([]);
});

test("a row that says it is there has a test, and every other says that it is not", () => {
  const states = new Set(rows.map(({ state }) => state));
  expect([...states].filter((s) => !["yes", "partly", "not yet", "not there"].includes(s))).toEqual(
    [],
  );
  const bare = rows.filter(
    ({ shownBy, state }) => (state === "yes" || state === "partly") && shownBy.length === 0,
  );
  expect(bare).toEqual([]);
});
