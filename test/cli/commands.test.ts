/** Every command against a database that is the same each time: what it prints, and how it ends. */
import { expect, test } from "vitest";
import { openLsmEngine } from "kotobadb/engine";
import { kotoba, memoryDatabase } from "./support.ts";

const golden = (name: string): string => `./golden/${name}.golden.txt`;

for (const line of [
  "stats /data",
  "verify /data",
  "collections /data",
  "get /data cities oslo",
  "get /data cities kyoto --json",
  "scan /data cities",
  "scan /data cities --reverse --limit 2 --json",
  "scan /data --prefix 00",
  "get /data --key 006e",
]) {
  test(`kotoba ${line} prints its golden text, and changes nothing`, async () => {
    const host = await memoryDatabase();
    const { changes } = host;
    const { err, exit, out } = await kotoba(host, line);
    expect([exit, err]).toEqual([0, ""]);
    await expect(out).toMatchFileSnapshot(golden(line.replaceAll(/[^a-z0-9]+/g, "-")));
    expect(host.changes).toBe(changes);
  });
}

test("with --json every command prints objects, one a line", async () => {
  const host = await memoryDatabase();
  const table = host.paths().find((path) => path.endsWith(".sst"))!;
  for (const line of [
    "stats /data",
    "verify /data",
    "collections /data",
    "get /data cities oslo",
    "get /data --key 006e",
    "scan /data cities",
    "scan /data",
    "dump wal /data",
    "dump sst /data",
    `dump sst ${table}`,
    "dump manifest /data",
    "checkpoint /data /copy",
    "compact /data",
  ]) {
    const { err, exit, out } = await kotoba(host, `${line} --json`);
    expect([line, exit, err]).toEqual([line, 0, ""]);
    const values = out
      .trimEnd()
      .split("\n")
      .map((one) => JSON.parse(one) as unknown);
    expect(values.length).toBeGreaterThan(0);
    expect(values.every((value) => typeof value === "object" && value !== null)).toBe(true);
  }
});

test("documents that were deleted are not shown, and those in the log alone are", async () => {
  const host = await memoryDatabase();
  const { out } = await kotoba(host, "collections /data --json");
  expect(JSON.parse(out)).toEqual({
    collections: [
      {
        name: "cities",
        number: 1,
        version: 1,
        state: "ready",
        documents: 3,
        indexes: [
          { name: "byName", state: "ready", entries: 3 },
          { name: "byPlace", state: "ready", entries: 3 },
        ],
      },
      { name: "roads", number: 2, version: 1, state: "ready", documents: 2, indexes: [] },
    ],
  });
  expect((await kotoba(host, "get /data roads e18")).out).toContain('"to": "kyoto"');
  expect(await kotoba(host, "get /data cities lima")).toMatchObject({ exit: 5 });
});

test("raw rows of a scan are those that get gives by their keys", async () => {
  const host = await memoryDatabase();
  const { out } = await kotoba(host, "scan /data --json");
  const rows = out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { key: string; value: string });
  expect(rows.length).toBeGreaterThan(10);
  for (const { key, value } of rows) {
    expect((await kotoba(host, `get /data --key ${key}`)).out).toBe(`${value}\n`);
  }
  const back = await kotoba(host, "scan /data --json --reverse");
  expect(back.out.trimEnd().split("\n").toReversed().join("\n")).toBe(out.trimEnd());
});

test("compact leaves one sorted run with the same documents; a range compacts what it touches", async () => {
  const host = await memoryDatabase();
  const before = await kotoba(host, "scan /data --json");
  expect((await kotoba(host, "compact /data --start ff")).exit).toBe(0);
  const { exit, out } = await kotoba(host, "compact /data --json");
  expect(exit).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ tables: 1 });
  expect(await kotoba(host, "scan /data --json")).toEqual(before);
});

test("a checkpoint shows what its source shows, and the source's files stay as they are", async () => {
  const host = await memoryDatabase();
  const before = host.files.list("/data");
  const { exit, out } = await kotoba(host, "checkpoint /data /copy");
  expect([exit, out]).toEqual([0, expect.stringMatching(/^\/copy: 2 tables linked, 1 log copied/)]);
  expect(host.files.list("/data")).toEqual(before);
  const rows = await kotoba(host, "scan /copy --json");
  expect(rows).toEqual(await kotoba(host, "scan /data --json"));
  expect(await kotoba(host, "checkpoint /data /copy")).toMatchObject({
    exit: 2,
    err: expect.stringContaining("The folder is not empty.\n"),
  });
});

test("a database that is open elsewhere ends every command with 3 and names the holder", async () => {
  const host = await memoryDatabase();
  const engine = await openLsmEngine({ path: "/data", host });
  for (const line of ["stats", "verify", "compact", "collections", "scan", "dump wal"]) {
    const { err, exit, out } = await kotoba(host, `${line} /data`);
    expect([line, exit, out]).toEqual([line, 3, ""]);
    expect(err).toMatch(
      /^The database is open elsewhere\.\n {2}Close it there first.*\n {2}path: /,
    );
  }
  await engine.close();
});

