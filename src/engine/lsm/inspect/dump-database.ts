/** A database or one of its files as text, for people: what the manifest lists, and every log and table entry by entry. */
import { StorageError } from "../../contract/index.ts";
import { parseFileName, pathIn } from "../codec/index.ts";
import { nodeHost } from "../host/index.ts";
import type { Host } from "../host/index.ts";
import { dumpManifest, dumpManifestFile } from "../manifest/index.ts";
import { listFiles } from "../recovery/index.ts";
import { dumpTable } from "../sstable/index.ts";
import { dumpWal } from "../wal/index.ts";

/** Takes the directory's lock while it reads, and changes nothing. Damage is a part of the text where it was found. */
export async function dumpDatabase(options: {
  readonly path: string;
  readonly host?: Host;
  /** Only the logs, the tables or the manifest. Default: all. */
  readonly only?: "wal" | "table" | "manifest";
}): Promise<string> {
  const { host = nodeHost(), only, path } = options;
  if (!host.files.exists(path)) throw new StorageError("NoDatabase", { path });
  const lock = await host.files.lock(path, { readOnly: true });
  try {
    const files = listFiles(host, path);
    if (files.length === 0) throw new StorageError("NoDatabase", { path });
    const parts: string[] = [];
    if (only === undefined || only === "manifest") {
      parts.push(dumped("manifest", () => dumpManifest(host, path)));
    }
    for (const { kind, name } of files) {
      if (kind === "manifest" || kind === "spare" || (only !== undefined && kind !== only))
        continue;
      const dump = kind === "wal" ? dumpWal : dumpTable;
      parts.push(dumped(name, () => dump(host, pathIn(path, name))));
    }
    return parts.join("\n");
  } finally {
    await lock.release();
  }
}

/**
 * One log, table or manifest as text, by the ending of its name. Takes no lock: for a file that was taken out of its database, or
 * one of a database that nobody has open.
 *
 * @throws StorageError 'NoDatabase' where the name is none that a database gives; CorruptionError for a damaged table.
 */
export function dumpFile(options: { readonly path: string; readonly host?: Host }): string {
  const { host = nodeHost(), path } = options;
  const kind = parseFileName(path.replace(/^.*[/\\]/s, ""))?.kind;
  switch (kind) {
    case "wal":
      return dumpWal(host, path);
    case "table":
      return dumpTable(host, path);
    case "manifest":
      return dumpManifestFile(host, path);
    // What a spare holds means nothing.
    case "spare":
    case undefined:
      throw new StorageError("NoDatabase", { path });
  }
}

function dumped(name: string, dump: () => string): string {
  try {
    return `# ${name}\n${dump()}`;
  } catch (error) {
    return `# ${name}\n${String(error)}\n`;
  }
}
