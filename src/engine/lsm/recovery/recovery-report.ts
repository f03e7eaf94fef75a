/**
 * What opening a damaged database has to say: what could not be read, and where the files went that hold it.
 *
 * Always true: a file of which anything was lost is in the folder `lost` before the database forgets it. It gets a second
 * name there, so that a crash on the way leaves it in its place too.
 */
import type { CorruptionError } from "../../contract/index.ts";
import { pathIn } from "../codec/index.ts";
import type { Host } from "../host/index.ts";

/**
 * What is done about damage when a database is opened.
 *
 * "strict": it is refused, and nothing is changed. "point-in-time": the logs are read up to the first damaged record, and
 * the state of that moment is served; damage elsewhere is refused. "salvage": all that can be read is served; what cannot
 * is left out, so that the state may be one that never was.
 */
export type RecoveryMode = "strict" | "point-in-time" | "salvage";

/** One place that could not be read. */
export interface RecoveryLoss {
  readonly file: string;
  /** In bytes from the start of the file. */
  readonly offset: number;
  readonly expected: string;
  readonly found: string;
}

export interface RecoveryReport {
  readonly mode: RecoveryMode;
  /** Empty: nothing was lost. */
  readonly losses: readonly RecoveryLoss[];
  /** Names of files that were not taken over, or not whole, and are in the folder `lost` of the database now. */
  readonly setAside: readonly string[];
  /** Commits that the logs held and that were written to tables. */
  readonly commitsReplayed: number;
}

const COPY_BYTES: number = 1024 * 1024;

export class RecoveryNotes {
  readonly mode: RecoveryMode;
  readonly #host: Host;
  readonly #directory: string;
  readonly #losses: RecoveryLoss[] = [];
  readonly #setAside = new Set<string>();
  commitsReplayed = 0;

  constructor(host: Host, directory: string, mode: RecoveryMode) {
    this.mode = mode;
    this.#host = host;
    this.#directory = directory;
  }

  get report(): RecoveryReport {
    const { commitsReplayed, mode } = this;
    return { mode, losses: this.#losses, setAside: [...this.#setAside], commitsReplayed };
  }

  lost({ expected, file, found, offset }: CorruptionError): void {
    this.#losses.push({ file, offset, expected, found });
  }

  isSetAside(name: string): boolean {
    return this.#setAside.has(name);
  }

  /** Gives the files a second name in `lost`, durably; those that are not there are left out. */
  setAside(names: readonly string[]): void {
    const { files } = this.#host;
    const present = names.filter((name) => files.exists(pathIn(this.#directory, name)));
    if (present.length === 0) return;
    const lost = pathIn(this.#directory, "lost");
    files.makeDirectory(lost);
    for (const name of present) {
      this.#setAside.add(name);
      const to = pathIn(lost, name);
      // An attempt before this one that was cut short has been here: no other file has this name, ever.
      if (!files.exists(to)) this.#linkOrCopy(pathIn(this.#directory, name), to);
    }
    files.syncDirectory(lost);
  }

  #linkOrCopy(from: string, to: string): void {
    try {
      this.#host.files.link(from, to);
    } catch {
      // Not every file system has second names.
      this.#copy(from, to);
    }
  }

  #copy(from: string, to: string): void {
    const { files } = this.#host;
    const source = files.open(from, "read");
    const draft = `${to}.part`;
    if (files.exists(draft)) files.remove(draft);
    const target = files.open(draft, "create");
    try {
      const buffer = new Uint8Array(COPY_BYTES);
      for (let at = 0; ;) {
        const bytes = source.read(buffer, 0, buffer.length, at);
        if (bytes === 0) break;
        target.write(buffer, 0, bytes, at);
        at += bytes;
      }
      target.syncNow();
    } finally {
      source.close();
      target.close();
    }
    files.rename(draft, to);
  }
}
