/**
 * What each operation of the typed store costs in round trips to the server, and that more rows cost no more of them. The
 * table stands in docs/SCALING.md; KOTOBA_WRITE_DOCS=1 writes it anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { postgres } from "kotobadb/postgres";
import { describe, expect, test } from "vitest";
import { proxyTo } from "../../support/postgres/proxy.ts";
import { freshTable, sharedServer, skipReason } from "../../support/postgres/shared-server.ts";
import { operations, storeWith } from "./store-operations.ts";

const PAGE = "docs/SCALING.md";
const BEGIN = "<!-- round trips: written by test/engine/postgres/round-trips.test.ts -->\n";
const END = "<!-- end of round trips -->";

async function counted(rows: number): Promise<Map<string, number>> {
  const proxy = await proxyTo(sharedServer().tcpUrl);
  const engine = postgres({ url: proxy.url, table: freshTable() });
  const on = await storeWith(engine, rows);
  try {
    const counts = new Map<string, number>();
    for (const [name, operation] of Object.entries(operations)) {
      // Once before, so that nothing is counted that only the first one does: connecting, learning of structures.
      if (!name.startsWith("delete")) await operation(on);
      await setTimeout(20);
      const before = proxy.roundTrips;
      await operation(on);
      // Nobody waits for the end of a snapshot.
      await setTimeout(20);
      counts.set(name, proxy.roundTrips - before);
    }
    return counts;
  } finally {
    await on.store.close();
    await proxy.close();
  }
}

describe.skipIf(skipReason !== undefined)("round trips", () => {
  test("are those of the page, and do not grow with rows", async () => {
    const few = await counted(20);
    const many = await counted(200);
    const lines = [...few].map(([name, trips]) => `| ${name} | ${trips} | ${many.get(name)} |`);
    const table = [
      "| operation | with 20 documents | with 200 |",
      "| --- | --- | --- |",
      ...lines,
      "",
    ].join("\n");
    const page = readFileSync(PAGE, "utf8");
    const start = page.indexOf(BEGIN) + BEGIN.length;
    const end = page.indexOf(END);
    expect(start).toBeGreaterThan(BEGIN.length);
    if (process.env["KOTOBA_WRITE_DOCS"] === "1") {
      writeFileSync(PAGE, `${page.slice(0, start)}\n${table}\n${page.slice(end)}`);
    } else expect(withoutPadding(page.slice(start, end))).toBe(withoutPadding(table));
    for (const [name, trips] of few) expect(many.get(name), name).toBe(trips);
  });
});

/** The formatter lines columns up. */
const withoutPadding = (table: string): string =>
  table.replaceAll(/-{3,}/g, "---").replaceAll(/ +\|/g, " |").replaceAll(/\| +/g, "| ").trim();
