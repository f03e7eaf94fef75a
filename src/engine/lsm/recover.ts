/**
 * From the files of a directory to a database that can be served: read what is there, make it durable anew.
 *
 * What the logs hold is written to tables before anything is served, and the logs go once the manifest lists those
 * tables. Keeping the old logs until the next flush would be cheaper, but not safe: after a failed sync the operating
 * system may show bytes of a log that are not on the disk, and a reader could be shown what the next power cut takes.
 * Tables are new files with a sync of their own.
 *
 * Always true:
 * (1) Until the new manifest rules, nothing of the former run is changed: a crash while opening can be repeated.
 * (2) No file number is used twice, also not by a former run that is still alive where the lock does not reach: what it
 *     makes, writes into or removes before it finds out bears a number or is a file that this run does not use.
 * (3) The new log is there, durably, before the manifest names it, so a log that a manifest names and that is not there is
 *     one that was lost. It takes its first commit after that manifest rules, so an older log that ends torn is followed
 *     by empty ones at most.
 */
import type { Bytes } from "../../base/index.ts";
import { CorruptionError } from "../contract/index.ts";
import { ChangeLog } from "./change-log/index.ts";
import { pathIn, tableName, walName } from "./codec/index.ts";
import {
  LEVEL_LAST,
  OlderBeneath,
  OpenTables,
  Slices,
  mergeTables,
  versionOf,
} from "./compaction/index.ts";
import type { MergeParts } from "./compaction/index.ts";
import { mergeCursor } from "./cursor/index.ts";
import type { Host } from "./host/index.ts";
import { DATABASE_FORMAT_NEWEST, ManifestWriter, readFormerRun } from "./manifest/index.ts";
import type { FormerRun, ManifestState, TableMeta } from "./manifest/index.ts";
import type { Memtable } from "./memtable/index.ts";
import type { OpenedDatabase } from "./opened-database.ts";
import { Tree } from "./read/index.ts";
import {
  FileNumbers,
  RecoveryNotes,
  firstFreeNumber,
  listFiles,
  logsPromised,
  logsToReplay,
  orphans,
  rebuildState,
  replayLogs,
} from "./recovery/index.ts";
import { eventTable } from "./report/index.ts";
import type { DirectoryFile } from "./recovery/index.ts";
import type { LsmEvents } from "./report/index.ts";
import { tableOptions } from "./settings/index.ts";
import type { LsmSettings } from "./settings/index.ts";
import { TableReader, TableWriter } from "./sstable/index.ts";
import { LogFiles, keepLog } from "./wal/index.ts";
import type { DamagePolicy, ExpectedLogs, LogSpan } from "./wal/index.ts";

const STORE_ID_BYTES = 16;
/** More files than a run makes that was taken over, until it finds out with its next edit of the manifest. */
const NUMBERS_LEFT_FREE = 1_000;

type Recovered = Omit<OpenedDatabase, "lock">;

interface Former extends Pick<FormerRun, "state" | "isClosed"> {
  /** What the manifest says of the logs; undefined: there is none. */
  readonly promised: ExpectedLogs | undefined;
  /** The manifest could not be read; what it said is made up from the tables. */
  readonly isRebuilt: boolean;
}

export async function recover(
  host: Host,
  directory: string,
  settings: LsmSettings,
  events: LsmEvents,
): Promise<Recovered> {
  const notes = new RecoveryNotes(host, directory, settings.recovery);
  const former = readFormer(host, directory, notes);
  const { storeId } = former.state;
  const tables = new OpenTables({ ...settings, host, directory, storeId, events });
  try {
    return await recoverInto({ host, directory, settings, storeId, tables, notes, events }, former);
  } catch (error) {
    tables.close();
    throw error;
  }
}

/** In salvage a manifest that cannot be read is made up for. */
function readFormer(host: Host, directory: string, notes: RecoveryNotes): Former {
  try {
    const former = readFormerRun(host, directory);
    const promised = former === undefined ? undefined : logsPromised(former);
    const { isClosed, state } = former ?? { state: newDatabase(host), isClosed: true };
    return { state, isClosed, promised, isRebuilt: false };
  } catch (error) {
    if (notes.mode !== "salvage" || !(error instanceof CorruptionError)) throw error;
    notes.lost(error);
    const state = rebuildState(host, directory, notes);
    const made = state ?? newDatabase(host);
    return { state: made, isClosed: false, promised: undefined, isRebuilt: true };
  }
}

interface Place {
  readonly host: Host;
  readonly directory: string;
  readonly settings: LsmSettings;
  readonly storeId: Bytes;
  readonly tables: OpenTables;
  readonly notes: RecoveryNotes;
  readonly events: LsmEvents;
}

