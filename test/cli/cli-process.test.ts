/** The command as a real process: exit codes, a reader that goes away, a folder that another process holds. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { nodeHost, openLsmEngine } from "kotobadb/engine";
import { makeDatabase } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "kotoba-cli-"));
const path = join(folder, "data");
const built = join(folder, "package");
const main = join(built, "dist/cli/main.js");

interface Ran {
  readonly exit: number | null;
  readonly out: string;
  readonly err: string;
}

function kotoba(...args: readonly string[]): Ran {
  return kotobaOf("", ...args);
}

/** With this text on the standard input. */
function kotobaOf(input: string, ...args: readonly string[]): Ran {
  const { status, stderr, stdout } = spawnSync(process.execPath, [main, ...args], {
    encoding: "utf8",
    input,
  });
  return { exit: status, out: stdout, err: stderr };
}

beforeAll(async () => {
  await makeDatabase(nodeHost(), path);
  // Built as it is published, beside what it needs of the repository.
  execFileSync("node_modules/.bin/tsx", ["esbuild.config.ts", join(built, "dist")]);
  execFileSync("cp", ["package.json", built]);
  execFileSync("ln", ["-s", join(process.cwd(), "node_modules"), join(built, "node_modules")]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the built program names its version, and package.json points to it", () => {
  const { bin, version } = JSON.parse(readFileSync("package.json", "utf8")) as {
    readonly bin: Readonly<Record<string, string>>;
    readonly version: string;
  };
  expect(bin).toEqual({ kotoba: "./dist/cli/main.js" });
  expect(readFileSync(main, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
  expect(kotoba("--version")).toEqual({ exit: 0, out: `${version}\n`, err: "" });
});

test("results go to the standard output, errors to the standard error, and the code tells them apart", () => {
  const before = readdirSync(path);
  expect(kotoba("get", path, "cities", "oslo")).toMatchObject({ exit: 0, err: "" });
  expect(kotoba("verify", path)).toMatchObject({ exit: 0, err: "" });
  expect(kotoba("get", path, "cities", "paris")).toMatchObject({ exit: 5, out: "" });
  expect(kotoba("stats", join(folder, "nowhere"))).toMatchObject({ exit: 5, out: "" });
  expect(kotoba("stats")).toMatchObject({ exit: 2, out: "" });
  expect(kotoba("dump", "wal", path).out).toMatch(/commit \d+/);
  expect(readdirSync(path)).toEqual(before);
  expect(existsSync(join(folder, "nowhere"))).toBe(false);
});

test("what export prints goes through a pipe into import, which ends when the text does", () => {
  const copy = join(folder, "piped");
  expect(kotoba("checkpoint", path, copy)).toMatchObject({ exit: 0 });
  const { out } = kotoba("export", path, "cities");
  const line = ["import", copy, "cities", "-", "--on-existing", "replace"];
  expect(kotobaOf(out, ...line)).toMatchObject({
    exit: 0,
    out: expect.stringMatching(/^cities: 0 imported, 3 replaced/),
  });
  expect(kotobaOf(`${out}{"id":`, ...line)).toMatchObject({
    exit: 1,
    err: expect.stringContaining("line 4: it is no JSON"),
  });
});

test("check and migrate load the module of a program as Node does", () => {
  const copy = join(folder, "migrated");
  expect(kotoba("checkpoint", path, copy)).toMatchObject({ exit: 0 });
  const module = join(folder, "definitions.mjs");
  const library = pathToFileURL(join(process.cwd(), "node_modules/zod/index.js")).href;
  writeFileSync(
    module,
    `import { collection } from "${pathToFileURL(join(built, "dist/index.js")).href}";
     import { z } from "${library}";
     export const Roads = collection("roads", z.object({ from: z.string(), to: z.string() }))
       .evolve(z.object({ ends: z.array(z.string()).length(2) }), ({ from, to }) => ({ ends: [from, to] }));`,
  );
  expect(kotoba("check", copy, module)).toMatchObject({ exit: 0, err: "" });
  expect(kotoba("check", copy, module).out).toContain(
    "roads   step 1 to 2: 2 documents to upgrade",
  );
  expect(kotoba("migrate", copy, module)).toMatchObject({ exit: 0, err: "" });
  expect(kotoba("get", copy, "roads", "e16", "--json").out).toBe(
    '{"id":"e16","ends":["oslo","bergen"]}\n',
  );
  expect(kotoba("check", copy, join(folder, "nowhere.mjs"))).toMatchObject({ exit: 2, out: "" });
});

test("a checkpoint can be read, compacted and verified", () => {
  const copy = join(folder, "copy");
  expect(kotoba("checkpoint", path, copy)).toMatchObject({ exit: 0 });
  expect(kotoba("compact", copy)).toMatchObject({ exit: 0, err: "" });
  expect(kotoba("verify", copy)).toMatchObject({ exit: 0 });
  expect(kotoba("scan", copy, "--json").out).toBe(kotoba("scan", path, "--json").out);
});

test("while another process has the database open, it ends with 3 and says who", async () => {
  const engine = await openLsmEngine({ path });
  try {
    const { err, exit } = kotoba("stats", path);
    expect(exit).toBe(3);
    expect(err).toContain(`process ${process.pid} on `);
  } finally {
    await engine.close();
  }
});

test("a reader that goes away ends the program quietly", async () => {
  const large = join(folder, "large");
  const engine = await openLsmEngine({ path: large });
  const value = new Uint8Array(200);
  for (let batch = 0; batch < 20; batch++) {
    const ops = Array.from({ length: 1_000 }, (_, i) => ({
      op: "put" as const,
      key: new TextEncoder().encode(`${batch}/${i}`),
      value,
    }));
    await engine.write({ ops, requires: [] });
  }
  await engine.close();
  const child = spawn(process.execPath, [main, "scan", large, "--json"]);
  let err = "";
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString("utf8")));
  child.stdout.once("data", () => child.stdout.destroy());
  const exit = await new Promise((resolved) => child.once("close", resolved));
  expect([exit, err]).toEqual([0, ""]);
  const shell = spawnSync(
    "sh",
    ["-c", `"${process.execPath}" "${main}" scan "${large}" | head -n 2`],
    {
      encoding: "utf8",
    },
  );
  expect(shell.stdout.trimEnd().split("\n")).toHaveLength(2);
  expect(shell.stderr).toBe("");
});

test("a folder that may not be written to can be looked into", () => {
  chmodSync(path, 0o555);
  try {
    expect(kotoba("collections", path)).toMatchObject({ exit: 0, err: "" });
    expect(kotoba("verify", path)).toMatchObject({ exit: 0, err: "" });
  } finally {
    chmodSync(path, 0o755);
  }
});
