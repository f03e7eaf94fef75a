/** A whole database as text, for people: what the manifest lists, and every log and table entry by entry. */
import { pathIn } from "./codec/index.ts";
import { nodeHost } from "./host/index.ts";
import type { Host } from "./host/index.ts";
import { dumpManifest } from "./manifest/index.ts";
import { listFiles } from "./recovery/index.ts";
import { dumpTable } from "./sstable/index.ts";
import { dumpWal } from "./wal/index.ts";

/** Takes the directory's lock while it reads, and changes nothing. Damage is a part of the text where it was found. */
export async function dumpDatabase(options: {
  readonly path: string;
  readonly host?: Host;
}): Promise<string> {
  const { host = nodeHost(), path } = options;
  const lock = await host.files.lock(path);
  try {
    const parts = [dumped("manifest", () => dumpManifest(host, path))];
    for (const { kind, name } of listFiles(host, path)) {
      if (kind === "manifest" || kind === "spare") continue;
      const dump = kind === "wal" ? dumpWal : dumpTable;
      parts.push(dumped(name, () => dump(host, pathIn(path, name))));
    }
    return parts.join("\n");
  } finally {
    await lock.release();
  }
}

function dumped(name: string, dump: () => string): string {
  try {
    return `# ${name}\n${dump()}`;
  } catch (error) {
    return `# ${name}\n${String(error)}`;
  }
}