async function recoverInto(place: Place, run: Former): Promise<Recovered> {
  const { directory, events, host, notes, settings, storeId, tables } = place;
  const { isClosed, isRebuilt, promised, state: former } = run;
  const startMillis = host.clock.monotonicMillis();
  const files = listFiles(host, directory);
  const firstFree = firstFreeNumber(former.nextFileNumber, files);
  const numbers = new FileNumbers(isClosed ? firstFree : firstFree + NUMBERS_LEFT_FREE);
  const readable = former.tables.filter((table) => openTable(place, table));
  const present = isRebuilt ? await mergeAll(place, readable, numbers) : readable;
  // An attempt to make a database may have left an empty log of an identity that was never used.
  const isNew = promised === undefined && !isRebuilt;
  if (isNew) removeLogs(place, files);
  const logNumbers = isNew ? [] : logsToReplay(files, former.logNumber);
  const replayed = replayLogs({
    host,
    directory,
    storeId,
    logNumbers,
    memtableBytesMax: settings.flushBytesMax,
    damage: damagePolicy(notes),
    promised,
  });
  notes.commitsReplayed = replayed.commits;
  const added = await flushAll(place, present, replayed.memtables, numbers);
  const manifestNumber = numbers.take();
  const logNumber = numbers.take();
  const state: ManifestState = {
    ...former,
    tables: [...present, ...added],
    logNumber,
    nextFileNumber: numbers.next,
    lastSequence: Math.max(former.lastSequence, replayed.lastSequence),
  };
  const logs = newLogFiles(place);
  const { changeLog, manifest, wal } = beginRun(place, logs, state, manifestNumber);
  if (isRebuilt) for (const { fileNumber } of readable) tables.retire(fileNumber);
  sweep(place, state, { manifestNumber, keepsLogs: changeLog !== undefined });
  const { lastSequence } = state;
  const recoveryReport = notes.report;
  for (const table of added) {
    events.emit({ type: "table-created", by: "recovery", table: eventTable(table) });
  }
  events.emit({
    type: "recovery",
    logs: logNumbers.length,
    commits: replayed.commits,
    losses: recoveryReport.losses.length,
    tables: added.length,
    lastSequence,
    millis: host.clock.monotonicMillis() - startMillis,
  });
  const tree = new Tree(tables, lastSequence, settings.flushBytesMax);
  tree.install(versionOf(state.tables));
  const parts = { tree, numbers, manifest, logs, wal, lastSequence };
  return { ...place, ...parts, changeLog, recoveryReport };
}

/** Gone for good when the new log has its name, which is before a marker makes a database of the directory. */
function removeLogs({ directory, host }: Place, files: readonly DirectoryFile[]): void {
  for (const { kind, name } of files)
    if (kind === "wal") host.files.remove(pathIn(directory, name));
}

/** The first log of this run, then its manifest, and what is kept of the logs before. */
function beginRun(
  place: Place,
  logs: LogFiles,
  state: ManifestState,
  manifestNumber: number,
): Pick<OpenedDatabase, "wal" | "manifest" | "changeLog"> {
  const { directory, host } = place;
  const wal = logs.createNow(state.logNumber);
  let manifest: ManifestWriter | undefined;
  try {
    manifest = ManifestWriter.create(host, directory, state, manifestNumber);
    return { wal, manifest, changeLog: openChangeLog(place, state) };
  } catch (error) {
    wal.abandon();
    manifest?.abandon();
    throw error;
  }
}

function newLogFiles({ directory, host, settings, storeId, tables }: Place): LogFiles {
  return new LogFiles({
    host,
    directory,
    storeId,
    walFileBytes: settings.walFileBytes,
    remove: (path) => tables.remove(path),
  });
}

/** The logs of former runs as far as they follow one another up to the present state, if they are to be kept. */
function openChangeLog(place: Place, state: ManifestState): ChangeLog | undefined {
  const { directory, host, notes, settings, storeId, tables } = place;
  if (settings.changeLog === undefined) return undefined;
  const changeLog = new ChangeLog({
    ...settings.changeLog,
    host,
    directory,
    storeId,
    remove: (path) => tables.remove(path),
  });
  const spans: LogSpan[] = [];
  for (const { kind, name, number } of listFiles(host, directory)) {
    if (kind !== "wal" || number === state.logNumber || notes.isSetAside(name)) continue;
    try {
      const span = keepLog(host, directory, number, storeId);
      if (span === undefined) tables.remove(pathIn(directory, name));
      else spans.push(span);
    } catch (error) {
      if (notes.mode === "strict" || !(error instanceof CorruptionError)) throw error;
      notes.lost(error);
      notes.setAside([name]);
    }
  }
  changeLog.adopt(spans, state.logNumber, state.lastSequence + 1);
  return changeLog;
}

function damagePolicy(notes: RecoveryNotes): DamagePolicy {
  if (notes.mode === "strict") return { mode: "strict" };
  return {
    mode: notes.mode === "salvage" ? "skip" : "stop",
    lost: (damage, logNumbers) => {
      notes.lost(damage);
      notes.setAside(logNumbers.map(walName));
    },
  };
}

