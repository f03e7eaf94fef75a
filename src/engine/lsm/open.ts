/**
 * Opening a database: take the directory, read what is there, make it durable anew, then serve.
 *
 * What the logs hold is written to tables before anything is served, and the logs go once the manifest lists those
 * tables. Keeping the old logs until the next flush would be cheaper, but not safe: after a failed sync the operating
 * system may show bytes of a log that are not on the disk, and a reader could be shown what the next power cut takes.
 * Tables are new files with a sync of their own.
 *
 * Always true:
 * (1) Until the new manifest rules, nothing of the former run is changed: a crash while opening can be repeated.
 * (2) No file number is used twice.
 * (3) The manifest that names the new log's number is durable before that log exists, so an older log that ends torn is
 *     never followed by a newer one.
 */
import type { Bytes } from "../../base/index.ts";
import { CorruptionError } from "../contract/index.ts";
import { ChangeLog } from "./change-log/index.ts";
import { FORMAT_VERSION, pathIn, tableName, walName } from "./codec/index.ts";
import { OlderBeneath, OpenTables, Slices, mergeTables, versionOf } from "./compaction/index.ts";
import { mergeCursor } from "./cursor/index.ts";
import { nodeHost } from "./host/index.ts";
import type { Host } from "./host/index.ts";
import { LsmEngine } from "./lsm-engine.ts";
import { ManifestWriter, readManifest } from "./manifest/index.ts";
import type { ManifestState, TableMeta } from "./manifest/index.ts";
import type { Memtable } from "./memtable/index.ts";
import { settingsOf } from "./options.ts";
import type { LsmOptions, LsmSettings } from "./options.ts";
import {
  FileNumbers,
  firstFreeNumber,
  RecoveryNotes,
  listFiles,
  logsToReplay,
  orphans,
  rebuildState,
  replayLogs,
} from "./recovery/index.ts";
import { TableReader, TableWriter } from "./sstable/index.ts";
import { Tree } from "./tree.ts";
import { LogFiles, keepLog } from "./wal/index.ts";
import type { DamagePolicy, LogSpan, WalWriter } from "./wal/index.ts";
import type { OpenedDatabase } from "./opened-database.ts";

const STORE_ID_BYTES = 16;

/**
 * Opens the database in a directory, or makes a new one there.
 *
 * Fails with DatabaseLocked if it is open elsewhere, CorruptionError if a file is not what was written (see the option
 * `recovery`), StorageError 'FormatTooNew' or 'FormatTooOld' for a database of another version, DiskFull or StorageError 'Io' if the storage fails.
 *
 * @example
 * const engine = await openLsmEngine({ path: "data" });
 * await engine.write({ ops: [{ op: "put", key, value }], requires: [] });
 * await engine.close();
 */
export async function openLsmEngine(options: LsmOptions): Promise<LsmEngine> {
  const settings = settingsOf(options);
  const host = options.host ?? nodeHost();
  const directory = options.path;
  host.files.makeDirectory(directory);
  const lock = await host.files.lock(directory);
  try {
    const opened = await recover(host, directory, settings);
    return new LsmEngine({ ...opened, lock });
  } catch (error) {
    await lock.release();
    throw error;
  }
}

type Recovered = Omit<OpenedDatabase, "lock">;

async function recover(host: Host, directory: string, settings: LsmSettings): Promise<Recovered> {
  const notes = new RecoveryNotes(host, directory, settings.recovery);
  const found = readState(host, directory, notes);
  const former = found.state ?? newDatabase(host);
  const { storeId } = former;
  const { blockCacheBytesMax } = settings;
  const tables = new OpenTables({ host, directory, storeId, blockCacheBytesMax });
  try {
    const place: Place = { host, directory, settings, storeId, tables, notes };
    return await recoverInto(place, former, found.isRebuilt);
  } catch (error) {
    tables.close();
    throw error;
  }
}

/** In salvage a manifest that cannot be read is made up for. */
function readState(
  host: Host,
  directory: string,
  notes: RecoveryNotes,
): { readonly state: ManifestState | undefined; readonly isRebuilt: boolean } {
  try {
    return { state: readManifest(host, directory), isRebuilt: false };
  } catch (error) {
    if (notes.mode !== "salvage" || !(error instanceof CorruptionError)) throw error;
    notes.lost(error);
    return { state: rebuildState(host, directory, notes), isRebuilt: true };
  }
}

interface Place {
  readonly host: Host;
  readonly directory: string;
  readonly settings: LsmSettings;
  readonly storeId: Bytes;
  readonly tables: OpenTables;
  readonly notes: RecoveryNotes;
}

