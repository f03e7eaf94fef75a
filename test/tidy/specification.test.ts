/** docs/SPECIFICATION.md names tests and benchmarks as witnesses: each of them exists, in the file that it is said to be in. */
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const page = readFileSync("docs/SPECIFICATION.md", "utf8");
const witness = /`((?:test|bench)\/[\w/.-]+\.ts)(?: › ((?:[^`]|`(?=\{))+))?`/g;

test("every witness of the specification exists", () => {
  const missing: string[] = [];
  let count = 0;
  for (const [, file, name] of page.matchAll(witness)) {
    count++;
    const isThere = existsSync(file!) && (name === undefined || holds(file!, name));
    if (!isThere) missing.push(`${file!} › ${name ?? ""}`);
  }
  expect(missing).toEqual([]);
  expect(count).toBeGreaterThan(40);
});

test("every promise has a witness", () => {
  const rows = page.split("\n").filter((line) => line.startsWith("| ") && !line.includes("---"));
  const bare = rows.filter((row) => !/test\/|bench\/|the same|\| shown by/.test(row));
  expect(bare).toEqual([]);
});

/** The file says it, whatever line breaks and string joins lie in between. */
function holds(file: string, name: string): boolean {
  return readFileSync(file, "utf8").includes(name);
}
