/**
 * docs/CLI.md shows what the command prints. After a change of the output, KOTOBA_WRITE_DOCS=1 writes the page anew; the
 * difference is read in review.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { memoryDatabase, kotoba, writeText } from "./support.ts";

const page = "docs/CLI.md";
const block = /^```console\n\$ kotoba (.*)\n([\s\S]*?)^```$/gm;

const TOWNS = `{"id":"oslo","name":"Oslo","people":"717710","founded":"1048-01-01","place":{"latitude":59.9,"longitude":10.7}}
{"name":"Hamar","people":"32901","founded":"1849-03-21","place":{"latitude":60.8,"longitude":11.1}}
{"name":"Gjovik","people":"many"}
`;

test("every example of the page prints what the page shows, and every command has one", async () => {
  const host = await memoryDatabase("data");
  writeText(host, "towns.ndjson", TOWNS);
  const text = readFileSync(page, "utf8");
  const shown = [...text.matchAll(block)];
  let written = text;
  for (const [whole, line] of shown) {
    const { err, exit, out } = await kotoba(host, line!);
    const ending = exit === 0 ? "" : `$ echo $?\n${exit}\n`;
    const now = `\`\`\`console\n$ kotoba ${line}\n${out}${err}${ending}\`\`\``;
    written = written.replace(whole, () => now);
  }
  if (process.env["KOTOBA_WRITE_DOCS"] === "1") writeFileSync(page, written);
  else expect(written).toBe(text);
  const lines = shown.map(([, line]) => line!);
  for (const command of [
    "--help",
    "stats",
    "verify",
    "compact",
    "checkpoint",
    "copy",
    "dump wal",
    "dump sst",
    "dump manifest",
    "get",
    "scan",
    "collections",
    "export",
    "import",
    "check",
    "migrate",
    "postgres init",
  ]) {
    expect(
      lines.some((line) => line.startsWith(command)),
      command,
    ).toBe(true);
  }
});
