/** A damaged file: what needs the damaged place says so with file and offset, and the rest stays readable. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { collection, CorruptionError, open } from "kotobadb";
import { openLsmEngine } from "kotobadb/engine";
import { expect, test } from "vitest";
import { z } from "zod";
import { temporaryFolder } from "../support/temporary-folder.ts";

const Rows = collection("rows", z.object({ n: z.number(), text: z.string() }), {
  indexes: { byN: { on: ["n"], unique: true } },
});
const rowCount = 2_000;

async function writeRows(path: string): Promise<void> {
  // Uncompressed, so that the place to damage can be found by its text.
  const engine = await openLsmEngine({ path, compression: "none", bottomCompression: "none" });
  await using db = await open({ engine }, { collections: { rows: Rows } });
  const rows = Array.from({ length: rowCount }, (_, n) => ({ n, text: `row ${n} `.repeat(10) }));
  await db.rows.insertMany(rows);
  await engine.flush();
}

test("one damaged block is named, and every row outside of it is still read", async () => {
  await using folder = await temporaryFolder();
  await writeRows(folder.path);
  const table = readdirSync(folder.path).find((name) => name.endsWith(".sst"))!;
  const bytes = readFileSync(join(folder.path, table));
  const place = bytes.indexOf("row 1000 row 1000");
  expect(place).toBeGreaterThan(0);
  bytes[place] = bytes[place]! ^ 1;
  writeFileSync(join(folder.path, table), bytes);

  await using db = await open(folder.path, { collections: { rows: Rows } });
  const failures: unknown[] = [];
  let readable = 0;
  for (let n = 0; n < rowCount; n++) {
    try {
      const row = await db.rows.find({ n });
      expect(row?.text).toBe(`row ${n} `.repeat(10));
      readable++;
    } catch (error) {
      failures.push(error);
    }
  }
  expect(failures.length).toBeGreaterThan(0);
  expect(readable).toBeGreaterThan(rowCount * 0.9);
  expect(failures.every((error) => error instanceof CorruptionError)).toBe(true);
  const [first] = failures as CorruptionError[];
  expect(first?.file).toContain(table);
  expect(first?.offset).toBeGreaterThan(0);
  expect(first?.expected).not.toBe(first?.found);
  const { ok, problems } = await db.verify();
  expect(ok).toBe(false);
  expect(problems.join("\n")).toContain(table);
  await db.rows.insert({ n: rowCount, text: "writing goes on" });
});
