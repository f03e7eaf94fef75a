/**
 * Reads one sorted run once, forward, for merging: one of its tables is open at a time, and goes as soon as it is read.
 *
 * Always true: `sequence` is the age of the run, so that of equal keys the one of the newer run comes first.
 */
import { EMPTY_BYTES, assert } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { KIND_PUT } from "../codec/index.ts";
import type { Cursor } from "../cursor/index.ts";
import type { TableMeta } from "../manifest/index.ts";
import type { TableReader } from "../sstable/index.ts";

export interface RunCursorParts {
  readonly tables: readonly TableMeta[];
  /** Higher is newer. */
  readonly age: number;
  readonly open: (table: TableMeta) => TableReader;
  /** Its last entry was read. */
  readonly done: (table: TableMeta) => void;
}

export class RunCursor implements Cursor {
  readonly #parts: RunCursorParts;
  #at = -1;
  #reader: TableReader | undefined;
  #cursor: Cursor | undefined;

  readonly sequence: number;
  readonly kind: number = KIND_PUT;

  constructor(parts: RunCursorParts) {
    this.#parts = parts;
    this.sequence = parts.age;
  }

  get valid(): boolean {
    return this.#cursor !== undefined && this.#cursor.valid;
  }
  get keyBuffer(): Bytes {
    return this.#cursor?.keyBuffer ?? EMPTY_BYTES;
  }
  get keyStart(): number {
    return this.#cursor!.keyStart;
  }
  get keyEnd(): number {
    return this.#cursor!.keyEnd;
  }
  get valueBuffer(): Bytes {
    return this.#cursor!.valueBuffer;
  }
  get valueStart(): number {
    return this.#cursor!.valueStart;
  }
  get valueEnd(): number {
    return this.#cursor!.valueEnd;
  }
  get valueView(): DataView {
    return this.#cursor!.valueView;
  }

  seekToFirst(): void {
    this.#openNext();
  }
  next(): void {
    const cursor = this.#cursor!;
    cursor.next();
    if (!cursor.valid) {
      this.#parts.done(this.#closeTable());
      this.#openNext();
    }
  }
  resume(): void {
    this.#cursor?.resume();
  }
  close(): void {
    if (this.#reader !== undefined) this.#closeTable();
  }

  seekToLast(): void {
    onlyForward();
  }
  seek(): void {
    onlyForward();
  }
  seekBefore(): void {
    onlyForward();
  }
  prev(): void {
    onlyForward();
  }
  skipHidden(): void {
    onlyForward();
  }
  skipHiddenBack(): void {
    onlyForward();
  }

  #openNext(): void {
    this.#at++;
    const table = this.#parts.tables[this.#at];
    if (table === undefined) return;
    this.#reader = this.#parts.open(table);
    // Everything is read once; the cache keeps what others read.
    this.#cursor = this.#reader.cursor({ fillCache: false });
    this.#cursor.seekToFirst();
  }

  #closeTable(): TableMeta {
    this.#cursor?.close();
    this.#reader?.close();
    this.#cursor = undefined;
    this.#reader = undefined;
    return this.#parts.tables[this.#at]!;
  }
}

function onlyForward(): void {
  assert(false, "a run is read once, forward");
}
