/**
 * The rows that a reader at one sequence sees: of each key the newest version at or below the sequence, if it is a put
 * and no range delete above it hides it.
 *
 * Always true:
 * (1) Each visible key of the range comes once, in the order of the scan; no other comes.
 * (2) A page belongs to the caller and shares no memory with a memtable, a block or the next page.
 * (3) A scan that stops at a missing block goes on from its anchor: the last key it knew itself to stand at or behind.
 * (4) Writers may add newer entries between two pages: the rows to come stay the same.
 */
import { EMPTY_BYTES, compareByteRanges, copyBytes, nextKey } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { EMPTY_DONE_PAGE, PageBuilder, isEmptyRange } from "../../contract/index.ts";
import type { KeyRange, Page, Scan, ScanOptions } from "../../contract/index.ts";
import { KIND_PUT } from "../codec/index.ts";
import { BLOCK_MISSING } from "./block-missing.ts";
import type { Cursor } from "./cursor.ts";
import type { RangeDeleteIndex } from "./range-deletes.ts";

/** The first page of a scan without a limit: enough for a screen, cheap to throw away. */
const FIRST_PAGE_ROWS = 64;
/** A limit up to this is taken to be wanted whole. */
const FIRST_PAGE_ROWS_MAX = 1_024;
const PAGE_ROWS_GROWTH = 4;
const FIRST_PAGE_BYTES_MAX = 64 * 1_024;
/** A page is cut here: larger ones leave the processor's cache before they are read. */
const PAGE_BYTES_MAX = 256 * 1_024;
/** So many older versions of a key are stepped over before a seek is tried. */
const STEPS_BEFORE_SEEK = 8;
/** Entries too new for the reader leave no anchor; after so many of them one is set. */
const STEPS_BEFORE_ANCHOR = 256;
/** After so many deleted keys in a row it is noted where they go on. */
const DELETED_BEFORE_NOTE = 64;
/** So many that were walked over since the last row are worth telling. */
const DELETED_TOLD_MIN = 256;
/** What a row is taken to need until a page has shown it. */
const ROW_BYTES_GUESS = 96;
/** Rows may have no bytes at all: the next page must not make room for endlessly many. */
const ROW_BYTES_MIN = 8;
const ROOM_FACTOR = 1.06;
/** The first page has room for so many rows and grows: whoever wants all rows of a range mostly gets few. */
const FIRST_ROOM_ROWS = 64;

/** Larger ones do not lie in the heap of the runtime, and are dear to make for a scan. */
const KEY_ROOM_BYTES = 64;

export interface VisibleScanParts {
  /** The merge of all sources of the view. The scan owns and closes it. */
  readonly cursor: Cursor;
  readonly range: KeyRange;
  /** The reader's sequence: newer entries and range deletes do not exist for it. */
  readonly sequence: number;
  /** The range deletes of all sources that have some. */
  readonly rangeDeletes: readonly RangeDeleteIndex[];
  readonly options?: ScanOptions | undefined;
  /** It goes on where another scan stopped: this many rows are left of the limit, and pages need not begin small. */
  readonly goesOn?: { readonly rowsLeft: number } | undefined;
  /** Called once, when the scan is closed or has given its last page. */
  readonly onClose?: (() => void) | undefined;
  /** Told of a span, walked through with some effort, in which the reader sees nothing. Only forward scans tell. */
  readonly onEmpty?: ((span: KeyRange) => void) | undefined;
}

const NO_OPTIONS: ScanOptions = {};

export class VisibleScan implements Scan {
  readonly #cursor: Cursor;
  readonly #range: KeyRange;
  readonly #sequence: number;
  readonly #rangeDeletes: readonly RangeDeleteIndex[];
  readonly #reverse: boolean;
  readonly #keysOnly: boolean;
  readonly #onClose: (() => void) | undefined;
  readonly #onEmpty: ((span: KeyRange) => void) | undefined;

