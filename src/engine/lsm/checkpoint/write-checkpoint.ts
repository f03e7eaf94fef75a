/**
 * A copy of a database in another directory, at one commit: tables under a second name where the file system allows it,
 * else copied; logs, where there are any, copied; a manifest that lists them; and last the marker.
 *
 * Always true:
 * (1) A table is never changed after it was written, so a second name for its file is a copy that costs nothing, and
 *     either database may remove its own name at any time.
 * (2) Everything else is durable before the marker is made. So a directory that has no marker is an unfinished copy: it
 *     opens as no database, or is refused for the tables in it. One that has its marker is whole.
 * (3) Nothing is written into a directory in which anything lies.
 * (4) The copy is not opened by anybody while it is made: its lock is held.
 */
import { Closed } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { CorruptionError, StorageError } from "../../contract/index.ts";
import { crc32, pathIn, tableName, walName } from "../codec/index.ts";
import type { Host } from "../host/index.ts";
import { ManifestWriter } from "../manifest/index.ts";
import type { ManifestState, TableMeta } from "../manifest/index.ts";
import type { Progress } from "../inspect/index.ts";

export interface CheckpointSource {
  readonly host: Host;
  readonly directory: string;
  /** What the copy is to hold. Its tables and logs stay until the copy is made; no file has the number manifestNumber. */
  readonly state: ManifestState;
  readonly manifestNumber: number;
  /** Logs that nobody writes to any more, to be copied whole. */
  readonly logNumbers: readonly number[];
  /** The work is not wanted any more. */
  readonly isEnded: () => boolean;
}

export interface CheckpointOptions {
  /** Called after each file. What it throws ends the copy. */
  readonly onProgress?: (progress: Progress) => void;
}

export interface CheckpointResult {
  readonly directory: string;
  readonly tables: number;
  /** How many of the tables had to be copied: links were not possible. */
  readonly tablesCopied: number;
  readonly logs: number;
  readonly bytes: number;
}

const COPY_BYTES: number = 1_024 * 1_024;
/** What file systems say that cannot give a file a second name, or not there. */
const NO_LINKS: ReadonlySet<unknown> = new Set([
  "EXDEV",
  "EPERM",
  "EMLINK",
  "ENOSYS",
  "ENOTSUP",
  "EOPNOTSUPP",
]);
/** What a held lock leaves in a directory. */
const LOCK_NAMES: ReadonlySet<string> = new Set(["LOCK", "PID"]);

/** @throws StorageError 'NotEmpty' if anything lies in the target; what was made is removed again after a failure. */
export async function writeCheckpoint(
  source: CheckpointSource,
  target: string,
  options: CheckpointOptions = {},
): Promise<CheckpointResult> {
  const { files } = source.host;
  files.makeDirectory(target);
  assertEmpty(source.host, target);
  const lock = await files.lock(target);
  try {
    assertEmpty(source.host, target);
    const copy = new Checkpoint(source, target, options);
    return await copy.run();
  } finally {
    await lock.release();
  }
}

function assertEmpty(host: Host, target: string): void {
  const found = host.files.list(target).find((name) => !LOCK_NAMES.has(name));
  if (found !== undefined) throw new StorageError("NotEmpty", { path: target, found });
}

class Checkpoint {
  readonly #source: CheckpointSource;
  readonly #target: string;
  readonly #options: CheckpointOptions;
  /** Paths, in the order in which they were begun. */
  readonly #made: string[] = [];
  #canLink = true;
  #tablesCopied = 0;
  #bytesDone = 0;
  #bytesTotal = 0;

  constructor(source: CheckpointSource, target: string, options: CheckpointOptions) {
    this.#source = source;
    this.#target = target;
    this.#options = options;
  }

