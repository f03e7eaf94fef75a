/** kotoba postgres init: what it prints, makes, gives and refuses. */
import { collection, open } from "kotobadb";
import { nodeHost } from "../../src/engine/lsm/host/index.ts";
import { postgres } from "kotobadb/postgres";
import { SimulatedHost } from "kotobadb/testing";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { skipReason } from "../support/postgres/shared-server.ts";
import { startServer } from "../support/postgres/start-server.ts";
import type { TestServer } from "../support/postgres/start-server.ts";
import { kotoba } from "./support.ts";
import type { Ran } from "./support.ts";

const Notes = collection("notes", z.object({ text: z.string() }), {
  indexes: { byText: ["text"] },
});

const run = (line: string): Promise<Ran> => kotoba(new SimulatedHost(), `postgres ${line}`);

test("--print prints the statements, and asks no server", async () => {
  const url = "postgres://nobody@127.0.0.1:9/none";
  const { err, exit, out } = await run(
    `init ${url} --table app.notes --change-log --role app --print`,
  );
  expect([exit, err]).toEqual([0, ""]);
  await expect(out).toMatchFileSnapshot("./golden/postgres-init-print.golden.txt");
  const { statements } = JSON.parse((await run(`init ${url} --print --json`)).out) as {
    readonly statements: readonly string[];
  };
  expect(statements.some((one) => one.startsWith("grant"))).toBe(false);
});

test("what is not given right is wrong usage", async () => {
  for (const line of [
    "drop postgres://app@localhost/app",
    "init mysql://app@localhost/app",
    "init postgres://app@localhost/app --print --table Notes",
  ])
    expect(await run(line)).toMatchObject({ exit: 2, out: "" });
});

test("a server that is out of reach is said to be", async () => {
  const { err, exit, out } = await run("init postgres://nobody@127.0.0.1:9/none");
  expect([exit, out]).toEqual([6, ""]);
  expect(err).toContain("The storage cannot be reached now.");
});

describe.skipIf(skipReason !== undefined)("on a server as it is installed", () => {
  let server: TestServer;
  let admin: pg.Client;
  beforeAll(async () => {
    server = await startServer({
      tcp: true,
      passwords: true,
      settings: {
        max_pred_locks_per_transaction: "64",
        max_pred_locks_per_relation: "-2",
        max_pred_locks_per_page: "2",
      },
    });
    admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    await admin.query("create role app login password 'correct horse'");
    await admin.query("create schema shop");
  });
  afterAll(async () => {
    await admin.end();
    await server.stop();
  });

  const urlOfApp = (): string => {
    const url = new URL(server.tcpUrl!);
    [url.username, url.password] = ["app", "correct horse"];
    return url.href;
  };
  const init = async (options: string): Promise<Ran> => {
    const ran = await run(`init ${server.url} ${options}`);
    return { ...ran, out: ran.out.replace(/PostgreSQL \S+/, "PostgreSQL N") };
  };

  test("it makes the table for a role that may not, says what it did, and does it once", async () => {
    const first = await init("--table shop.notes --change-log --role app");
    expect([first.exit, first.err]).toEqual([0, ""]);
    await expect(first.out).toMatchFileSnapshot("./golden/postgres-init.golden.txt");
    const again = await init("--table shop.notes --role app");
    expect(again.out).toContain("shop.notes: was there, format 1\n");
    expect(again.out).toContain("shop.notes_log: was there\n");

    const engine = postgres({
      url: urlOfApp(),
      table: "shop.notes",
      makeTable: false,
      changeLog: true,
      // Of the few locks of this server.
      host: { ...nodeHost(), warn: () => undefined },
    });
    await using db = await open({ engine }, { collections: { notes: Notes } });
    const alone = await engine.begin({ exclusive: true });
    alone.abort();
    await db.notes.load([{ text: "a" }, { text: "b" }]);
    const { id } = await db.notes.insert({ text: "c" });
    await db.notes.delete(id);
    expect(await db.notes.count()).toBe(2);
    await admin.query("set role app");
    const emptied = admin.query("truncate shop.notes");
    await expect(emptied).rejects.toMatchObject({ code: "42501" });
    await admin.query("reset role");
  });

  test("as JSON it says the same", async () => {
    const { exit, out } = await run(`init ${server.url} --table plain --json`);
    expect(exit).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      table: "made",
      format: 1,
      changeLog: "none",
      role: null,
      advice: [
        { setting: "max_pred_locks_per_transaction", found: "64", advised: "2048" },
        {},
        {},
        {},
        {},
        {},
      ],
    });
  });

  test("a table of another version, or of somebody else, is refused and left as it is", async () => {
    expect((await init("--table versions")).exit).toBe(0);
    for (const [comment, exit, says] of [
      ["KotobaDB, format 2: ordered rows", 7, "written by a newer version"],
      ["KotobaDB, format 0: ordered rows", 6, "written by an older version"],
      ["what we have sold", 6, "not of KotobaDB"],
      ["", 6, "not of KotobaDB"],
    ] as const) {
      await admin.query(`comment on table versions is '${comment}'`);
      const ran = await init("--table versions --change-log --role app");
      expect([ran.exit, ran.out]).toEqual([exit, ""]);
      expect(ran.err).toContain(says);
      const engine = postgres({ url: server.url, table: "versions" });
      await expect(open({ engine }, { collections: { notes: Notes } })).rejects.toMatchObject({
        _tag: "StorageError",
        code:
          exit === 7
            ? "FormatTooNew"
            : comment.startsWith("Kotoba")
              ? "FormatTooOld"
              : "NotSupported",
      });
      await engine.close();
    }
    const { rows } = await admin.query(
      "select to_regclass('versions_log') is null as unlogged, has_table_privilege('app', 'versions', 'select') as may",
    );
    expect(rows).toEqual([{ unlogged: true, may: false }]);
  });

  test("a role that may not, and one that is not there, are named", async () => {
    const stranger = await run(`init ${urlOfApp()} --table mine`);
    expect([stranger.exit, stranger.err]).toEqual([
      6,
      expect.stringContaining("permission denied"),
    ]);
    const nobody = await init("--table mine --role nobody-here");
    expect([nobody.exit, nobody.err]).toEqual([6, expect.stringContaining("nobody-here")]);
    const { rows } = await admin.query("select to_regclass('mine') is null as undone");
    expect(rows).toEqual([{ undone: true }]);
  });
});