test("a damaged table is a list of problems and 1 for verify, and 4 for what needs the damaged place", async () => {
  const host = await memoryDatabase();
  const table = host.paths().find((path) => path.endsWith(".sst"))!;
  const content = host.contentOf(table);
  content[20]! ^= 1;
  host.damage(table, content);
  const verified = await kotoba(host, "verify /data");
  expect(verified.exit).toBe(1);
  expect(verified.out).toContain(`${table} at `);
  expect(verified.out).toMatch(/^\d+ problems?: 2 tables, 1 log, [^,]* checked$/m);
  const json = JSON.parse((await kotoba(host, "verify /data --json")).out) as { ok: boolean };
  expect(json.ok).toBe(false);
  const scanned = await kotoba(host, "scan /data --json");
  expect(scanned.exit).toBe(4);
  expect(JSON.parse(scanned.err)).toMatchObject({
    error: { name: "CorruptionError", details: { file: table } },
  });
});

test("a folder that is not there, or holds no database, ends with 5 and is not made", async () => {
  const host = await memoryDatabase();
  host.files.makeDirectory("/empty");
  for (const path of ["/nowhere", "/empty"]) {
    for (const line of ["stats", "verify", "compact", "collections", "scan", "dump sst"]) {
      const { err, exit } = await kotoba(host, `${line} ${path}`);
      expect([line, path, exit]).toEqual([line, path, 5]);
      expect(err).toMatch(/^There is no database in the place that was named\./);
    }
  }
  expect(host.files.exists("/nowhere")).toBe(false);
  expect(host.files.list("/empty")).toEqual([]);
});

test("wrong arguments end with 2 and say what is wrong", async () => {
  const host = await memoryDatabase();
  for (const [line, words] of [
    ["", "Usage: kotoba"],
    ["frobnicate", "unknown command"],
    ["stats", "missing required argument"],
    ["stats /data --loud", "unknown option"],
    ["get /data", "Name a collection and an id, or a key"],
    ["get /data cities oslo --key 00", "Name a collection and an id, or a key"],
    ["get /data --key 0g", "hexadecimal"],
    ["get /data --key 0", "hexadecimal"],
    ["scan /data --limit many", "A limit is a number"],
    ["scan /data cities --prefix 00", "leave out the collection"],
    ["compact /data --start 02 --end 01", "A range ends behind its start."],
    ["dump log /data", "There are dumps of wal, sst and manifest."],
    ["dump wal /data/000001.sst", "The file is of another kind."],
  ] as const) {
    const { err, exit, out } = await kotoba(host, line);
    expect([line, exit]).toEqual([line, 2]);
    expect(err + out).toContain(words);
  }
});

test("what is not in the database ends with 5 and is named", async () => {
  const host = await memoryDatabase();
  for (const [line, words] of [
    ["get /data towns oslo", "collection: towns"],
    ["scan /data towns", "collection: towns"],
    ["get /data cities paris", "id: paris"],
    [`get /data cities ${"x".repeat(300)}`, "There is no such document."],
    ["get /data --key ff00", "key: ff00"],
  ] as const) {
    const { err, exit, out } = await kotoba(host, line);
    expect([line, exit, out]).toEqual([line, 5, ""]);
    expect(err).toContain(words);
  }
});

test("help lists every command and every exit code, and is no error", async () => {
  const host = await memoryDatabase();
  const help = await kotoba(host, "--help");
  expect(help.exit).toBe(0);
  await expect(help.out).toMatchFileSnapshot(golden("help"));
  expect(await kotoba(host, "--version")).toEqual({ exit: 0, out: "1.2.3\n", err: "" });
});

test("a failing disk ends with 6", async () => {
  const host = await memoryDatabase();
  host.onCall = ({ call, what }) => {
    if (what === "read") host.failAt(call, "EIO");
  };
  expect(await kotoba(host, "stats /data")).toMatchObject({
    exit: 6,
    err: expect.stringContaining("The storage below failed.\n"),
  });
});

test("with --json errors are JSON too, those of the parser as well", async () => {
  const host = await memoryDatabase();
  for (const [line, name] of [
    ["stats --json", "WrongUsage"],
    ["get /data --json", "WrongUsage"],
    ["stats /nowhere --json", "StorageError"],
    ["get /data towns oslo --json", "NothingThere"],
  ] as const) {
    const { err, out } = await kotoba(host, line);
    expect(out).toBe("");
    const { error } = JSON.parse(err) as { readonly error: Readonly<Record<string, unknown>> };
    expect(error["name"]).toBe(name);
    expect(error["sentence"]).not.toBe("");
  }
});

test("documents that cannot be read, and entries without a document, are problems though the files are sound", async () => {
  const host = await memoryDatabase();
  const { out } = await kotoba(host, "scan /data --prefix 0100 --json");
  const [first, second] = out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { readonly key: string });
  const writer = await openLsmEngine({ path: "/data", host });
  const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
  await writer.write({
    ops: [
      { op: "put", key: bytesOf(first!.key), value: Uint8Array.of(0xc1) },
      { op: "del", key: bytesOf(second!.key) },
    ],
    requires: [],
  });
  await writer.close();
  const verified = await kotoba(host, "verify /data");
  expect(verified.exit).toBe(1);
  expect(verified.out).toContain(`cities: document ${first!.key}: expected MessagePack`);
  expect(verified.out).toContain(`of "byName" refers to ${second!.key}, which is not there`);
  expect(verified.out).toContain(`of "byPlace" refers to ${second!.key}, which is not there`);
  expect(verified.out).toMatch(/^3 problems: /m);
});
