/** A real process, real files, and kill -9 in the middle of work. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { TINY, entriesOf } from "../support.ts";

const childPath = fileURLToPath(new URL("kill-child.ts", import.meta.url));

/** Lets the child commit until it has acknowledged `count`, kills it, and gives the numbers that it acknowledged. */
function acknowledgedUntilKilled(path: string, count: number): Promise<ReadonlySet<number>> {
  const child = spawn(process.execPath, ["--import", "tsx", childPath, path]);
  let text = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString("utf8");
    if (text.split("\n").length > count) child.kill("SIGKILL");
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString("utf8");
  });
  return new Promise((resolve, reject) => {
    child.on("exit", () => {
      // The last line may be cut short.
      const lines = text.split("\n").slice(0, -1);
      if (lines.length < count) reject(new Error(errors));
      else resolve(new Set(lines.map(Number)));
    });
  });
}

test("after kill -9 the lock is free and every acknowledged commit is there, twice in a row", async () => {
  await using folder = await temporaryFolder();
  for (const count of [40, 150]) {
    const acknowledged = await acknowledgedUntilKilled(folder.path, count);
    const engine = await openLsmEngine({ path: folder.path, ...TINY });
    const rows = new Map(await entriesOf(engine.snapshot()));
    for (const number of acknowledged) {
      expect(rows.has(`k${String(number).padStart(6, "0")}`)).toBe(true);
    }
    expect(await engine.verify()).toEqual([]);
    await engine.close();
  }
}, 60_000);
