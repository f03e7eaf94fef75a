import { open } from "kotobadb";
import type { Db } from "kotobadb";
import { Cities, Notes } from "./city.ts";

const collections = { cities: Cities, notes: Notes };
export type Atlas = Db<typeof collections>;

export function openAtlas(folder: string): Promise<Atlas> {
  return open(folder, { collections });
}
