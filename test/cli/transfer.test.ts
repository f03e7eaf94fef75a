/** kotoba export and import: what one prints, the other takes, and what it cannot take is told. */
import { open } from "kotobadb";
import { openLsmEngine } from "kotobadb/engine";
import type { SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { kotoba, memoryDatabase, writeText } from "./support.ts";

const town = (id: string, fields: object = {}): string =>
  `${JSON.stringify({
    id,
    name: id,
    people: "5",
    founded: "1200-01-01",
    place: { latitude: 1, longitude: 2 },
    ...fields,
  })}\n`;

async function emptied(host: SimulatedHost): Promise<void> {
  const engine = await openLsmEngine({ path: "/data", host });
  await using db = await open({ engine });
  const cities = db.collection("cities", Cities, { indexes });
  for (const { id } of await cities.all()) await cities.delete(id);
}
const Cities = z.object({
  name: z.string(),
  people: z.bigint(),
  founded: z.date(),
  flag: z.instanceof(Uint8Array).optional(),
  place: z.object({ latitude: z.number(), longitude: z.number() }),
});
const indexes = { byName: { on: ["name"], unique: true }, byPlace: ["place.latitude"] } as const;

for (const format of ["ndjson", "json"]) {
  test(`what export prints as ${format}, import takes`, async () => {
    const host = await memoryDatabase();
    const line = `export /data cities --format ${format}`;
    const before = await kotoba(host, line);
    expect([before.exit, before.err]).toEqual([0, ""]);
    await expect(before.out).toMatchFileSnapshot(`./golden/export-${format}.golden.txt`);
    writeText(host, "/cities.txt", before.out);
    await emptied(host);
    const { exit, out } = await kotoba(host, "import /data cities /cities.txt");
    expect([exit, out]).toEqual([0, expect.stringMatching(/^cities: 3 imported, 0 replaced/)]);
    expect(await kotoba(host, line)).toEqual(before);
    expect((await kotoba(host, "verify /data")).exit).toBe(0);
    const engine = await openLsmEngine({ path: "/data", host });
    await using db = await open({ engine });
    const cities = db.collection("cities", Cities, { indexes });
    expect(await cities.find({ name: "Oslo" })).toMatchObject({ people: 10n ** 18n });
    expect(await db.verify()).toEqual({ ok: true, problems: [] });
  });
}

test("lines that do not fit the stored shape are told, and nothing is imported; or all but they", async () => {
  const host = await memoryDatabase();
  const text = [
    town("fine"),
    town("type", { people: "many" }),
    town("extra", { mayor: "x" }),
    `{"id":"bare"}\n`,
    town("kind", { place: { latitude: "1", longitude: null } }),
    town("oslo"),
    town("unique", { name: "Oslo" }),
  ];
  writeText(host, "/towns.txt", text.join(""));
  const failed = await kotoba(host, "import /data cities /towns.txt");
  expect([failed.exit, failed.out]).toEqual([1, ""]);
  expect(failed.err).toContain("A text has lines that cannot be imported.\n");
  expect(failed.err).toContain("line 2: people: a bigint is written as decimal digits");
  const { exit, out } = await kotoba(host, "import /data cities /towns.txt --on-bad-line skip");
  expect(exit).toBe(1);
  await expect(out).toMatchFileSnapshot("./golden/import-bad-lines.golden.txt");
  const again = await kotoba(
    host,
    "import /data cities /towns.txt --on-bad-line skip --json --on-existing replace",
  );
  expect(JSON.parse(again.out)).toMatchObject({ imported: 1, replaced: 2, badCount: 4 });
});

test("- in the place of a file is the standard input, in chunks of any size", async () => {
  const host = await memoryDatabase();
  const text = town("moss") + town("bad", { people: "many" }) + town("voss");
  const chunks = text.match(/[\s\S]{1,7}/g)!;
  const failed = await kotoba(host, "import /data cities -", chunks);
  expect(failed).toMatchObject({ exit: 1, err: expect.stringContaining("line 2: people: ") });
  const done = await kotoba(host, "import /data cities - --on-bad-line skip", chunks);
  expect(done.out).toMatch(/^cities: 2 imported, 0 replaced, 0 skipped, 1 bad line/);
  expect(await kotoba(host, "import /data cities -")).toMatchObject({
    exit: 0,
    out: expect.stringMatching(/^cities: 0 imported/),
  });
});

test("a collection whose index has a filter can only be written by its program", async () => {
  const host = await memoryDatabase();
  const engine = await openLsmEngine({ path: "/data", host });
  const db = await open({ engine });
  const jobs = db.collection("jobs", z.object({ at: z.number(), open: z.boolean() }), {
    indexes: { openOnes: { on: ["at"], where: { open: true } } },
  });
  await jobs.insert({ at: 1, open: true });
  await db.close();
  writeText(host, "/jobs.txt", '{"at":2,"open":false}\n');
  expect(await kotoba(host, "import /data jobs /jobs.txt")).toMatchObject({
    exit: 2,
    err: expect.stringContaining(
      'the entries of its index "openOnes" are known to its program alone',
    ),
  });
  expect((await kotoba(host, "export /data jobs")).out).toContain('"at":1,"open":true');
});

test("wrong arguments and missing files end with their codes, and the database is not changed", async () => {
  const host = await memoryDatabase();
  const { changes } = host;
  for (const [line, exit, words] of [
    ["export /data", 2, "missing required argument"],
    ["export /data cities --format csv", 2, "There are ndjson, json."],
    ["export /data towns", 5, "collection: towns"],
    ["export /nowhere cities", 5, "There is no database in the place that was named."],
    ["import /data cities", 2, "missing required argument"],
    ["import /data cities /towns.txt --on-existing merge", 2, "There are error, replace, skip."],
    ["import /data towns /towns.txt", 5, "collection: towns"],
    ["import /data cities /nowhere.txt", 5, "/nowhere.txt"],
  ] as const) {
    const ran = await kotoba(host, line);
    expect([line, ran.exit]).toEqual([line, exit]);
    expect(ran.err + ran.out).toContain(words);
  }
  expect(host.changes).toBe(changes);
});

test("a collection of which a load was cut short counts as empty, and is not imported into", async () => {
  const host = await memoryDatabase();
  const disks: SimulatedHost[] = [];
  const engine = await openLsmEngine({ path: "/data", host });
  const db = await open({ engine });
  const towns = db.collection("towns", z.object({ name: z.string() }), {
    indexes: { byName: ["name"] },
  });
  await db.ready();
  host.onCall = ({ change }) => {
    if (change !== undefined) disks.push(host.afterPowerCut("kept"));
  };
  await towns.load([{ name: "Hamar" }, { name: "Moss" }]);
  await db.close();
  const states = new Set<string>();
  for (const disk of disks) {
    writeText(disk, "/towns.txt", '{"name":"Voss"}\n');
    const listed = JSON.parse((await kotoba(disk, "collections /data --json")).out) as {
      readonly collections: readonly { readonly name: string }[];
    };
    const found = listed.collections.find(({ name }) => name === "towns") as unknown as {
      readonly state: string;
      readonly documents: number;
    };
    const exported = await kotoba(disk, "export /data towns");
    states.add(`${found.state} ${found.documents} ${exported.out.split("\n").length - 1}`);
    expect((await kotoba(disk, "verify /data")).exit).toBe(0);
    const imported = await kotoba(disk, "import /data towns /towns.txt");
    expect(imported.exit).toBe(found.state === "ready" ? 0 : 2);
  }
  expect([...states].toSorted()).toEqual(["loading 0 0", "ready 0 0", "ready 2 2"]);
});