  async run(): Promise<CheckpointResult> {
    const { host, logNumbers, state } = this.#source;
    const logs = logNumbers.map((number) => {
      const name = walName(number);
      return { name, bytes: host.files.size(pathIn(this.#source.directory, name)) };
    });
    for (const { fileBytes } of state.tables) this.#bytesTotal += fileBytes;
    for (const { bytes } of logs) this.#bytesTotal += bytes;
    try {
      for (const table of state.tables) await this.#table(table);
      for (const { bytes, name } of logs) {
        await this.#copy(name);
        this.#advance(bytes);
      }
      // The names must last before a manifest speaks of them.
      host.files.syncDirectory(this.#target);
      this.#manifest();
    } catch (error) {
      this.#removeAll();
      throw error;
    }
    return {
      directory: this.#target,
      tables: state.tables.length,
      tablesCopied: this.#tablesCopied,
      logs: logs.length,
      bytes: this.#bytesTotal,
    };
  }

  async #table(table: TableMeta): Promise<void> {
    const { host, isEnded } = this.#source;
    if (isEnded()) throw new Closed("database");
    const name = tableName(table.fileNumber);
    if (!this.#link(name)) {
      const crc = await this.#copy(name);
      this.#assertCopied(table, name, crc);
      this.#tablesCopied++;
    }
    this.#advance(table.fileBytes);
    await host.timers.pause();
  }

  /** False where there can be no second name; then none of the others is tried either. */
  #link(name: string): boolean {
    if (!this.#canLink) return false;
    const to = pathIn(this.#target, name);
    try {
      this.#source.host.files.link(pathIn(this.#source.directory, name), to);
    } catch (error) {
      if (!(error instanceof StorageError) || !NO_LINKS.has(error.details["error"])) throw error;
      this.#canLink = false;
      return false;
    }
    this.#made.push(to);
    return true;
  }

  /** Copies a file and syncs it; gives the CRC-32 of what was read. */
  async #copy(name: string): Promise<number> {
    const { directory, host, isEnded } = this.#source;
    const to = pathIn(this.#target, name);
    const from = host.files.open(pathIn(directory, name), "read");
    try {
      const file = host.files.open(to, "create");
      this.#made.push(to);
      try {
        const bytes: Bytes = new Uint8Array(COPY_BYTES);
        let offset = 0;
        let crc = 0;
        for (;;) {
          const read = from.read(bytes, 0, bytes.length, offset);
          if (read === 0) break;
          file.write(bytes, 0, read, offset);
          crc = crc32(bytes, 0, read, crc);
          offset += read;
          await host.timers.pause();
          if (isEnded()) throw new Closed("database");
        }
        await file.sync();
        return crc;
      } finally {
        file.close();
      }
    } finally {
      from.close();
    }
  }

  #assertCopied(table: TableMeta, name: string, crc: number): void {
    if (crc === table.fileCrc) return;
    throw new CorruptionError({
      file: pathIn(this.#source.directory, name),
      offset: 0,
      expected: `a file with checksum ${table.fileCrc}`,
      found: `${crc}`,
    });
  }

  #manifest(): void {
    const { host, manifestNumber, state } = this.#source;
    ManifestWriter.create(host, this.#target, state, manifestNumber).close();
  }

  #advance(bytes: number): void {
    this.#bytesDone += bytes;
    this.#options.onProgress?.({ bytesDone: this.#bytesDone, bytesTotal: this.#bytesTotal });
  }

  /** The newest first: where this is cut short, a table that is missing is noticed when the copy is opened. */
  #removeAll(): void {
    const { files } = this.#source.host;
    try {
      const known = new Set(this.#made);
      const rest = files
        .list(this.#target)
        .filter((name) => !LOCK_NAMES.has(name))
        .map((name) => pathIn(this.#target, name))
        .filter((path) => !known.has(path));
      for (const path of [...rest.toReversed(), ...this.#made.toReversed()]) files.remove(path);
    } catch {
      // The first failure is the one to be told; what is left is refused when it is opened, see (2).
    }
  }
}