  /** "new": the cursor is nowhere; so it is again when the scan stopped at a missing block. */
  #state: "new" | "open" | "closed" = "new";
  #rowsLeft: number;
  #pageRows: number;
  #pageBytes: number;
  #rowBytes = ROW_BYTES_GUESS;
  /** How many rows the next page has room for at first. */
  #roomRows: number;

  /** A copy of the present key, to know its other versions by; in reverse of the best version too. */
  #key: Bytes = new Uint8Array(KEY_ROOM_BYTES);
  #keyLength = 0;
  /** What the kept key says of where the scan stands; "none": at its beginning. */
  #anchor: "none" | "at" | "behind" = "none";
  #newerSteps = 0;
  /** Deleted keys since the last row, and from where on there is none. */
  #deleted = 0;
  #emptyFrom: Bytes | undefined;
  #value: Bytes = EMPTY_BYTES;
  #valueLength = 0;
  /** The index and fragment that #cover() found. */
  #coverIndex: RangeDeleteIndex | undefined;
  #coverFragment = 0;

  constructor(parts: VisibleScanParts) {
    const { goesOn, options = NO_OPTIONS } = parts;
    this.#cursor = parts.cursor;
    this.#range = parts.range;
    this.#sequence = parts.sequence;
    this.#rangeDeletes = parts.rangeDeletes;
    this.#reverse = options.reverse ?? false;
    this.#keysOnly = options.keysOnly ?? false;
    this.#onClose = parts.onClose;
    this.#onEmpty = parts.onEmpty;
    const { limit } = options;
    this.#rowsLeft = goesOn?.rowsLeft ?? limit ?? Infinity;
    const wantsAll = goesOn !== undefined || options.expect === "all";
    this.#pageBytes = wantsAll ? PAGE_BYTES_MAX : FIRST_PAGE_BYTES_MAX;
    this.#roomRows = wantsAll ? FIRST_ROOM_ROWS : Infinity;
    if (wantsAll) this.#pageRows = Infinity;
    else this.#pageRows = Math.min(limit ?? FIRST_PAGE_ROWS, FIRST_PAGE_ROWS_MAX);
  }

