/**
 * docs/CLI.md shows what the command prints. After a change of the output, KOTOBA_WRITE_DOCS=1 writes the page anew; the
 * difference is read in review.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { memoryDatabase, kotoba } from "./support.ts";

const page = "docs/CLI.md";
const block = /^```console\n\$ kotoba (.*)\n([\s\S]*?)^```$/gm;

test("every example of the page prints what the page shows, and every command has one", async () => {
  const host = await memoryDatabase("data");
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
    "dump wal",
    "dump sst",
    "dump manifest",
    "get",
    "scan",
    "collections",
  ]) {
    expect(
      lines.some((line) => line.startsWith(command)),
      command,
    ).toBe(true);
  }
});
