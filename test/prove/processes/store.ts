/** The store that is killed: collections with unique and array indexes, and memtables so small that tables are merged all the time. */
import { collection, open } from "kotobadb";
import type { Db } from "kotobadb";
import { openLsmEngine } from "kotobadb/engine";
import type { Durability, LsmEngine } from "kotobadb/engine";
import { z } from "zod";

const item = z.object({
  lane: z.number(),
  n: z.number(),
  email: z.string(),
  balance: z.number(),
  tags: z.array(z.string()),
  text: z.string(),
});
const byEmail = { on: ["email"], unique: true } as const;
const progress = collection("progress", z.object({ lane: z.number(), n: z.number() }), {
  indexes: { byLane: { on: ["lane"], unique: true } },
});
const totals = collection("totals", z.object({ name: z.string(), value: z.number() }), {
  indexes: { byName: { on: ["name"], unique: true } },
});

/** Two versions of one program: each opening of the other builds one index anew and drops another. */
const versionOne = {
  items: collection("items", item, { indexes: { byEmail, byTag: ["tags[]", "n"] } }),
  progress,
  totals,
};
const versionTwo = {
  items: collection("items", item, { indexes: { byEmail, byBalance: ["-balance", "lane"] } }),
  progress,
  totals,
};
export type Store = Db<typeof versionOne>;
export type StoreTx = Parameters<Parameters<Store["transaction"]>[0]>[0];

export interface StoreOptions {
  readonly path: string;
  readonly version: 1 | 2;
  readonly durability?: Durability;
  readonly changeLog?: boolean;
  /** Every flush and merge is a job of the background thread, where there is one. */
  readonly thread?: boolean;
}

export async function openStore(options: StoreOptions): Promise<{ db: Store; engine: LsmEngine }> {
  const { changeLog = false, durability = "durable", path, thread = false, version } = options;
  const engine = await openLsmEngine({
    path,
    durability,
    flushBytesMax: 8 * 1_024,
    l0TablesTrigger: 2,
    levelBaseBytes: 24 * 1_024,
    levelFanOut: 3,
    tableBytesTarget: 8 * 1_024,
    blockCacheBytesMax: 256 * 1_024,
    backgroundThread: thread ? "auto" : "off",
    backgroundThreadBytesMin: 0,
    ...(changeLog ? { changeLog: {} } : {}),
  });
  try {
    const collections = version === 1 ? versionOne : versionTwo;
    const db = (await open({ engine }, { collections, durability })) as Store;
    await db.ready();
    return { db, engine };
  } catch (error) {
    await engine.close();
    throw error;
  }
}
