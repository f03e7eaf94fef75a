/**
 * Writes the manifest, and moves the marker that says which manifest rules.
 *
 * Always true:
 * (1) A manifest and its name are durable before a marker names it, and that marker is durable before the older ones and
 *     their manifests are removed. So at every moment the marker with the highest count leads to a whole manifest.
 * (2) An edit is durable when append() returns, and before the next one is written.
 * (3) After a failure nothing more is written: whether the edit took effect is known only after opening again. One failure
 *     is none: a write that found the disk full is taken back, and the edit has not happened.
 * (4) Fenced: a writer whose marker does not rule any more writes nothing more, and says so before its caller removes
 *     a file: somebody else has taken the directory over, from a place that the lock does not reach (two containers on one
 *     volume). It looks before it writes an edit and again after; a manifest that follows its own is refused as well.
 *     What is left open are the microseconds between the last look and the caller's removals: the fence is the second
 *     line behind the lock, not a lock.
 */
import { Closed, assert, equalBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { DatabaseLocked, DiskFull, StorageError } from "../../contract/index.ts";
import {
  STORE_ID_BYTES,
  encodeFileHeader,
  manifestName,
  markerName,
  parseFileName,
  parseMarkerName,
  pathIn,
  readU32,
  sealRecord,
} from "../codec/index.ts";
import type { FileHandle, Host } from "../host/index.ts";
import {
  DATABASE_FORMAT_NEWEST,
  DATABASE_FORMAT_OLDEST,
  MANIFEST_MAGIC,
  TYPE_CLOSE,
  TYPE_EDIT,
  TYPE_SNAPSHOT,
  encodeRecord,
} from "./manifest-format.ts";
import type { ManifestRecordType } from "./manifest-format.ts";
import { rulingMarker } from "./manifest-reader.ts";
import { ManifestTables, snapshotOf } from "./manifest-tables.ts";
import type { ManifestState, VersionEdit } from "./version-edit.ts";

export class ManifestWriter {
  readonly fileNumber: number;
  readonly path: string;
  readonly #host: Host;
  readonly #directory: string;
  readonly #markerPath: string;
  readonly #file: FileHandle;
  readonly #identity: number;
  readonly #tables: ManifestTables;
  #fileBytes: number;
  #failure: unknown;
  /** A background append is under way. */
  #isAppending = false;
  #closed = false;

  private constructor(
    place: { host: Host; directory: string; markerPath: string; fileNumber: number },
    draft: { file: FileHandle; identity: number; tables: ManifestTables; fileBytes: number },
  ) {
    this.#host = place.host;
    this.#directory = place.directory;
    this.#markerPath = place.markerPath;
    this.fileNumber = place.fileNumber;
    this.#file = draft.file;
    this.path = draft.file.path;
    this.#identity = draft.identity;
    this.#tables = draft.tables;
    this.#fileBytes = draft.fileBytes;
  }

  /**
   * Writes `state` as a manifest of its own, with this number, and makes it the one that rules; the manifests before it
   * are removed. A crash on the way leaves the one before, or this one. The number is new, and below
   * state.nextFileNumber.
   */
  static create(
    host: Host,
    directory: string,
    state: ManifestState,
    fileNumber: number,
  ): ManifestWriter {
    assert(state.storeId.length === STORE_ID_BYTES, "a store id has 16 bytes");
    assertKnown(state.formatVersion);
    assert(fileNumber < state.nextFileNumber, "a manifest's number is below the next file number");
    const ruling = rulingMarker(host, directory);
    assert(ruling?.manifestNumber !== fileNumber, "a manifest's number is new");
    const draft = writeDraft(host, directory, state, fileNumber);
    try {
      const marker = markerName((ruling?.count ?? 0) + 1, fileNumber);
      const markerPath = pathIn(directory, marker);
      createEmpty(host, markerPath);
      host.files.syncDirectory(directory);
      removeOthers(host, directory, marker, fileNumber);
      return new ManifestWriter({ host, directory, markerPath, fileNumber }, draft);
    } catch (cause) {
      draft.file.close();
      throw cause;
    }
  }

  /** Begins the manifest that follows this one, which is given back; refused if this one does not rule any more. */
  roll(state: ManifestState, fileNumber: number): ManifestWriter {
    this.#assertUsable();
    this.assertRuling();
    const next = ManifestWriter.create(this.#host, this.#directory, state, fileNumber);
    this.abandon();
    return next;
  }

  /** The state that the manifest describes by this moment. */
  get state(): ManifestState {
    return this.#tables.state;
  }
  /** For deciding when to begin a new manifest. */
  get fileBytes(): number {
    return this.#fileBytes;
  }

  /**
   * Makes the edit part of the database, durably. It must fit the state: anything else is a defect of the caller. After
   * DiskFull it has not happened and may be tried again.
   */
  append(edit: VersionEdit): void {
    this.#assertFits(edit);
    this.#write(TYPE_EDIT, edit);
    this.#tables.apply(edit);
    this.#assertRulingAfter();
  }

  /**
   * Says which commit is the last one that tables and logs hold together, durably. It is, and the log takes no more; only
   * close() may follow. So a log that is missing later, or cut short, is not taken for the end.
   */
  endLogs(lastSequence: number): void {
    this.append({ lastSequence: Math.max(lastSequence, this.state.lastSequence) });
  }

  /** Throws DatabaseLocked, and stops this writer, if another one has taken the directory over. */
  assertRuling(): void {
    if (this.#isRuling()) return;
    this.#failure = new DatabaseLocked(this.#directory, "another process, which took it over");
    throw this.#failure;
  }

  /** Like append(), but others run while the file is synced. The next edit waits until this one is done. */
  async appendInBackground(edit: VersionEdit): Promise<void> {
    this.#assertFits(edit);
    this.#isAppending = true;
    try {
      const end = this.#writeRecord(TYPE_EDIT, edit);
      try {
        await this.#file.sync();
      } catch (cause) {
        throw this.#syncFailed(cause);
      }
      this.#fileBytes = end;
    } finally {
      this.#isAppending = false;
    }
    this.#tables.apply(edit);
    this.#assertRulingAfter();
  }

  /** Writes the close mark, so that from then on damage anywhere in the file is seen. Idempotent. */
  close(): void {
    if (this.#closed) return;
    try {
      if (this.#failure === undefined) this.#write(TYPE_CLOSE, {});
    } finally {
      this.abandon();
    }
  }

  /** Gives the file back without a close mark, as a crash would leave it. Idempotent. */
  abandon(): void {
    this.#closed = true;
    this.#file.close();
  }

  #assertFits(edit: VersionEdit): void {
    this.#assertUsable();
    assert(!this.#isAppending, "edits come one after another");
    const problem = this.#tables.problemOf(edit);
    assert(problem === undefined, `an edit fits the manifest, not ${problem}`);
    if (edit.formatVersion !== undefined) assertKnown(edit.formatVersion);
    this.assertRuling();
  }

  #write(type: ManifestRecordType, edit: VersionEdit): void {
    const end = this.#writeRecord(type, edit);
    try {
      this.#file.syncNow();
    } catch (cause) {
      throw this.#syncFailed(cause);
    }
    this.#fileBytes = end;
  }

  /** Writes a record that is not yet synced, and gives the offset after it. */
  #writeRecord(type: ManifestRecordType, edit: VersionEdit): number {
    const record = encodeRecord(type, edit);
    sealRecord(record, 0, record.length, this.#identity, this.#fileBytes);
    try {
      this.#writeOrTakeBack(record);
    } catch (cause) {
      if (!(cause instanceof DiskFull)) this.#failure = cause;
      throw cause;
    }
    return this.#fileBytes + record.length;
  }

  #writeOrTakeBack(record: Bytes): void {
    try {
      this.#file.write(record, 0, record.length, this.#fileBytes);
    } catch (cause) {
      if (cause instanceof DiskFull) this.#file.truncate(this.#fileBytes);
      throw cause;
    }
  }

  /** The edit has happened by now, so a full disk would be the wrong thing to say. */
  #assertRulingAfter(): void {
    try {
      this.assertRuling();
    } catch (cause) {
      throw cause instanceof DiskFull ? this.#syncFailed(cause) : cause;
    }
  }

  /** Never DiskFull, after which the caller could think that the edit has not happened. */
  #syncFailed(cause: unknown): StorageError {
    this.#failure = cause;
    return new StorageError(
      "Io",
      { file: this.path, error: "a failed call after the write" },
      { cause },
    );
  }

  /** Whoever takes over makes the next marker before it removes ours, so a missing one is the late sign; both are looked for. */
  #isRuling(): boolean {
    const { files } = this.#host;
    if (!files.exists(this.#markerPath)) return false;
    return rulingMarker(this.#host, this.#directory)?.manifestNumber === this.fileNumber;
  }

  #assertUsable(): void {
    if (this.#closed) throw new Closed(this.path);
    if (this.#failure === undefined) return;
    throw new StorageError("ReadOnly", { file: this.path }, { cause: this.#failure });
  }
}

function assertKnown(formatVersion: number): void {
  assert(
    formatVersion >= DATABASE_FORMAT_OLDEST && formatVersion <= DATABASE_FORMAT_NEWEST,
    "a database has a format that this code knows",
  );
}

interface Draft {
  readonly file: FileHandle;
  readonly identity: number;
  readonly tables: ManifestTables;
  readonly fileBytes: number;
}

/** The new manifest, whole and durable with its name, before any marker speaks of it. */
function writeDraft(
  host: Host,
  directory: string,
  state: ManifestState,
  fileNumber: number,
): Draft {
  const path = pathIn(directory, manifestName(fileNumber));
  const bytes = encodeDraft(state, fileNumber);
  // A crash may have left a draft of this number that no marker names.
  if (host.files.exists(path)) host.files.remove(path);
  const file = host.files.open(path, "create");
  try {
    file.write(bytes.whole, 0, bytes.whole.length, 0);
    file.syncNow();
    host.files.syncDirectory(directory);
    return { file, ...bytes, fileBytes: bytes.whole.length };
  } catch (cause) {
    file.close();
    throw cause;
  }
}

function encodeDraft(
  state: ManifestState,
  fileNumber: number,
): { readonly whole: Bytes; readonly identity: number; readonly tables: ManifestTables } {
  const tables = new ManifestTables(state.storeId);
  const snapshot = snapshotOf(state);
  const problem = tables.problemOf(snapshot);
  assert(problem === undefined, `a manifest's first state is sound, not ${problem}`);
  tables.apply(snapshot);
  const header = encodeFileHeader(MANIFEST_MAGIC, fileNumber, state.storeId);
  assert(equalBytes(header.subarray(18, 34), state.storeId), "the store id is in the header");
  const identity = readU32(header, 36);
  const record = encodeRecord(TYPE_SNAPSHOT, snapshot);
  sealRecord(record, 0, record.length, identity, header.length);
  const whole = new Uint8Array(header.length + record.length);
  whole.set(header);
  whole.set(record, header.length);
  return { whole, identity, tables };
}

/** A marker says all in its name; its file is empty. */
function createEmpty(host: Host, path: string): void {
  const file = host.files.open(path, "create");
  try {
    file.syncNow();
  } finally {
    file.close();
  }
}

/** Not synced: what comes back after a power cut is an older marker, which does not rule, and is removed next time. */
function removeOthers(host: Host, directory: string, marker: string, fileNumber: number): void {
  for (const name of host.files.list(directory)) {
    const file = parseFileName(name);
    const isOldManifest = file?.kind === "manifest" && file.number !== fileNumber;
    const isOldMarker = parseMarkerName(name) !== undefined && name !== marker;
    if (isOldManifest || isOldMarker) host.files.remove(pathIn(directory, name));
  }
}
