/** What lies in a database's directory, judged by names alone. */
import { parseFileName } from "../codec/index.ts";
import type { FileKind } from "../codec/index.ts";
import type { Host } from "../host/index.ts";
import type { FormerRun } from "../manifest/index.ts";
import type { ExpectedLogs } from "../wal/index.ts";

export interface DirectoryFile {
  readonly name: string;
  readonly kind: FileKind;
  readonly number: number;
}

/** Our own files; whatever else lies there is left alone. */
export function listFiles(host: Host, directory: string): readonly DirectoryFile[] {
  return host.files.list(directory).flatMap((name) => {
    const parsed = parseFileName(name);
    return parsed === undefined ? [] : [{ name, ...parsed }];
  });
}

/** The first number that no file has; files of a crashed run may lie beyond what the manifest knew. */
export function firstFreeNumber(known: number, files: readonly DirectoryFile[]): number {
  return files.reduce((next, file) => Math.max(next, file.number + 1), known);
}

/** The logs to replay, oldest first. */
export function logsToReplay(
  files: readonly DirectoryFile[],
  logNumber: number,
): readonly number[] {
  return files
    .filter((file) => file.kind === "wal" && file.number >= logNumber)
    .map((file) => file.number)
    .toSorted((a, b) => a - b);
}

/** What its manifest says of the logs of a run. */
export function logsPromised({ end, isClosed, state, tablesHold }: FormerRun): ExpectedLogs {
  return { oldest: state.logNumber, tablesHold, end, isClosed };
}

/** Files that the new run does not refer to: replayed logs, outputs that were never installed, former manifests. */
export function orphans(
  files: readonly DirectoryFile[],
  live: Readonly<Record<Exclude<FileKind, "spare">, ReadonlySet<number>>>,
): readonly DirectoryFile[] {
  return files.filter((file) => file.kind !== "spare" && !live[file.kind].has(file.number));
}
