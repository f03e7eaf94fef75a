/**
 * The files of open tables. A database may have many thousands of tables, and a process only so many open files; so a
 * file that was not read for a while is closed, and opened again when it is read next. A table's memory stays as it is.
 *
 * Always true:
 * (1) At most `filesMax` files are open here, plus those of which a read beside the thread is still under way.
 * (2) They are given up by CLOCK: the hand passes over a file once if it was read since the last time.
 */
import { Closed, assert } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import type { FileHandle, FileSystem, OpenMode } from "../host/index.ts";

export class TableFiles {
  readonly #files: FileSystem;
  readonly #filesMax: number;
  /** Those that are open, in the order in which the hand goes round. */
  readonly #open: TableFile[] = [];
  #hand = 0;
  #reopened = 0;

  constructor(files: FileSystem, filesMax: number) {
    this.#files = files;
    this.#filesMax = filesMax;
  }

  get stats(): Readonly<Record<"openFiles" | "filesReopened", number>> {
    return { openFiles: this.#open.length, filesReopened: this.#reopened };
  }

  /** Opens a file to be read. */
  open(path: string, mode: OpenMode): FileHandle {
    assert(mode === "read", "files of tables are only read here");
    return new TableFile(path, {
      take: (file, isAgain) => {
        if (this.#open.length >= this.#filesMax) this.#closeOne();
        const handle = this.#files.open(path, "read");
        if (isAgain) this.#reopened++;
        // Behind the hand, so that it comes to this one last.
        this.#open.splice(this.#hand++, 0, file);
        return handle;
      },
      leave: (file) => this.#remove(this.#open.indexOf(file)),
    });
  }

  #closeOne(): void {
    for (;;) {
      if (this.#hand >= this.#open.length) this.#hand = 0;
      const file = this.#open[this.#hand]!;
      if (!file.wasRead) {
        this.#remove(this.#hand);
        file.rest();
        return;
      }
      file.wasRead = false;
      this.#hand++;
    }
  }

  #remove(at: number): void {
    this.#open.splice(at, 1);
    if (at < this.#hand) this.#hand--;
  }
}

interface Shelf {
  readonly take: (file: TableFile, isAgain: boolean) => FileHandle;
  readonly leave: (file: TableFile) => void;
}

class TableFile implements FileHandle {
  readonly path: string;
  readonly #shelf: Shelf;
  #handle: FileHandle | undefined;
  #isClosed = false;
  /** Since the hand last passed, or since it was opened; the read that it was opened for does not count. */
  wasRead = false;

  constructor(path: string, shelf: Shelf) {
    this.path = path;
    this.#shelf = shelf;
    this.#handle = shelf.take(this, false);
  }

  read(target: Bytes, start: number, end: number, offset: number): number {
    return this.#opened().read(target, start, end, offset);
  }
  async readAsync(target: Bytes, start: number, end: number, offset: number): Promise<number> {
    return this.#opened().readAsync(target, start, end, offset);
  }
  size(): number {
    return this.#opened().size();
  }

  write(): never {
    throw this.#readOnly();
  }
  truncate(): never {
    throw this.#readOnly();
  }
  sync(): Promise<never> {
    return Promise.reject(this.#readOnly());
  }
  syncNow(): never {
    throw this.#readOnly();
  }

  /** Closes the file until it is read again. */
  rest(): void {
    this.#handle?.close();
    this.#handle = undefined;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#handle !== undefined) this.#shelf.leave(this);
    this.rest();
  }

  #opened(): FileHandle {
    if (this.#handle !== undefined) {
      this.wasRead = true;
      return this.#handle;
    }
    this.wasRead = false;
    if (this.#isClosed) throw new Closed(this.path);
    this.#handle = this.#shelf.take(this, true);
    return this.#handle;
  }

  #readOnly(): Error {
    return new TypeError(`${this.path} is open to be read only.`);
  }
}