function newDatabase(host: Host): ManifestState {
  return {
    storeId: host.random.bytes(STORE_ID_BYTES),
    formatVersion: DATABASE_FORMAT_NEWEST,
    tables: [],
    logNumber: 0,
    nextFileNumber: 1,
    lastSequence: 0,
  };
}

/** False: it is damaged or missing, and was left out. */
function openTable(place: Place, table: TableMeta): boolean {
  const { notes, tables } = place;
  try {
    assertPresent(place, table);
    if (notes.mode === "salvage") assertWhole(place, table);
    tables.open(table);
    return true;
  } catch (error) {
    if (notes.mode !== "salvage" || !(error instanceof CorruptionError)) throw error;
    notes.lost(error);
    notes.setAside([tableName(table.fileNumber)]);
    return false;
  }
}

/** Reads every block: a table that would fail later is of no use. */
function assertWhole({ directory, host, storeId, tables }: Place, table: TableMeta): void {
  const file = pathIn(directory, tableName(table.fileNumber));
  const reader = TableReader.open(host, file, table, storeId, tables.cache);
  try {
    const [found] = reader.verify();
    if (found === undefined) return;
    throw new CorruptionError({ file, offset: 0, expected: "a table without damage", found });
  } finally {
    reader.close();
  }
}

export function assertPresent(
  { directory, host }: Pick<Place, "directory" | "host">,
  table: TableMeta,
): void {
  const path = pathIn(directory, tableName(table.fileNumber));
  if (!host.files.exists(path)) {
    const expected = `a table of ${table.fileBytes} bytes`;
    throw new CorruptionError({ file: path, offset: 0, expected, found: "no such file" });
  }
}

/** What every merge of opening has in common: nobody reads yet, and nothing else is to be done. */
function mergeOf(
  { directory, host, settings, storeId }: Place,
  numbers: FileNumbers,
  isBottom: boolean,
): Pick<MergeParts, "views" | "newTable" | "slices" | "between"> {
  return {
    views: [],
    newTable: () => {
      const number = numbers.take();
      const path = pathIn(directory, tableName(number));
      return new TableWriter(host, path, number, storeId, tableOptions(settings, isBottom));
    },
    slices: new Slices(host, settings.sliceMillis),
    between: () => false,
  };
}

/** Tables whose order is not known, as one sorted run in new tables; what they are made of is set aside. */
async function mergeAll(
  place: Place,
  found: readonly TableMeta[],
  numbers: FileNumbers,
): Promise<readonly TableMeta[]> {
  if (found.length === 0) return [];
  const { directory, host, notes, settings, tables } = place;
  const readers = found.map(({ fileNumber }) => tables.reader(fileNumber));
  const { tables: merged } = await mergeTables({
    ...mergeOf(place, numbers, true),
    cursor: mergeCursor(readers.map((reader) => reader.cursor({ fillCache: false }))),
    rangeDeletes: readers.flatMap((reader) => reader.rangeDeletes),
    beneath: new OlderBeneath(versionOf([]), 0, []),
    outputLevel: LEVEL_LAST,
    tableBytesTarget: settings.tableBytesTarget,
  });
  if (merged.length > 0) host.files.syncDirectory(directory);
  for (const table of merged) tables.open(table);
  notes.setAside(found.map(({ fileNumber }) => tableName(fileNumber)));
  return merged;
}

/** Writes what was replayed to level 0, oldest first. */
async function flushAll(
  place: Place,
  former: readonly TableMeta[],
  memtables: readonly Memtable[],
  numbers: FileNumbers,
): Promise<readonly TableMeta[]> {
  const added: TableMeta[] = [];
  for (const memtable of memtables) {
    const { tables: written } = await mergeTables({
      ...mergeOf(place, numbers, false),
      cursor: memtable.cursor(),
      rangeDeletes: memtable.rangeDeletes,
      beneath: new OlderBeneath(versionOf([...former, ...added]), 0, []),
      outputLevel: 0,
      tableBytesTarget: Infinity,
    });
    for (const table of written) place.tables.open(table);
    added.push(...written);
  }
  if (added.length > 0) place.host.files.syncDirectory(place.directory);
  return added;
}

/**
 * Removes what the new manifest does not speak of, and spares. No file of a former run is used again: one that is still
 * alive may write into it. What cannot be removed is tried again later.
 */
function sweep(
  { directory, host, notes, tables }: Place,
  state: ManifestState,
  how: { readonly manifestNumber: number; readonly keepsLogs: boolean },
): void {
  const live = {
    table: new Set(state.tables.map((table) => table.fileNumber)),
    wal: new Set([state.logNumber]),
    manifest: new Set([how.manifestNumber]),
  };
  const files = listFiles(host, directory);
  for (const file of orphans(files, live)) {
    const isLog = file.kind === "wal" && !notes.isSetAside(file.name);
    if (!(isLog && how.keepsLogs)) tables.remove(pathIn(directory, file.name));
  }
  for (const { kind, name } of files) if (kind === "spare") tables.remove(pathIn(directory, name));
}
