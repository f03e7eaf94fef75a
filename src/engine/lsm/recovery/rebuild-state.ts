/**
 * Makes up for a manifest that cannot be read: takes every table that can, and the identity of the database from one of
 * its files. Which of the tables were in use is not known any more, so what compaction had left out may come back.
 */
import type { Bytes } from "../../../base/index.ts";
import { CorruptionError } from "../../contract/index.ts";
import {
  FILE_HEADER_BYTES,
  FORMAT_VERSION,
  decodeFileHeader,
  pathIn,
  tableName,
} from "../codec/index.ts";
import type { Host } from "../host/index.ts";
import type { ManifestState, TableMeta } from "../manifest/index.ts";
import { describeTable } from "../sstable/index.ts";
import { listFiles } from "./directory-files.ts";
import type { DirectoryFile } from "./directory-files.ts";
import type { RecoveryNotes } from "./recovery-report.ts";

const WAL_MAGIC = "KOTOBAWL";

/** All tables are in level 0 of the state, in no order that means anything: they are to be merged before they are read. */
export function rebuildState(
  host: Host,
  directory: string,
  notes: RecoveryNotes,
): ManifestState | undefined {
  const files = listFiles(host, directory);
  const tables: TableMeta[] = [];
  let storeId: Bytes | undefined;
  for (const file of files) {
    if (file.kind !== "table") continue;
    try {
      const described = describeTable(host, pathIn(directory, tableName(file.number)));
      storeId ??= described.storeId;
      tables.push(described.meta);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      notes.lost(error);
      notes.setAside([file.name]);
    }
  }
  storeId ??= storeIdOfLogs(host, directory, files);
  notes.setAside(files.filter(({ kind }) => kind === "manifest").map(({ name }) => name));
  if (storeId === undefined) return undefined;
  return {
    storeId,
    formatVersion: FORMAT_VERSION,
    tables,
    logNumber: 0,
    nextFileNumber: 1,
    lastSequence: tables.reduce((last, table) => Math.max(last, table.largestSequence), 0),
  };
}

function storeIdOfLogs(
  host: Host,
  directory: string,
  files: readonly DirectoryFile[],
): Bytes | undefined {
  for (const { kind, name } of files) {
    if (kind !== "wal") continue;
    const file = host.files.open(pathIn(directory, name), "read");
    try {
      const bytes = new Uint8Array(FILE_HEADER_BYTES);
      file.read(bytes, 0, bytes.length, 0);
      const header = decodeFileHeader(bytes, WAL_MAGIC);
      if (header !== undefined) return header.storeId;
    } finally {
      file.close();
    }
  }
  return undefined;
}
