/** The worked bytes on the page of the format are the bytes that the code writes. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { hex } from "../../src/base/index.ts";
import { ManifestWriter } from "../../src/engine/lsm/manifest/index.ts";
import {
  emptyHost as hostOfManifest,
  firstState,
  tableOf,
} from "../engine/lsm/manifest/manifest-cases.ts";
import { buildFilter } from "../engine/lsm/sstable/filter-kit.ts";
import { emptyHost as hostOfLog, put, recordsOf, writeLog } from "../engine/lsm/wal/wal-cases.ts";

const page = readFileSync("docs/FORMAT.md", "utf8");
const offsetThenBytes = /^\s*[0-9a-f]+ {2}((?:[0-9A-Fa-f]{2} )*[0-9A-Fa-f]{2})(?: {3}|$)/;

/** The bytes of the last block of hexadecimal lines in a section, without offsets and remarks. */
function workedBytes(section: string): string {
  const start = page.indexOf(`\n${section}\n`);
  expect(start, section).toBeGreaterThan(0);
  const end = page.indexOf("\n## ", start + 2);
  const blocks = [
    ...page.slice(start, end === -1 ? undefined : end).matchAll(/^```\n([\s\S]*?)^```$/gm),
  ];
  const lines = (blocks.at(-1)?.[1] ?? "").split("\n");
  return lines
    .map((line) => offsetThenBytes.exec(line)?.[1] ?? "")
    .join("")
    .replaceAll(" ", "")
    .toLowerCase();
}

test("the log on the page is the log that is written", () => {
  const host = hostOfLog();
  writeLog(host, [{ sequence: 7, ops: [put("k", "v")] }]).close();
  expect(workedBytes("## Write-ahead log")).toBe(hex(recordsOf(host), 1_000));
});

test("the manifest on the page is the manifest that is written", () => {
  const host = hostOfManifest();
  const writer = ManifestWriter.create(host, "/data", firstState, 1);
  writer.append({ added: [tableOf(3)], nextFileNumber: 4, lastSequence: 70 });
  writer.close();
  expect(workedBytes("## Manifest")).toBe(hex(host.contentOf("/data/MANIFEST-000001"), 1_000));
});

test("the table on the page is the table that is written", () => {
  const golden = readFileSync("test/engine/lsm/sstable/golden/table-bytes.golden.txt", "utf8");
  expect(workedBytes("## Tables (`000013.sst`)")).toBe(golden.replaceAll(/\s/g, ""));
});

test("the filter in pieces on the page is the filter that is written", () => {
  const keys = Array.from({ length: 7_300 }, (_, i) =>
    new TextEncoder().encode(String(i).padStart(4, "0")),
  );
  const example = page.slice(page.indexOf("\nWorked example of a filter in pieces"));
  const [, shown = ""] = /^```\n([\s\S]*?)^```$/m.exec(example) ?? [];
  const withoutRemarks = shown.replaceAll(/ {3}.*$/gm, "");
  expect(withoutRemarks.replaceAll(/\s/g, "")).toBe(hex(buildFilter(keys).payload, 1_000));
});

test("the rows and parts on the page stand in the tests that encode them", () => {
  const plain = (text: string): string =>
    text.replaceAll(" ", "").replaceAll(`"+"`, "").toLowerCase();
  const rowsTest = plain(readFileSync("test/collections/format.test.ts", "utf8"));
  const partsTest = plain(readFileSync("test/collections/key/key-encoding.test.ts", "utf8"));
  const examples = (section: string): string[] => {
    const text = page.slice(page.indexOf(`\n${section}\n`));
    const rows = text.slice(
      0,
      text.indexOf("\n## ", 2) === -1 ? undefined : text.indexOf("\n## ", 2),
    );
    return [...rows.matchAll(/^\|[^\n]*\|$/gm)]
      .flatMap(([row]) => [...row.matchAll(/`((?:[0-9A-Fa-f]{2})+(?: (?:[0-9A-Fa-f]{2})+)*)`/g)])
      .map(([, bytes]) => plain(bytes ?? ""));
  };
  const rows = examples("### Worked example");
  const parts = examples("### Examples");
  expect(rows.length).toBeGreaterThan(10);
  expect(parts.length).toBeGreaterThan(15);
  expect(rows.filter((bytes) => !rowsTest.includes(bytes))).toEqual([]);
  expect(parts.filter((bytes) => !partsTest.includes(bytes))).toEqual([]);
});
