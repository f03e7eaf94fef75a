import { open } from "kotobadb";
import type { Db } from "kotobadb";
import { Cities, Notes } from "./city.ts";

const collections = { cities: Cities, notes: Notes };
export type Atlas = Db<typeof collections>;

export function openAtlas(folder: string): Promise<Atlas> {
  // One question reads every city on purpose, and shows what explain() says of that; it need not be told again.
  return open(folder, { collections, fullScan: "allow" });
}
