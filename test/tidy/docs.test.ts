/** Every TypeScript block of the README and of docs compiles; those of the README and the guide run, and print what they say. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const folder = "test/tidy/blocks";
const documents = [
  "README.md",
  ...readdirSync("docs", { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
];

function blocksOf(path: string): string[] {
  const blocks = readFileSync(path, "utf8").matchAll(/^```ts\n([\s\S]*?)^```$/gm);
  return [...blocks].map(([, code]) => code ?? "");
}

/** The guide is one program in many blocks. */
const guide = join("docs", "GUIDE.md");
function programsOf(path: string): string[] {
  const blocks = blocksOf(path);
  return path === guide ? [blocks.join("\n")] : blocks;
}

test("the README shows the hello example word for word", () => {
  expect(blocksOf("README.md")[0]).toBe(readFileSync("examples/hello/main.ts", "utf8"));
});

test("every block compiles, and every block of the README runs", () => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const files = documents.flatMap((path) =>
    programsOf(path).map((code, at) => {
      const file = join(folder, `${path.replaceAll(/[^A-Za-z]+/g, "-")}-${at}.ts`);
      writeFileSync(file, `${code}\nexport {};\n`);
      return file;
    }),
  );
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: "../../../tsconfig.json",
      compilerOptions: { rootDir: "../../..", noUnusedLocals: false },
      include: ["*.ts"],
      exclude: [],
    }),
  );
  const report = spawnSync("node_modules/.bin/tsc", ["-p", folder], { encoding: "utf8" });
  expect(report.stdout).toBe("");
  const outputs = files
    .filter((file) => file.includes("README") && !file.endsWith("-0.ts"))
    .map((file) =>
      execFileSync(process.execPath, ["--import", "tsx", file], {
        encoding: "utf8",
      }),
    );
  expect(outputs).toEqual(["byEmail true\n", "byEmail\n"]);
  const tour = files.find((file) => file.includes("GUIDE"))!;
  const printed = execFileSync(process.execPath, ["--import", "tsx", tour], { encoding: "utf8" });
  const told = readFileSync(guide, "utf8").matchAll(/\/\/ → (.*)$/gm);
  // Long values are printed over several lines, and told in one.
  const inOneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim();
  expect(inOneLine(printed)).toBe(inOneLine([...told].map(([, line]) => line).join("\n")));
  rmSync(folder, { recursive: true, force: true });
});

test("every link between documents leads to a file", () => {
  const broken = documents.flatMap((path) =>
    [...readFileSync(path, "utf8").matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)]
      .map(([, target]) => join(path, "..", target ?? ""))
      .filter((target) => spawnSync("test", ["-e", target]).status !== 0),
  );
  expect(broken).toEqual([]);
});
