/**
 * The process that kill.test.ts kills. Writes without end and says on stdout, line by line, what was acknowledged:
 * pairs inserted in one transaction, and a counter that each transaction raises.
 */
import { writeSync } from "node:fs";
import { open } from "kotobadb";
import { openKillEngine, pairs } from "./kill-store.ts";

const [path, round] = [process.argv[2]!, Number(process.argv[3])];
await using db = await open({ engine: await openKillEngine(path) }, { collections: { pairs } });
writeSync(1, "open\n");
for (let first = 0; ; first += 8) {
  await Promise.all(
    Array.from({ length: 8 }, async (_, at) => {
      const n = first + at;
      await db.transaction(async (tx) => {
        const left = await tx.pairs.insert({ round, n, side: "left", text: "l".repeat(200) });
        await tx.pairs.insert({ round, n, side: "right", text: "r".repeat(200), other: left.id });
        if (n >= 100) {
          // The window moves: old pairs are deleted, so that tombstones and compactions are met as well.
          const old = await tx.pairs.where({ round, n: n - 100 }).all();
          for (const pair of old) await tx.pairs.delete(pair.id);
        }
      });
      writeSync(1, `${n}\n`);
    }),
  );
}
