/** kotoba copy: to a folder, to an engine behind a URL and back, and what it says where it cannot. */
import { collection, open } from "kotobadb";
import { MemoryEngine, openLsmEngine } from "kotobadb/engine";
import type { StorageEngine } from "kotobadb/engine";
import type { SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import type { UrlEngines } from "../../src/cli/index.ts";
import { kotoba, memoryDatabase, writeText } from "./support.ts";

const Roads = collection("roads", z.object({ from: z.string(), to: z.string() }), {
  indexes: { byFrom: ["from"] },
});

/** Databases behind URLs, which outlive the command that opens them. */
function servers(limits: "local" | "portable" = "local"): {
  readonly engines: UrlEngines;
  readonly opened: string[];
  readonly engine: MemoryEngine;
} {
  const engine = new MemoryEngine({ limits });
  const opened: string[] = [];
  const kept: StorageEngine = new Proxy(engine, {
    get: (target, name) => {
      if (name === "close") return async () => undefined;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
  const engines: UrlEngines = {
    test: async (url, { readOnly }) => {
      opened.push(`${url} ${readOnly ? "to read" : "to write"}`);
      return kept;
    },
  };
  return { engines, opened, engine };
}

async function dumpOf(host: SimulatedHost, path: string): Promise<string> {
  return (await kotoba(host, `scan ${path} --json`)).out;
}

test("a database comes to another folder, and is one there", async () => {
  const host = await memoryDatabase();
  const files = host.files.list("/data");
  const { err, exit, out } = await kotoba(host, "copy /data /new/copy");
  expect([exit, err]).toEqual([0, ""]);
  expect(out).toMatch(
    /^\/new\/copy: 18 rows, 1\.1 KiB, checksum [0-9a-f]{32}, copied and verified\n$/,
  );
  expect(await dumpOf(host, "/new/copy")).toBe(await dumpOf(host, "/data"));
  expect(host.files.list("/data")).toEqual(files);
  expect(await kotoba(host, "verify /new/copy")).toMatchObject({ exit: 0 });
  expect((await kotoba(host, "get /new/copy cities kyoto")).out).toContain('"Kyoto"');
});

test("a database goes to an engine behind a URL and comes back, and its program goes on with it", async () => {
  const host = await memoryDatabase();
  const { engine, engines, opened } = servers();
  const there = await kotoba(host, "copy /data test://me:secret@server/db --json", [], engines);
  expect([there.exit, there.err]).toEqual([0, ""]);
  const figures = JSON.parse(there.out) as { readonly rows: number; readonly checksum: string };
  expect(figures).toMatchObject({ rowsResumed: 0, beganAnew: false });
  expect(figures.rows).toBe((await dumpOf(host, "/data")).trimEnd().split("\n").length);
  const back = await kotoba(host, "copy test://server/db /back --json", [], engines);
  expect(back).toEqual(there);
  expect(opened).toEqual(["test://me:secret@server/db to write", "test://server/db to read"]);
  expect(await dumpOf(host, "/back")).toBe(await dumpOf(host, "/data"));
  await using db = await open({ engine }, { collections: { roads: Roads } });
  await db.roads.insert({ from: "kyoto", to: "oslo" });
  expect(await db.roads.where({ from: "oslo" }).count()).toBe(2);
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
});

test("what a URL says of users and passwords is not printed", async () => {
  const host = await memoryDatabase();
  const { engines } = servers();
  const { out } = await kotoba(host, "copy /data test://me:secret@server/db", [], engines);
  expect(out).toMatch(/^test:\/\/server\/db: /);
  const again = await kotoba(host, "copy /data test://me:secret@server/db", [], engines);
  expect(again.exit).toBe(2);
  expect(out + again.out + again.err).not.toContain("secret");
});

test("a scheme that no engine of this build has ends with 2 and says so, before anything is opened", async () => {
  const host = await memoryDatabase();
  for (const line of ["copy /data mysql://server/db", "copy mysql://server/db /new"]) {
    const { err, exit } = await kotoba(host, line);
    expect([line, exit]).toEqual([line, 2]);
    expect(err).toContain("This build of KotobaDB has no engine for such a URL.\n");
    expect(err).toContain("scheme: mysql\n  known: folders, postgres://…, postgresql://…\n");
  }
  expect(host.files.exists("/new")).toBe(false);
});

test("a target that holds rows, or files of others, ends with 2 and stays as it is", async () => {
  const host = await memoryDatabase();
  await kotoba(host, "copy /data /full");
  host.files.makeDirectory("/letters");
  writeText(host, "/letters/to-ada.txt", "Dear Ada");
  const { changes } = host;
  const full = await kotoba(host, "copy /data /full");
  expect([full.exit, full.out]).toEqual([2, ""]);
  expect(full.err).toContain("The target of the copy is not empty.\n");
  const letters = await kotoba(host, "copy /data /letters");
  expect([letters.exit, letters.out]).toEqual([2, ""]);
  expect(letters.err).toContain("found: to-ada.txt");
  expect(await kotoba(host, "copy /data /data")).toMatchObject({ exit: 2 });
  expect(host.changes).toBe(changes);
});

test("an interrupted copy goes on; until then no command takes it for a database, and --verify-only tells", async () => {
  const host = await memoryDatabase();
  const whole = await dumpOf(host, "/data");
  const disks: SimulatedHost[] = [];
  host.onCall = ({ change, path }) => {
    if (change !== undefined && path.startsWith("/copy"))
      disks.push(host.afterPowerCut("kept", change));
  };
  await kotoba(host, "copy /data /copy");
  host.onCall = undefined;
  expect(disks.length).toBeGreaterThan(10);
  let unfinished = 0;
  let resumed = 0;
  for (const disk of disks) {
    const shown = await kotoba(disk, "collections /copy");
    if (shown.err.includes("The database is a copy that has not come to its end.")) {
      unfinished++;
      for (const line of ["collections", "verify", "scan /copy cities", "import /copy cities -"]) {
        const words = line.includes("/copy") ? line : `${line} /copy`;
        expect([line, (await kotoba(disk, words)).exit]).toEqual([line, 1]);
      }
      const compared = await kotoba(disk, "copy /data /copy --verify-only");
      expect(compared.exit).toBe(1);
      expect(compared.out).toContain("/copy: a copy that has not come to its end\n");
    }
    const { err, exit, out } = await kotoba(disk, "copy /data /copy");
    if (exit !== 2) {
      expect([exit, err]).toEqual([0, ""]);
      if (out.startsWith("went on behind ")) resumed++;
    } else expect(err).toContain("The target of the copy is not empty.");
    expect(await dumpOf(disk, "/copy")).toBe(whole);
  }
  expect(unfinished).toBeGreaterThan(3);
  expect(resumed).toBeGreaterThan(0);
}, 60_000);

test("--verify-only compares two places, changes neither, and names the first key that differs", async () => {
  const host = await memoryDatabase();
  await kotoba(host, "copy /data /copy");
  const same = await kotoba(host, "copy /data /copy --verify-only");
  expect([same.exit, same.err]).toEqual([0, ""]);
  expect(same.out).toMatch(/^the same: 18 rows, 1\.1 KiB, checksum [0-9a-f]{32}\n$/);
  const engine = await openLsmEngine({ path: "/copy", host });
  await engine.write({
    ops: [
      { op: "put", key: Uint8Array.of(0x00, 0x6e), value: Uint8Array.of(9) },
      { op: "put", key: Uint8Array.of(0xee), value: Uint8Array.of(9) },
    ],
    requires: [],
  });
  await engine.close();
  const { changes } = host;
  const other = await kotoba(host, "copy /data /copy --verify-only");
  expect([other.exit, other.err]).toEqual([1, ""]);
  expect(other.out).toMatch(
    /^2 keys differ, the first: 006e has another value\n\/data: \d+ rows, .*\n\/copy: \d+ rows, .*\n$/,
  );
  const json = await kotoba(host, "copy /data /copy --verify-only --json");
  expect([json.exit, JSON.parse(json.out)]).toMatchObject([
    1,
    { ok: false, differences: 2, first: { key: "006e", what: "value" }, isUnfinished: false },
  ]);
  expect(await kotoba(host, "copy /data /nowhere --verify-only")).toMatchObject({ exit: 5 });
  expect(host.changes).toBe(changes);
});

test("a row that the other engine cannot hold ends with 1 and is named, and nothing is written there", async () => {
  const host = await memoryDatabase();
  const writer = await openLsmEngine({ path: "/data", host });
  const key = new Uint8Array(1_025).fill(0x7f);
  await writer.write({ ops: [{ op: "put", key, value: key }], requires: [] });
  await writer.close();
  const { engine, engines } = servers("portable");
  const { err, exit } = await kotoba(host, "copy /data test://server/db", [], engines);
  expect(exit).toBe(1);
  expect(err).toContain("A key is larger than the engine's limit.\n");
  expect(err).toContain("bytesMax: 1024\n  target: memory\n");
  expect(engine.stats()["rows"]).toBe(0);
});

test("a source that is not there ends with 5, one that is open with 3, a damaged one with 4; no target is made of the first two", async () => {
  const host = await memoryDatabase();
  expect(await kotoba(host, "copy /nowhere /copy")).toMatchObject({ exit: 5 });
  const engine = await openLsmEngine({ path: "/data", host });
  expect(await kotoba(host, "copy /data /copy")).toMatchObject({ exit: 3 });
  await engine.close();
  expect(host.files.exists("/copy")).toBe(false);
  const table = host.paths().find((path) => path.endsWith(".sst"))!;
  const content = host.contentOf(table);
  content[20]! ^= 1;
  host.damage(table, content);
  const { err, exit, out } = await kotoba(host, "copy /data /copy");
  expect([exit, out]).toEqual([4, ""]);
  expect(err).toContain(`file: ${table}`);
});
