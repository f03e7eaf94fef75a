/** kotoba check and migrate, and what other commands show of a database whose documents are of several versions. */
import { collection, open } from "kotobadb";
import { openLsmEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { kotoba, memoryDatabase, modules } from "./support.ts";

test("check and a dry run change nothing, and end with 1 where something is refused", async () => {
  const host = await memoryDatabase();
  const { changes } = host;
  for (const [line, exit] of [
    ["check /data collections.js", 0],
    ["check /data wrong.js", 1],
    ["migrate /data wrong.js", 1],
    ["migrate /data wrong.js --dry-run", 1],
    ["migrate /data collections.js --dry-run", 0],
  ] as const) {
    const ran = await kotoba(host, line);
    expect([line, ran.exit, ran.err]).toEqual([line, exit, ""]);
    const { out } = await kotoba(host, `${line} --json`);
    expect(JSON.parse(out)).toHaveProperty("collections");
    expect(host.changes).toBe(changes);
  }
});

test("migrate does it, so that there is nothing left to do", async () => {
  const host = await memoryDatabase();
  expect(await kotoba(host, "migrate /data collections.js")).toMatchObject({ exit: 0, err: "" });
  const { out } = await kotoba(host, "check /data collections.js");
  expect(out).toContain("cities  same");
  expect(out).toContain("roads   same");
  expect((await kotoba(host, "collections /data")).out).toMatch(/cities +3 +2 +ready +byName\n/);
  expect((await kotoba(host, "verify /data")).exit).toBe(0);
  const { changes } = host;
  expect((await kotoba(host, "migrate /data collections.js")).exit).toBe(0);
  expect(host.changes).toBe(changes);
});

test("a dry run names every document that fails, up to a bound", async () => {
  const host = new SimulatedHost();
  const First = collection("notes", z.object({ n: z.number() }));
  {
    const engine = await openLsmEngine({ path: "/notes", host });
    await using db = await open({ engine }, { collections: { notes: First } });
    await db.notes.insertMany(Array.from({ length: 60 }, (_, n) => ({ n })));
  }
  modules["notes.js"] = {
    notes: First.evolve(z.object({ even: z.number() }), ({ n }) => {
      if (n % 2 === 1) throw new RangeError(`${n} is odd`);
      return { even: n };
    }),
  };
  const { exit, out } = await kotoba(host, "migrate /notes notes.js --dry-run");
  expect(exit).toBe(1);
  expect(out).toContain("notes: 30 documents can be stored as version 2, 30 cannot be:\n");
  expect(out.match(/RangeError: \d+ is odd/g)).toHaveLength(20);
  expect(out).toContain("  and 10 more\n");
  const json = JSON.parse((await kotoba(host, "migrate /notes notes.js --dry-run --json")).out) as {
    readonly collections: readonly { readonly failed: number; readonly failures: unknown[] }[];
  };
  expect(json.collections[0]).toMatchObject({ kind: "step", documents: 60, past: 60, failed: 30 });
  const failing = await kotoba(host, "migrate /notes notes.js");
  expect(failing).toMatchObject({ exit: 1, out: "" });
  expect(failing.err).toContain("step: 1 to 2");
  expect((await kotoba(host, "collections /notes")).out).toMatch(/notes +60 +1 +ready/);
});

test("documents are shown as they are stored, with a word on those of earlier versions", async () => {
  const host = await memoryDatabase();
  const before = await kotoba(host, "get /data cities oslo");
  // Half-way: the catalog knows the version, and no document was written anew yet.
  const engine = await openLsmEngine({ path: "/data", host });
  const taken: SimulatedHost[] = [];
  host.onCall = ({ change }) => {
    if (change !== undefined) taken.push(host.afterPowerCut("kept", change));
  };
  {
    const { CitiesOfToday } = modules["collections.js"] as { CitiesOfToday: never };
    await using db = (await open({ engine }, { collections: { cities: CitiesOfToday } })) as {
      ready(): Promise<void>;
    } & AsyncDisposable;
    await db.ready();
  }
  host.onCall = undefined;
  let cut: SimulatedHost | undefined;
  for (const disk of taken) {
    const listed = await kotoba(disk, "collections /data");
    if (listed.out.includes("upgrading")) cut ??= disk;
  }
  expect(cut).toBeDefined();
  const shown = await kotoba(cut!, "get /data cities oslo");
  expect(shown).toEqual({ ...before, err: "of version 1 of the schema, of 2\n" });
  expect((await kotoba(cut!, "export /data cities")).out).toContain('"name":"Oslo"');
  expect((await kotoba(cut!, "check /data collections.js")).out).toContain(
    "cities  step to version 2: 3 documents to upgrade, indexes to build: byName",
  );
  expect((await kotoba(cut!, "migrate /data collections.js")).exit).toBe(0);
  const after = await kotoba(cut!, "get /data cities oslo --json");
  expect(after.err).toBe("");
  expect(JSON.parse(after.out)).toEqual({
    id: "oslo",
    name: "Oslo",
    people: "1000000000000000000",
    at: [0, 0],
  });
});

test("a module that is not there, exports nothing, or two of one name, is a mistake of the caller", async () => {
  const host = await memoryDatabase();
  const Cities = collection("cities", z.object({ a: z.string() }));
  modules["empty.js"] = { nothing: 1, deep: { er: null } };
  modules["twice.js"] = { a: Cities, b: collection("cities", z.object({ a: z.string() })) };
  for (const [line, told] of [
    ["check /data nowhere.js", "could not be loaded"],
    ["check /data empty.js", "exports no collection()"],
    ["migrate /data twice.js", "two definitions of one name"],
    ["check /data", "missing required argument"],
  ] as const) {
    const { err, exit, out } = await kotoba(host, line);
    expect([line, exit, out]).toEqual([line, 2, ""]);
    expect(err).toContain(told);
  }
});
