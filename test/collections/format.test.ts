/** The worked example of docs/FORMAT.md, "Collections": every row of a small database. */
import { expect, test } from "vitest";
import { z } from "zod";
import { hex } from "../../src/base/index.ts";
import { Positions } from "../../src/collections/build/positions.ts";
import { collection } from "../../src/collections/index.ts";
import { TestDatabase, rowsOf } from "./test-database.ts";

const text = (hexText: string): string => Buffer.from(hexText, "hex").toString("utf8");

test("a small database is stored as the format says", async () => {
  const Users = collection(
    "users",
    z.object({ name: z.string(), age: z.number().optional(), tags: z.array(z.string()) }),
    {
      indexes: {
        byName: { on: ["name"], unique: true },
        byAge: { on: ["-age"], include: ["name"] },
        byTag: ["tags[]"],
      },
    },
  );
  const database = new TestDatabase();
  const store = await database.store(Users);
  await store.insert({ id: "ada", name: "Ada", age: 36, tags: ["x", "y", "x"] });
  await store.insert({ id: "01ARZ3NDEKTSV4RRFFQ69G5FAV", name: "Bo", tags: [] });
  const rows = [...(await rowsOf(database.engine))];

  const [catalogKey, catalogRow] = rows[0]!;
  expect(catalogKey).toBe("00637573657273");
  expect(catalogRow.slice(0, 2)).toBe("01");
  expect(JSON.parse(text(catalogRow.slice(2)))).toEqual({
    number: 1,
    shape:
      '{"object":{"age":{"union":["number","undefined"]},"name":"string","tags":{"array":"string"}}}',
    documents: "ready",
    indexes: [
      {
        name: "byName",
        number: 1,
        fingerprint: '{"on":["name"],"unique":true,"where":null,"include":[]}',
        state: "ready",
      },
      {
        name: "byAge",
        number: 2,
        fingerprint: '{"on":["-age"],"unique":false,"where":null,"include":["name"]}',
        state: "ready",
      },
      {
        name: "byTag",
        number: 3,
        fingerprint: '{"on":["tags[]"],"unique":false,"where":null,"include":[]}',
        state: "ready",
      },
    ],
    nextIndex: 4,
  });
  expect(rows.slice(1)).toEqual([
    // One collection was ever made.
    ["006e", "01"],
    // Documents: the ULID, then "ada".
    ["01001001563e3ab5d3d6764c61efb99302bd5b", "41a2426f90"],
    ["010011616461", "40a34164612493a178a179a178"],
    // Structures: name, age, tags; name, tags.
    ["010100", "93a46e616d65a3616765a474616773"],
    ["010101", "92a46e616d65a474616773"],
    // byName, unique: "Ada" and "Bo".
    ["010201" + "5041646100", "06010011616461"],
    ["010201" + "50426f00", "1301001001563e3ab5d3d6764c61efb99302bd5b"],
    // byAge, descending: 36 with the id "ada", then nullish with the ULID; the name is covered.
    ["010202" + "cf3fbdffffffffffff" + "ee9e9b9eff", "0601001161646191a3416461"],
    [
      "010202" + "ef" + "effefda9c1c54a2c2989b39e10466cfd42a4ff",
      "1301001001563e3ab5d3d6764c61efb99302bd5b91a2426f",
    ],
    // byTag: one entry for each distinct tag.
    ["010203" + "507800" + "11616461", "06010011616461"],
    ["010203" + "507900" + "11616461", "06010011616461"],
  ]);
});

test("an index that sums is stored as the format says", async () => {
  const Spent = collection(
    "spent",
    z.object({ account: z.string(), amount: z.number().optional() }),
    { indexes: { total: { sum: "amount", by: ["account"] } } },
  );
  const database = new TestDatabase();
  const store = await database.store(Spent);
  await store.insertMany([
    { id: "x", account: "a", amount: 5 },
    { id: "y", account: "a", amount: -2.5 },
    { id: "z", account: "b" },
  ]);
  const rows = [...(await rowsOf(database.engine))];
  const { indexes } = JSON.parse(text(rows[0]![1].slice(2))) as { readonly indexes: unknown };
  expect(indexes).toEqual([
    {
      name: "total",
      number: 1,
      fingerprint: '{"sum":"amount","of":"number","by":["account"],"where":null}',
      state: "ready",
      cells: true,
    },
  ]);
  expect(rows.filter(([key]) => key.startsWith("0102"))).toEqual([
    // Account "a": 2 documents, 5 - 2.5 as -2^31 times 2^-32 and 3 times 1.
    ["010201" + "506100" + "00", "0000000000000002"],
    ["010201" + "506100" + "31", "ffffffff80000000"],
    ["010201" + "506100" + "32", "0000000000000003"],
    // Account "b": 1 document, without an amount.
    ["010201" + "506200" + "00", "0000000000000001"],
    ["010201" + "506200" + "01", "0000000000000001"],
  ]);
});

test("how far a pass over the documents has come is stored as the format says", () => {
  const positions = new Positions(1, 3, Uint8Array.of(0x01, 0x00));
  const { key, value } = positions.row(Uint8Array.of(0x01, 0x00, 0x11, 0x61, 0x64, 0x61), 512);
  expect([hex(key), hex(value)]).toEqual(["010403" + "11616461", "0000000000000200"]);
});

test("documents of later versions are stored as the format says", async () => {
  const First = collection("users", z.object({ name: z.string(), age: z.number() }));
  const schema = z.object({ name: z.string(), age: z.number() });
  const same = (old: { name: string; age: number }) => old;
  let Latest = First.evolve(schema, same);
  for (const [version, value] of [
    [1, "40a341646124"],
    [2, "c10240a341646124"],
    [300, "c1812c40a341646124"],
  ] as const) {
    for (let last = Latest.definition.past.length + 1; last < version; last++) {
      Latest = Latest.evolve(schema, same);
    }
    const database = new TestDatabase();
    const store = await database.store(version === 1 ? First : Latest);
    const stored = await store.insert({ id: "ada", name: "Ada", age: 36 });
    const rows = await rowsOf(database.engine);
    expect(rows.get("010011616461")).toBe(value);
    expect(rows.get("00637573657273")!.slice(0, 2)).toBe(version === 1 ? "01" : "02");
    expect(await store.get("ada")).toEqual(stored);
  }
});
