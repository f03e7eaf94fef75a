import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** What a directory takes on the disk: blocks, since files may have holes. */
export function bytesOnDisk(directory: string): number {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => statSync(join(directory, name)))
    .reduce((sum, stat) => sum + (stat.isFile() ? stat.blocks * 512 : 0), 0);
}
