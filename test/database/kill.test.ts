/**
 * A process that writes is killed with SIGKILL at random moments, again and again on the same folder. No acknowledged
 * transaction may be missing, none may be half there, and indexes and documents must agree.
 *
 * KOTOBA_ROUNDS=100 npx vitest --run test/database/kill.test.ts   repeats it as often as you like.
 */
import { spawn } from "node:child_process";
import { open } from "kotobadb";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { openKillEngine, pairs } from "./kill-store.ts";

const rounds = Number(process.env["KOTOBA_ROUNDS"] ?? 8);

async function writeAndKill(path: string, round: number, afterMillis: number): Promise<number[]> {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "test/database/kill-writer.ts", path, String(round)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let output = "";
  const ended = new Promise<string>((resolve) => {
    child.once("close", (code, signal) => resolve(signal ?? `exit ${code}`));
  });
  child.stdout.on("data", (text: Buffer) => {
    if (output === "") setTimeout(() => child.kill("SIGKILL"), afterMillis);
    output += text.toString();
  });
  expect(await ended).toBe("SIGKILL");
  return output.split("\n").slice(1, -1).map(Number);
}

test(
  `${rounds} kills in the middle of writing lose nothing that was acknowledged`,
  { timeout: 20_000 * rounds },
  async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/db`;
    let acknowledgedInAll = 0;
    for (let round = 1; round <= rounds; round++) {
      const afterMillis = Math.floor(Math.random() * 400);
      const acknowledged = await writeAndKill(path, round, afterMillis);
      acknowledgedInAll += acknowledged.length;
      await using db = await open(
        { engine: await openKillEngine(path) },
        { collections: { pairs } },
      );
      const found = new Map<number, string[]>();
      for (const pair of await db.pairs.where({ round }).all())
        found.set(pair.n, [...(found.get(pair.n) ?? []), pair.side]);
      const where = `round ${round}, killed after ${afterMillis} ms`;
      const halves = [...found].filter(([, sides]) => sides.toSorted().join() !== "left,right");
      expect(halves, where).toEqual([]);
      // The transaction of pair n + 100 deletes pair n: so of each such chain, the last one that committed is there.
      const last = Math.max(0, ...found.keys());
      const present = (n: number): boolean => n <= last && (found.has(n) || present(n + 100));
      expect(
        acknowledged.filter((n) => !present(n)),
        where,
      ).toEqual([]);
      expect(await db.verify(), where).toEqual({ ok: true, problems: [] });
    }
    expect(acknowledgedInAll).toBeGreaterThan(rounds * 10);
  },
);
