/**
 * Takes the oldest commits out of the log when they are too many or too old, a piece at a time.
 *
 * Always true:
 * (1) What goes is a beginning of the log, of commits below every transaction that is still under way; its last row stays,
 *     without its ops, and says so to readers (StorageError 'TooOld').
 * (2) Each row is counted once by each program that writes; a piece has at most so many rows, and so has each statement.
 * (3) Several programs may do so at once: they find the same pieces gone.
 */
import type { Timers } from "../../lsm/host/index.ts";
import type { Row } from "../connection/index.ts";
import type { LogReader } from "./log-reader.ts";

export interface LogSizes {
  /** Default 256 MiB. */
  readonly bytesMax?: number;
  /** Default 7 days. */
  readonly millisMax?: number;
}

const BYTES_MAX: number = 256 << 20;
const MILLIS_MAX: number = 7 * 86_400_000;
/** After a commit, and not more often. */
const TRIM_MILLIS = 10_000;
const PIECE_ROWS = 1_000;
const PIECE_BYTES: number = 1 << 20;
/** A piece goes whole, so it is a small part of what stays. */
const PIECES_MIN = 8;
/** What a row takes beside its ops. */
const ROW_BYTES = 64;

interface Piece {
  /** The number of its last commit. */
  readonly last: string;
  readonly bytes: number;
  /** When the last of its transactions began, by the server's clock. */
  readonly atMillis: number;
}

export class LogTrimmer {
  readonly #reader: LogReader;
  readonly #timers: Pick<Timers, "later">;
  readonly #bytesMax: number;
  readonly #millisMax: number;
  readonly #pieces: Piece[] = [];
  #counted = "0";
  #bytes = 0;
  #isDue = false;
  #cancel: (() => void) | undefined;

  constructor(
    reader: LogReader,
    timers: Pick<Timers, "later">,
    { bytesMax = BYTES_MAX, millisMax = MILLIS_MAX }: LogSizes,
  ) {
    this.#reader = reader;
    this.#timers = timers;
    this.#bytesMax = bytesMax;
    this.#millisMax = millisMax;
  }

  committed(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#cancel = this.#timers.later(TRIM_MILLIS, () => {
      // What fails is tried again after a later commit; nobody waits for it.
      this.#trim()
        .catch(() => {})
        .finally(() => {
          this.#isDue = false;
        });
    });
  }

  close(): void {
    this.#cancel?.();
    this.#isDue = true;
  }

  async #trim(): Promise<void> {
    let nowMillis = 0;
    for (;;) {
      const rows = await this.#reader.rowsBehind(this.#counted, PIECE_ROWS);
      if (rows.length === 0) break;
      nowMillis = Number(rows[0]![3]);
      this.#count(rows);
      if (rows.length < PIECE_ROWS) break;
    }
    for (let first = this.#pieces[0]; first !== undefined; first = this.#pieces[0]) {
      const isOld = nowMillis - first.atMillis > this.#millisMax;
      if (this.#bytes <= this.#bytesMax && !isOld) return;
      await this.#reader.removeUpTo(first.last);
      this.#pieces.shift();
      this.#bytes -= first.bytes;
    }
  }

  #count(rows: readonly Row[]): void {
    const bytesMax = Math.min(PIECE_BYTES, this.#bytesMax / PIECES_MIN);
    let bytes = 0;
    for (const [i, [xid, length, at]] of rows.entries()) {
      bytes += ROW_BYTES + Number(length);
      if (bytes < bytesMax && i < rows.length - 1) continue;
      this.#pieces.push({ last: xid!, bytes, atMillis: Number(at) });
      this.#bytes += bytes;
      this.#counted = xid!;
      bytes = 0;
    }
  }
}
