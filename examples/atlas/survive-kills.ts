/** Another process writes into the atlas and is killed with SIGKILL in the middle; what it acknowledged must be there. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { DatabaseLocked } from "kotobadb";
import { worldCities } from "./city.ts";
import { openAtlas } from "./open-atlas.ts";
import { check, millis, number, say } from "./say.ts";

const writer = fileURLToPath(new URL("./writer.ts", import.meta.url));

export async function surviveKills(folder: string, rounds: number): Promise<void> {
  for (let round = 1; round <= rounds; round++) {
    const acknowledged = await writeAndKill(folder, round, 60 + 90 * round);
    const started = performance.now();
    await using atlas = await openAtlas(folder);
    const opened = millis(started);
    const notes = await atlas.notes.where({ round }).orderBy("n").all();
    const halves = new Map<number, number>();
    for (const note of notes) halves.set(note.n, (halves.get(note.n) ?? 0) + 1);
    say(
      `Kill ${round}: ${number(acknowledged.length)} transactions were acknowledged; open again after ${opened} with ${number(halves.size)}.`,
    );
    check(
      "every acknowledged one is there, and none is half there",
      acknowledged.length > 0 &&
        acknowledged.every((n) => halves.has(n)) &&
        [...halves.values()].every((count) => count === 2),
    );
    check("the cities are there", (await atlas.cities.count()) === worldCities.length);
    if (round === rounds)
      check("every checksum, index entry and count is right", (await atlas.verify()).ok);
  }
}

/** The numbers that the writer had acknowledged when it was killed. */
async function writeAndKill(
  folder: string,
  round: number,
  afterMillis: number,
): Promise<readonly number[]> {
  const child = spawn(process.execPath, [...process.execArgv, writer, folder, String(round)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  let hasBegun = (): void => undefined;
  const begins = new Promise<void>((resolve) => {
    hasBegun = resolve;
  });
  const isOpen = new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (text: Buffer) => {
      output += text.toString();
      if (output.includes("\n")) resolve();
      if (/\n\d+\n/.test(output)) hasBegun();
    });
    child.once("exit", () => reject(new Error("the writer ended before it had opened the atlas")));
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  await isOpen;
  if (round === 1) await meetTheLock(folder);
  // However slow the machine is today, something is acknowledged before the kill.
  await Promise.race([begins, ended]);
  await new Promise((resolve) => setTimeout(resolve, afterMillis));
  child.kill("SIGKILL");
  await ended;
  // The last line may be cut by the kill: only whole lines were said.
  return output.split("\n").slice(1, -1).map(Number);
}

async function meetTheLock(folder: string): Promise<void> {
  const refusal = await openAtlas(folder).then(
    () => undefined,
    (error: unknown) => error,
  );
  check(
    `a second process is refused: ${refusal instanceof DatabaseLocked ? refusal.holder : String(refusal)} has it`,
    refusal instanceof DatabaseLocked,
  );
}
