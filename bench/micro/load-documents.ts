/**
 * Documents into an empty collection: load(), import() of their text, and insertMany() of 1,000 at a time, on real files:
 * `npx tsx bench/micro/load-documents.ts [directory]`. Figures only. Two indexes, one of them unique. Batches are buffered and end
 * with a compaction: until then they have not paid for what a load has paid for when it resolves.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { collection, open } from "../../src/index.ts";
import type { Db } from "../../src/index.ts";

const COUNT = Number(process.env["COUNT"] ?? "200000");
const PIECE = 1_000;
const People = collection(
  "people",
  z.object({ email: z.string(), name: z.string(), age: z.number(), city: z.string() }),
  { indexes: { byEmail: { on: ["email"], unique: true }, byCity: ["city", "-age"] } },
);
const collections = { people: People };
type People = Db<typeof collections>["people"];

const documents = Array.from({ length: COUNT }, (_, n) => ({
  email: `${Math.imul(n, 0x9e3779b1) >>> 0}.${n}@example.org`,
  name: `Person ${n}`,
  age: n % 90,
  city: `City ${n % 997}`,
}));

function* lines(): Generator<string> {
  for (const document of documents) yield `${JSON.stringify(document)}\n`;
}

const ways: Record<string, (people: People) => Promise<unknown>> = {
  "load()": (people) => people.load(documents),
  "insertMany()": async (people) => {
    for (let at = 0; at < COUNT; at += PIECE)
      await people.insertMany(documents.slice(at, at + PIECE));
  },
  "import(), partial": (people) => people.import(lines(), { partial: true }),
};

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "kotobadb-bench-"));
try {
  for (const [name, run] of Object.entries(ways)) {
    const db = await open(join(folder, name), { collections, durability: "buffered" });
    await db.ready();
    const start = performance.now();
    await run(db.people);
    if (name !== "load()") await db.compact();
    const millis = performance.now() - start;
    const rate = Math.round((COUNT / millis) * 1_000).toLocaleString("en");
    console.log(`${name.padEnd(20)} ${rate.padStart(10)} documents/s`);
    let bytes = 0;
    const from = performance.now();
    for await (const chunk of db.people.export()) bytes += chunk.length;
    const exported = performance.now() - from;
    console.log(
      `${"  export()".padEnd(20)} ${(bytes / exported / 1_000).toFixed(0).padStart(10)} MB/s`,
    );
    await db.close();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
