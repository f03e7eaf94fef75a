/**
 * The files of the logs: makes the next one, and keeps a few that are no longer needed as spares, for the next ones to
 * be written into. Overwriting a file costs a sync less than growing one, as the file system has nothing to note.
 *
 * Always true:
 * (1) What a spare holds means nothing. It has a name of its own kind, so that no recovery reads it.
 * (2) A spare becomes a log only after its name is durable, and gets the log's header before the log's name.
 * (3) There are at most SPARES_MAX spares, none more than twice as large as asked.
 * (4) Room on the disk is a convenience: a full disk while a spare is made is no failure.
 */
import type { Bytes } from "../../../base/index.ts";
import { DiskFull } from "../../contract/index.ts";
import { pathIn, spareName, walName } from "../codec/index.ts";
import type { Host } from "../host/index.ts";
import { STEP_BYTES, WalWriter, writeZeros } from "./wal-writer.ts";
import type { WalPlace } from "./wal-writer.ts";

/** A flush may set one free while another waits for the next log; more would only hold disk. */
const SPARES_MAX = 2;
/** A spare is synced after so many bytes, so that the commits of others never wait for all of it. */
const SYNC_BYTES: number = 4 * STEP_BYTES;

interface Spare {
  readonly path: string;
  readonly bytes: number;
}

export interface LogFilesParts {
  readonly host: Host;
  readonly directory: string;
  readonly storeId: Bytes;
  /** How large the file of a log is made ahead. */
  readonly walFileBytes: number;
  readonly takeNumber: () => number;
  /** Removes a file, at once or later. */
  readonly remove: (path: string) => void;
}

export class LogFiles {
  readonly #parts: LogFilesParts;
  readonly #place: WalPlace;
  #spares: Spare[] = [];
  #preparing: Promise<void> | undefined;
  #isClosed = false;
  #recycled = 0;

  constructor(parts: LogFilesParts) {
    this.#parts = parts;
    const { directory, host, storeId, walFileBytes } = parts;
    this.#place = { host, directory, storeId, stepBytes: Math.min(STEP_BYTES, walFileBytes) };
  }

  get stats(): Readonly<Record<"spareLogs" | "spareLogBytes" | "recycledLogs", number>> {
    let spareLogBytes = 0;
    for (const { bytes } of this.#spares) spareLogBytes += bytes;
    return { spareLogs: this.#spares.length, spareLogBytes, recycledLogs: this.#recycled };
  }

  /** Makes a log, blocking: for opening, where nobody waits for anything else. */
  createNow(logNumber: number): WalWriter {
    return WalWriter.create(this.#place, logNumber, this.#takeSpare());
  }

  /** Makes a log without blocking. Where it fails nothing is left behind but the spare, which goes. */
  async create(logNumber: number): Promise<WalWriter> {
    const spare = this.#takeSpare();
    try {
      return await WalWriter.createInBackground(this.#place, logNumber, spare);
    } catch (cause) {
      const draft = spare ?? this.#pathOf(spareName(logNumber));
      if (this.#parts.host.files.exists(draft)) this.#parts.remove(draft);
      throw cause;
    }
  }

  /** Takes over a spare that the former run left, or removes it. */
  adopt(spareNumber: number): void {
    this.#keep(this.#pathOf(spareName(spareNumber)), () => undefined);
  }

  /** A log is needed no more, which is durable: its file becomes a spare, or goes. Its writer has been closed. */
  retire(logNumber: number): void {
    const path = this.#pathOf(walName(logNumber));
    const spare = this.#pathOf(spareName(logNumber));
    this.#keep(path, () => this.#parts.host.files.rename(path, spare), spare);
  }

  /** Sees to it that there is a spare, without blocking. Fails if the storage does, unless it is only full. */
  prepare(): Promise<void> {
    if (this.#isClosed || this.#spares.length > 0) return Promise.resolve();
    this.#preparing ??= this.#prepare().finally(() => {
      this.#preparing = undefined;
    });
    return this.#preparing;
  }

  /** Removes all spares. */
  removeSpares(): void {
    for (const { path } of this.#spares.splice(0)) this.#parts.remove(path);
  }

  /** No spare is made from here on; one that is being made is given up. Whoever asked for that one hears of failures. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#preparing?.catch(() => undefined);
  }

  async #prepare(): Promise<void> {
    const path = this.#pathOf(spareName(this.#parts.takeNumber()));
    try {
      await this.#writeSpare(path);
    } catch (cause) {
      if (this.#parts.host.files.exists(path)) this.#parts.remove(path);
      if (!(cause instanceof DiskFull)) throw cause;
    }
  }

  async #writeSpare(path: string): Promise<void> {
    const { host, walFileBytes } = this.#parts;
    const file = host.files.open(path, "create");
    try {
      for (let at = 0; at < walFileBytes && !this.#isClosed;) {
        at = writeZeros(file, at, Math.min(at + SYNC_BYTES, walFileBytes));
        await file.sync();
      }
    } finally {
      file.close();
    }
    if (this.#isClosed) this.#parts.remove(path);
    else this.#spares.push({ path, bytes: walFileBytes });
  }

  #keep(path: string, rename: () => void, renamed: string = path): void {
    const { host, remove, walFileBytes } = this.#parts;
    if (this.#spares.length >= SPARES_MAX) {
      remove(path);
      return;
    }
    try {
      const bytes = host.files.size(path);
      if (bytes <= 2 * walFileBytes) {
        rename();
        this.#spares.push({ path: renamed, bytes });
        return;
      }
    } catch {
      // A file that cannot be renamed (a virus scanner holds it) is to go, and that is tried again when it fails.
    }
    remove(path);
  }

  #takeSpare(): string | undefined {
    const spare = this.#spares.shift();
    if (spare !== undefined) this.#recycled++;
    return spare?.path;
  }

  #pathOf(name: string): string {
    return pathIn(this.#parts.directory, name);
  }
}
