/** Rooms stay small: at most 12 source files in a folder, 400 lines of code in a file. Docs keep one title each. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

function files(root: string, ending: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(root, name));
}

const codeLines = (path: string): number =>
  readFileSync(path, "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.trim().startsWith("//")).length;

test("a folder of src holds at most 12 files beside its door", () => {
  const counts = new Map<string, number>();
  for (const path of files("src", ".ts"))
    if (!path.endsWith("/index.ts"))
      counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  expect([...counts].filter(([, count]) => count > 12)).toEqual([]);
  expect(counts.size).toBeGreaterThan(5);
});

test("a file of src has at most 400 lines of code", () => {
  expect(files("src", ".ts").filter((path) => codeLines(path) > 400)).toEqual([]);
});

test("no door lets everything through", () => {
  const open = files("src", ".ts").filter((path) => /^export \*/m.test(readFileSync(path, "utf8")));
  expect(open).toEqual([]);
});

test("every Markdown file of docs has exactly one title", () => {
  const titles = files("docs", ".md").map((path) => {
    const text = readFileSync(path, "utf8").replace(/```[\s\S]*?```/g, "");
    return [path, (text.match(/^# /gm) ?? []).length] as const;
  });
  expect(titles.filter(([, count]) => count !== 1)).toEqual([]);
});

test("hot code names a benchmark that is there", () => {
  const marks = files("src", ".ts").flatMap((path) =>
    [...readFileSync(path, "utf8").matchAll(/\bHOT\b([^\n]*)/g)].map(([, rest]) => ({
      path,
      bench: /bench\/micro\/[a-z-]+/.exec(rest ?? "")?.[0],
    })),
  );
  expect(marks.length).toBeGreaterThan(10);
  const lost = marks.filter(({ bench }) => bench === undefined || !existsSync(`${bench}.ts`));
  expect(lost).toEqual([]);
});