  /** What is left of the range, as far as is known. */
  get rest(): KeyRange {
    if (this.#anchor === "none") return this.#range;
    const key = copyBytes(this.#key, 0, this.#keyLength);
    const behind = nextKey(key);
    return this.#reverse
      ? { start: this.#range.start, end: this.#anchor === "at" ? behind : key }
      : { start: this.#anchor === "at" ? key : behind, end: this.#range.end };
  }

  /** Throws BLOCK_MISSING if it stops before it has a row; it goes on when it is called again. */
  next(): Page {
    if (this.#state === "closed") return EMPTY_DONE_PAGE;
    const rows = Math.min(this.#rowsLeft, this.#pageRows);
    // A little more than the average gives, so that most pages never grow.
    const rowsByBytes = Math.ceil((this.#pageBytes / this.#rowBytes) * ROOM_FACTOR) + 1;
    const rowsExpected = Math.min(rows, rowsByBytes, this.#roomRows);
    const builder = new PageBuilder({
      keysOnly: this.#keysOnly,
      rows: rowsExpected,
      bytes: Math.ceil(rowsExpected * this.#rowBytes * ROOM_FACTOR) + 1,
      inOneGo: true,
    });
    let isStopped = false;
    try {
      if (this.#state === "open") this.#cursor.resume();
      else if (!this.#begin()) {
        this.close();
        return EMPTY_DONE_PAGE;
      }
      if (this.#reverse) this.#fillBack(builder, rows);
      else this.#fillForward(builder, rows);
    } catch (error) {
      if (error !== BLOCK_MISSING) throw error;
      this.#state = "new";
      if (builder.rows === 0) throw error;
      isStopped = true;
    }
    return this.#handOver(builder, isStopped);
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#cursor.close();
    this.#onClose?.();
  }

  /** Goes to the first entry of the scan; false if the scan can have no rows. */
  #begin(): boolean {
    const { start, end } = this.rest;
    if (this.#rowsLeft <= 0 || isEmptyRange({ start, end })) return false;
    if (!this.#reverse) this.#cursor.seek(start);
    else if (end === undefined) this.#cursor.seekToLast();
    else this.#cursor.seekBefore(end);
    this.#state = "open";
    return true;
  }

  #handOver(builder: PageBuilder, isStopped: boolean): Page {
    this.#rowsLeft -= builder.rows;
    const done = this.#rowsLeft <= 0 || (!isStopped && !this.#isInRange());
    if (builder.rows > 0) {
      this.#rowBytes = Math.max(ROW_BYTES_MIN, builder.bytes / builder.rows);
    }
    this.#pageRows *= PAGE_ROWS_GROWTH;
    this.#pageBytes = PAGE_BYTES_MAX;
    this.#roomRows = Infinity;
    const page = builder.build(done);
    if (done && this.#rowsLeft > 0) this.#tellEmpty(this.#range.end);
    if (done) this.close();
    return page;
  }

  /** HOT: bench/micro/lsm-storage. */
  #fillForward(page: PageBuilder, rows: number): void {
    const cursor = this.#cursor;
    const bytesMax = this.#pageBytes;
    while (page.rows < rows && page.bytes < bytesMax && this.#isInRange()) {
      if (cursor.sequence > this.#sequence) {
        if (++this.#newerSteps % STEPS_BEFORE_ANCHOR === 0) this.#keepKey("at");
        cursor.next();
        continue;
      }
      const cover = this.#cover();
      if (cursor.sequence < cover) {
        this.#keepKey("at");
        this.#emptyFrom ??= copyBytes(this.#key, 0, this.#keyLength);
        cursor.skipHidden(this.#coverIndex!.endOf(this.#coverFragment), cover);
        continue;
      }
      if (cursor.kind === KIND_PUT) {
        page.add(
          cursor.keyBuffer,
          cursor.keyStart,
          cursor.keyEnd,
          cursor.valueBuffer,
          cursor.valueStart,
          cursor.valueEnd,
          cursor.valueView,
        );
        if (this.#emptyFrom !== undefined) this.#endEmpty();
        this.#deleted = 0;
      } else if (++this.#deleted === DELETED_BEFORE_NOTE) this.#emptyFrom ??= this.#presentKey();
      this.#leaveKey();
    }
  }

  /** A row ends the span in which there is none. */
  #endEmpty(): void {
    if (this.#deleted >= DELETED_TOLD_MIN) this.#tellEmpty(this.#presentKey());
    this.#emptyFrom = undefined;
  }

  #tellEmpty(end: Bytes | undefined): void {
    if (this.#emptyFrom === undefined || this.#deleted < DELETED_TOLD_MIN) return;
    this.#onEmpty?.({ start: this.#emptyFrom, end });
  }

  #presentKey(): Bytes {
    const { keyBuffer, keyStart, keyEnd } = this.#cursor;
    return copyBytes(keyBuffer, keyStart, keyEnd);
  }

  /** Moves past the older versions of the present key. */
  #leaveKey(): void {
    const cursor = this.#cursor;
    this.#keepKey("behind");
    cursor.next();
    for (let steps = 1; cursor.valid && this.#isKeptKey(); steps++) {
      if (steps === STEPS_BEFORE_SEEK) {
        cursor.seek(nextKey(this.#key.subarray(0, this.#keyLength)));
        return;
      }
      cursor.next();
    }
  }

  /** In reverse the versions of a key come oldest first, so the best one is known only when the key has passed. */
  #fillBack(page: PageBuilder, rows: number): void {
    const cursor = this.#cursor;
    const bytesMax = this.#pageBytes;
    while (page.rows < rows && page.bytes < bytesMax && this.#isInRange()) {
      if (cursor.sequence > this.#sequence) {
        this.#stepOverNewerBack();
        continue;
      }
      const cover = this.#cover();
      if (cursor.sequence < cover) {
        this.#keepKey("at");
        cursor.skipHiddenBack(this.#coverIndex!.startOf(this.#coverFragment), cover);
        continue;
      }
      this.#keepKey("at");
      const kind = this.#takeNewestBack();
      this.#anchor = "behind";
      if (kind === KIND_PUT) {
        page.add(this.#key, 0, this.#keyLength, this.#value, 0, this.#valueLength);
      }
    }
  }

  /** These may be versions of the key that was given last: the scan stands behind that one all the same. */
  #stepOverNewerBack(): void {
    if (++this.#newerSteps % STEPS_BEFORE_ANCHOR === 0) {
      if (this.#anchor !== "behind" || !this.#isKeptKey()) this.#keepKey("at");
    }
    this.#cursor.prev();
  }

  /** Keeps the value of the newest visible version of the kept key, moves before that key, and gives the kind. */
  #takeNewestBack(): number {
    const cursor = this.#cursor;
    let { kind } = cursor;
    let steps = 0;
    do {
      if (++steps === STEPS_BEFORE_SEEK) return this.#takeNewestBySeek();
      kind = cursor.kind;
      this.#keepValue();
      cursor.prev();
    } while (cursor.valid && cursor.sequence <= this.#sequence && this.#isKeptKey());
    return kind;
  }

  #takeNewestBySeek(): number {
    const cursor = this.#cursor;
    const key = this.#key.subarray(0, this.#keyLength);
    cursor.seek(key);
    while (cursor.sequence > this.#sequence) cursor.next();
    const { kind } = cursor;
    this.#keepValue();
    cursor.seekBefore(key);
    return kind;
  }

  #isInRange(): boolean {
    const cursor = this.#cursor;
    if (!cursor.valid) return false;
    const { start, end } = this.#range;
    const bound = this.#reverse ? start : end;
    if (bound === undefined) return true;
    const order = compareByteRanges(
      cursor.keyBuffer,
      cursor.keyStart,
      cursor.keyEnd,
      bound,
      0,
      bound.length,
    );
    return this.#reverse ? order >= 0 : order < 0;
  }

  /** The largest sequence of a visible range delete over the present key; 0 if there is none. */
  #cover(): number {
    let largest = 0;
    const cursor = this.#cursor;
    for (const index of this.#rangeDeletes) {
      const fragment = index.find(cursor.keyBuffer, cursor.keyStart, cursor.keyEnd);
      if (fragment === -1) continue;
      // Sequences are whole, but for those of spans that were found to be empty: half a step after a whole one.
      const sequence = index.sequenceOf(fragment, this.#sequence + 1 / 2);
      if (sequence <= largest) continue;
      largest = sequence;
      this.#coverIndex = index;
      this.#coverFragment = fragment;
    }
    return largest;
  }

  #keepKey(anchor: "at" | "behind"): void {
    this.#anchor = anchor;
    const { keyBuffer, keyStart, keyEnd } = this.#cursor;
    const length = keyEnd - keyStart;
    if (length > this.#key.length) this.#key = new Uint8Array(length * 2);
    copyBytesInto(this.#key, keyBuffer, keyStart, keyEnd);
    this.#keyLength = length;
  }
  #isKeptKey(): boolean {
    const { keyBuffer, keyStart, keyEnd } = this.#cursor;
    const length = this.#keyLength;
    if (keyEnd - keyStart !== length) return false;
    // From the end: neighbours mostly differ there.
    const key = this.#key;
    for (let i = length - 1; i >= 0; i--) if (keyBuffer[keyStart + i] !== key[i]) return false;
    return true;
  }
  #keepValue(): void {
    if (this.#keysOnly) return;
    const { valueBuffer, valueStart, valueEnd } = this.#cursor;
    const length = valueEnd - valueStart;
    if (length > this.#value.length) this.#value = new Uint8Array(Math.max(256, length * 2));
    copyBytesInto(this.#value, valueBuffer, valueStart, valueEnd);
    this.#valueLength = length;
  }
}

/** Short runs by a loop: a view for `set` costs more than the copy itself. */
function copyBytesInto(target: Bytes, source: Bytes, start: number, end: number): void {
  if (end - start > 64) {
    target.set(source.subarray(start, end));
    return;
  }
  for (let i = start; i < end; i++) target[i - start] = source[i]!;
}
