/**
 * What each operation of the typed store costs in round trips to the server, and that more rows cost no more of them. The
 * table stands in docs/SCALING.md; KOTOBA_WRITE_DOCS=1 writes it anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { collection, open, ref } from "kotobadb";
import { postgres } from "kotobadb/postgres";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { CountingProxy } from "../../support/postgres/counting-proxy.ts";
import { freshTable, sharedServer, skipReason } from "../../support/postgres/shared-server.ts";

const PAGE = "docs/SCALING.md";
const BEGIN = "<!-- round trips: written by test/engine/postgres/round-trips.test.ts -->\n";
const END = "<!-- end of round trips -->";

const teams = collection("teams", z.object({ name: z.string() }));
const people = collection(
  "people",
  z.object({
    email: z.email(),
    name: z.string(),
    city: z.string(),
    age: z.number().int(),
    teamId: ref("teams"),
  }),
  {
    indexes: {
      byEmail: { on: ["email"], unique: true },
      byCity: ["city", "age"],
      byName: ["name"],
      perCity: { count: true, by: ["city"] },
    },
  },
);

async function openStore(url: string) {
  return open(
    { engine: postgres({ url, table: freshTable() }) },
    {
      collections: { teams, people },
      relations: { people: { team: { one: "teams", via: "teamId" } } },
      fullScan: "allow",
    },
  );
}
type Store = Awaited<ReturnType<typeof openStore>>;

/** `rows`: how many documents an operation on many of them meets. */
interface Measured {
  readonly store: Store;
  readonly rows: number;
  readonly ids: readonly PersonId[];
  readonly team: Person["teamId"];
  readonly fresh: () => number;
}
type Person = Parameters<Store["people"]["insert"]>[0];
type PersonId = Parameters<Store["people"]["get"]>[0];

const person = (i: number, team: Person["teamId"]): Person => ({
  email: `p${i}@example.org`,
  name: `Person ${i}`,
  city: "Oslo",
  age: i,
  teamId: team,
});
const idAt = ({ ids }: Measured, at: number): PersonId => ids[at]!;
async function twoQueries(
  snapshot: ReturnType<Store["snapshot"]>,
  filter: ReturnType<typeof cityOf>,
): Promise<void> {
  await snapshot.people.where(filter).all();
  await snapshot.people.where(filter).all();
  await snapshot.close();
}
const cityOf = (rows: number) => ({ city: "Oslo", age: { lt: rows } });

const operations: Readonly<Record<string, (on: Measured) => unknown>> = {
  "get by id": (on) => on.store.people.get(idAt(on, 3)),
  "find by a unique key": ({ store }) => store.people.find({ email: "p4@example.org" }),
  "get of many ids": ({ ids, rows, store }) => store.people.getMany(ids.slice(0, rows)),
  "query by an index, all its documents": ({ rows, store }) =>
    store.people.where(cityOf(rows)).all(),
  "the same, first() of them": ({ rows, store }) =>
    store.people.where(cityOf(rows)).orderBy("age", "desc").first(),
  "the same with a relation included": ({ rows, store }) =>
    store.people.where(cityOf(rows)).include("team").all(),
  "count of a range": ({ rows, store }) => store.people.where(cityOf(rows)).count(),
  "count that an index keeps": ({ store }) => store.people.where({ city: "Oslo" }).count(),
  "insert (a unique and three other indexes)": ({ fresh, store, team }) =>
    store.people.insert(person(fresh(), team)),
  "insert of many": ({ fresh, rows, store, team }) =>
    store.people.insertMany(Array.from({ length: rows }, () => person(fresh(), team))),
  "update of one": (on) => on.store.people.update(idAt(on, 5), { name: "Another" }),
  "delete of one": (on) => on.store.people.delete(idAt(on, on.ids.length - 1)),
  "transaction: one read, one write": (on) =>
    on.store.transaction(async (tx) => {
      const { age } = await tx.people.getOrThrow(idAt(on, 6));
      await tx.people.update(idAt(on, 6), { age: age + 1_000 });
    }),
  "transaction: ten reads at once, one write": (on) =>
    on.store.transaction(async (tx) => {
      const found = await Promise.all(
        Array.from({ length: 10 }, (_, i) => tx.people.getOrThrow(idAt(on, i))),
      );
      await tx.people.update(idAt(on, 7), { age: found.length });
    }),
  "snapshot: two queries of one state": ({ rows, store }) =>
    twoQueries(store.snapshot(), cityOf(rows)),
};

async function counted(rows: number): Promise<Map<string, number>> {
  const { tcpUrl } = sharedServer();
  const proxy = await CountingProxy.start(tcpUrl);
  const store = await openStore(proxy.urlOf(tcpUrl));
  try {
    const { id: team } = await store.teams.insert({ name: "One" });
    const inserted = await store.people.insertMany(
      Array.from({ length: 2 * rows }, (_, i) => person(i, team)),
    );
    let next = 10 * rows;
    const on: Measured = {
      store,
      rows,
      ids: inserted.map((one) => one.id),
      team,
      fresh: () => next++,
    };
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
    await store.close();
    await proxy.stop();
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
