/**
 * The files of the logs: makes the next one, and keeps a few that are no longer needed as spares, for the next ones to
 * be written into. Overwriting a file costs a sync less than growing one, as the file system has nothing to note.
 *
 * Always true:
 * (1) What a spare holds means nothing. It has a name of its own kind, so that no recovery reads it.
 * (2) A spare becomes a log only after its name is durable, and gets the log's header before the log's name.
 * (3) There are at most SPARES_MAX spares, none more than twice as large as asked.
 */
import type { Bytes } from "../../../base/index.ts";
import { pathIn, spareName, walName } from "../codec/index.ts";
import type { Host } from "../host/index.ts";
import { STEP_BYTES, WalWriter } from "./wal-writer.ts";
import type { WalPlace } from "./wal-writer.ts";

/** A flush may set one free while another waits for the next log; more would only hold disk. */
const SPARES_MAX = 2;

interface Spare {
  readonly path: string;
  readonly bytes: number;
}

export interface LogFilesParts {
  readonly host: Host;
  readonly directory: string;
  readonly storeId: Bytes;
  /** How large the file of a log usually gets. */
  readonly walFileBytes: number;
  /** Removes a file, at once or later. */
  readonly remove: (path: string) => void;
}

export class LogFiles {
  readonly #parts: LogFilesParts;
  readonly #place: WalPlace;
  #spares: Spare[] = [];
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

  /** A log is needed no more, which is durable: its file becomes a spare, or goes. Its writer has been closed. */
  retire(logNumber: number): void {
    const { host, remove, walFileBytes } = this.#parts;
    const path = this.#pathOf(walName(logNumber));
    if (this.#spares.length >= SPARES_MAX) {
      remove(path);
      return;
    }
    try {
      const bytes = host.files.size(path);
      if (bytes <= 2 * walFileBytes) {
        const spare = this.#pathOf(spareName(logNumber));
        host.files.rename(path, spare);
        this.#spares.push({ path: spare, bytes });
        return;
      }
    } catch {
      // A file that cannot be renamed (a virus scanner holds it) is to go, and that is tried again when it fails.
    }
    remove(path);
  }

  /** Removes all spares, and gives how many bytes that sets free. */
  removeSpares(): number {
    const { spareLogBytes } = this.stats;
    for (const { path } of this.#spares.splice(0)) this.#parts.remove(path);
    return spareLogBytes;
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