async function recoverInto(
  place: Place,
  former: ManifestState,
  isRebuilt: boolean,
): Promise<Recovered> {
  const { directory, host, notes, settings, storeId, tables } = place;
  const files = listFiles(host, directory);
  const numbers = new FileNumbers(firstFreeNumber(former.nextFileNumber, files));
  const readable = former.tables.filter((table) => openTable(place, table));
  const present = isRebuilt ? await mergeAll(place, readable, numbers) : readable;
  const replayed = replayLogs({
    host,
    directory,
    storeId,
    logNumbers: logsToReplay(files, former.logNumber),
    memtableBytesMax: settings.flushBytesMax,
    damage: damagePolicy(notes),
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
  const manifest = ManifestWriter.create(host, directory, state, manifestNumber);
  const logs = new LogFiles({
    host,
    directory,
    storeId,
    walFileBytes: settings.walFileBytes,
    remove: (path) => tables.remove(path),
  });
  for (const file of files) if (file.kind === "spare") logs.adopt(file.number);
  let wal: WalWriter | undefined;
  let changeLog: ChangeLog | undefined;
  try {
    wal = logs.createNow(logNumber);
    changeLog = openChangeLog(place, state);
  } catch (error) {
    wal?.abandon();
    manifest.abandon();
    throw error;
  }
  if (isRebuilt) for (const { fileNumber } of readable) tables.retire(fileNumber);
  sweep(place, logs, state, manifestNumber, changeLog !== undefined);
  const tree = new Tree(tables, state.lastSequence);
  tree.install(versionOf(state.tables));
  const { lastSequence } = state;
  const recoveryReport = notes.report;
  const parts = { tree, numbers, manifest, logs, wal, lastSequence };
  return { ...place, ...parts, changeLog, recoveryReport };
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
    formatVersion: FORMAT_VERSION,
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

function assertPresent({ directory, host }: Place, table: TableMeta): void {
  const path = pathIn(directory, tableName(table.fileNumber));
  if (!host.files.exists(path)) {
    const expected = `a table of ${table.fileBytes} bytes`;
    throw new CorruptionError({ file: path, offset: 0, expected, found: "no such file" });
  }
}

/** Tables whose order is not known, as one sorted run in new tables; what they are made of is set aside. */
async function mergeAll(
  place: Place,
  found: readonly TableMeta[],
  numbers: FileNumbers,
): Promise<readonly TableMeta[]> {
  if (found.length === 0) return [];
  const { directory, host, notes, settings, storeId, tables } = place;
  const readers = found.map(({ fileNumber }) => tables.reader(fileNumber));
  const { tables: merged } = await mergeTables({
    cursor: mergeCursor(readers.map((reader) => reader.cursor({ fillCache: false }))),
    rangeDeletes: readers.flatMap((reader) => reader.rangeDeletes),
    views: [],
    beneath: new OlderBeneath(versionOf([]), 0, []),
    newTable: () => {
      const number = numbers.take();
      return new TableWriter(host, pathIn(directory, tableName(number)), number, storeId);
    },
    outputLevel: 1,
    tableBytesTarget: settings.tableBytesTarget,
    slices: new Slices(host, settings.sliceMillis),
    between: () => false,
  });
  if (merged.length > 0) host.files.syncDirectory(directory);
  for (const table of merged) tables.open(table);
  notes.setAside(found.map(({ fileNumber }) => tableName(fileNumber)));
  return merged;
}

/** Writes what was replayed to level 0, oldest first, so that newer data has the higher number. */
async function flushAll(
  place: Place,
  former: readonly TableMeta[],
  memtables: readonly Memtable[],
  numbers: FileNumbers,
): Promise<readonly TableMeta[]> {
  const { directory, host, settings, storeId, tables } = place;
  const added: TableMeta[] = [];
  for (const memtable of memtables) {
    const { tables: written } = await mergeTables({
      cursor: memtable.cursor(),
      rangeDeletes: memtable.rangeDeletes,
      views: [],
      beneath: new OlderBeneath(versionOf([...former, ...added]), 0, []),
      newTable: () => {
        const number = numbers.take();
        return new TableWriter(host, pathIn(directory, tableName(number)), number, storeId);
      },
      outputLevel: 0,
      tableBytesTarget: Infinity,
      slices: new Slices(host, settings.sliceMillis),
      between: () => false,
    });
    for (const table of written) tables.open(table);
    added.push(...written);
  }
  if (added.length > 0) host.files.syncDirectory(directory);
  return added;
}

/** Removes what the new manifest does not speak of; logs become spares. What cannot be removed is tried again later. */
function sweep(
  place: Place,
  logs: LogFiles,
  state: ManifestState,
  manifest: number,
  keepsLogs: boolean,
): void {
  const { directory, host, tables } = place;
  const live = {
    table: new Set(state.tables.map((table) => table.fileNumber)),
    wal: new Set([state.logNumber]),
    manifest: new Set([manifest]),
  };
  for (const file of orphans(listFiles(host, directory), live)) {
    if (file.kind === "wal" && !place.notes.isSetAside(file.name)) {
      if (!keepsLogs) logs.retire(file.number);
    } else tables.remove(pathIn(directory, file.name));
  }
}
