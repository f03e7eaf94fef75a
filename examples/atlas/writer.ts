/** The process that is killed: writes pairs of notes, each pair in one transaction, and says what was acknowledged. */
import { writeSync } from "node:fs";
import { openAtlas } from "./open-atlas.ts";

const folder = process.argv[2];
const round = Number(process.argv[3]);
if (folder === undefined) throw new Error("which folder?");
const atlas = await openAtlas(folder);
say("open");
for (let first = 0; ; first += 16) {
  const pairs = Array.from({ length: 16 }, (_, at) => first + at);
  await Promise.all(
    pairs.map(async (n) => {
      await atlas.transaction(async (tx) => {
        await tx.notes.insert({ round, n, half: "left" });
        await tx.notes.insert({ round, n, half: "right" });
      });
      say(String(n));
    }),
  );
}

/** At once: what has been said counts, also when the process is killed right after. */
function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, `${line}\n`);
      return;
    } catch (error) {
      // The pipe is full until the other process comes to read it.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
}
