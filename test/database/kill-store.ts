/** The store that is killed: small memtables and levels, so that flushes and compactions happen all the time. */
import { collection } from "kotobadb";
import { openLsmEngine } from "kotobadb/engine";
import type { StorageEngine } from "kotobadb/engine";
import { z } from "zod";

export const pairs = collection(
  "pairs",
  z.object({
    round: z.number(),
    n: z.number(),
    side: z.enum(["left", "right"]),
    text: z.string(),
    other: z.string().optional(),
  }),
  {
    indexes: {
      byRound: ["round", "n"],
      once: { on: ["round", "n", "side"], unique: true },
    },
  },
);

export function openKillEngine(path: string): Promise<StorageEngine> {
  return openLsmEngine({ path, flushBytesMax: 64 * 1024 });
}
