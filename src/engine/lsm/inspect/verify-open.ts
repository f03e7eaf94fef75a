/**
 * Checks all files of an open engine while it works, one file in a turn. A table is held until its turn has come; a log
 * that was flushed and removed meanwhile is no more to be checked.
 */
import type { Bytes } from "../../../base/index.ts";
import { CorruptionError } from "../../contract/index.ts";
import { pathIn, walName } from "../codec/index.ts";
import { tablesOf, versionProblems } from "../compaction/index.ts";
import type { OpenTables, Version } from "../compaction/index.ts";
import type { Host } from "../host/index.ts";
import { readManifest } from "../manifest/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import { readWal, readWals } from "../wal/index.ts";
import { damageText } from "./verify-database.ts";
import type { VerifyOptions } from "./verify-database.ts";

export interface OpenFiles {
  readonly host: Host;
  readonly directory: string;
  readonly storeId: Bytes;
  readonly tables: OpenTables;
  /** The present one. */
  readonly version: () => Version;
  /** Looks when the manifest on the disk lists the tables of the present version, and not already those of the next. */
  readonly betweenEdits: <T>(look: () => T) => Promise<T>;
  /** The present ones, oldest first. */
  readonly logNumbers: () => readonly number[];
  /** Those whose commits are in tables and that are kept for feeds; all of them closed. */
  readonly keptLogNumbers: () => readonly number[];
  /**
   * Those of them whose end may still be written: the last, and whichever before it is being closed, which takes until
   * there is room where the disk is full. The commits in the log after it are not written before that.
   */
  readonly unclosedLogNumbers: () => readonly number[];
  /** The last log may be torn, as a crash left it; else it is whole, for its writer lives. */
  readonly isReadOnly: boolean;
  /** Throws when the engine is closed. */
  readonly assertOpen: () => void;
}

/** Sentences with file and place; none if all is well. */
export async function verifyOpenFiles(
  files: OpenFiles,
  options: VerifyOptions,
): Promise<readonly string[]> {
  const { assertOpen, host, tables } = files;
  const { listed, problems, release } = await files.betweenEdits(() => beginning(files));
  const bytesTotal = listed.reduce((sum, table) => sum + table.fileBytes, 0);
  let bytesDone = 0;
  try {
    for (const { fileBytes, fileNumber } of listed) {
      assertOpen();
      problems.push(...tables.reader(fileNumber).verify());
      bytesDone += fileBytes;
      options.onProgress?.({ bytesDone, bytesTotal });
      await host.timers.pause();
    }
  } finally {
    release();
  }
  assertOpen();
  problems.push(...(files.isReadOnly ? closedLogProblems(files) : await logProblems(files)));
  return problems;
}

/** What is there at one moment, held, and what is wrong with the lists of it. */
function beginning(files: OpenFiles): {
  readonly listed: readonly TableMeta[];
  readonly problems: string[];
  readonly release: () => void;
} {
  files.assertOpen();
  const version = files.version();
  const problems = [...versionProblems(version), ...manifestProblems(files, version)];
  const listed = tablesOf(version);
  const release = files.tables.hold(listed.map((table) => table.fileNumber));
  return { listed, problems, release };
}

function manifestProblems({ directory, host }: OpenFiles, version: Version): string[] {
  const problems: string[] = [];
  const numbersOf = (tables: readonly { readonly fileNumber: number }[]): string =>
    tables
      .map((table) => table.fileNumber)
      .toSorted((a, b) => a - b)
      .join(" ");
  noting(problems, () => {
    const state = readManifest(host, directory);
    const [found, expected] = [numbersOf(state?.tables ?? []), numbersOf(tablesOf(version))];
    if (found !== expected) {
      problems.push(`${directory}: the manifest lists the tables ${found}, in use are ${expected}`);
    }
  });
  return problems;
}

async function logProblems(files: OpenFiles): Promise<string[]> {
  const { assertOpen, directory, host, storeId } = files;
  const problems: string[] = [];
  const all = (): readonly number[] => [...files.keptLogNumbers(), ...files.logNumbers()];
  for (const logNumber of all()) {
    if (!all().includes(logNumber)) continue;
    const newest = files.unclosedLogNumbers().includes(logNumber);
    noting(problems, () => {
      const path = pathIn(directory, walName(logNumber));
      readWal(host, path, { logNumber, storeId, newest }, () => undefined);
    });
    await host.timers.pause();
    assertOpen();
  }
  return problems;
}

function closedLogProblems({ directory, host, logNumbers, storeId }: OpenFiles): string[] {
  const problems: string[] = [];
  noting(problems, () => {
    readWals(host, directory, logNumbers(), storeId, () => undefined);
  });
  return problems;
}

/** Damage is a problem to be told; any other failure is the caller's. */
function noting(problems: string[], work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    problems.push(damageText(error));
  }
}
