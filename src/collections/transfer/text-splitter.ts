/**
 * Bytes of a text, in chunks with any borders, split into the texts of documents: lines of NDJSON, or the elements of one
 * JSON array. Which of both it is, the first character tells: an array begins with "[".
 *
 * Always true:
 * (1) Memory holds one document's text at most, and never more than `lineBytesMax` of it: what is longer is told as a
 *     problem and left out.
 * (2) Nothing is passed over in silence but blank lines, white space and a byte order mark at the very beginning: an array
 *     that does not end, that ends early, or that has nothing between two commas is a problem too.
 * (3) `line` is the line, from 1, on which the document begins.
 */
import { concatBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";

/** The text of one document, or what is wrong with the text at that line. */
export type TextPiece =
  | { readonly line: number; readonly bytes: Bytes; readonly problem?: undefined }
  | { readonly line: number; readonly problem: string };

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const COMMA = 0x2c;
const ARRAY_START = 0x5b;
const BACKSLASH = 0x5c;
const ARRAY_END = 0x5d;
const OBJECT_START = 0x7b;
const OBJECT_END = 0x7d;
/** What the buffer of a piece begins with. */
const BUFFER_BYTES = 4_096;
const BYTE_ORDER_MARK: readonly number[] = [0xef, 0xbb, 0xbf];

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0d || byte === NEWLINE || byte === 0x09;
}

export class TextSplitter {
  readonly #lineBytesMax: number;
  #format: "unknown" | "lines" | "array" | "behind array" = "unknown";
  #line = 1;
  /** The first bytes, until it is known whether they are a byte order mark. */
  #head: Bytes | undefined = new Uint8Array(0);
  // The piece that is being gathered.
  #buffer: Bytes = new Uint8Array(BUFFER_BYTES);
  #length = 0;
  #pieceLine = 1;
  #isTooLong = false;
  #isBlank = true;
  // Where in an array we are.
  #depth = 0;
  #inString = false;
  #isEscaped = false;
  #afterComma = false;
  #toldTail = false;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** The pieces that end in this chunk. The chunk is not kept by reference. */
  push(chunk: Bytes): TextPiece[] {
    const pieces: TextPiece[] = [];
    if (this.#head === undefined) this.#split(chunk, pieces);
    else {
      const head = concatBytes(this.#head, chunk);
      if (head.length < BYTE_ORDER_MARK.length) this.#head = head;
      else this.#begin(head, pieces);
    }
    return pieces;
  }

  /** The text has ended. */
  finish(): TextPiece[] {
    const pieces: TextPiece[] = [];
    if (this.#head !== undefined) this.#begin(this.#head, pieces);
    if (this.#format === "lines") this.#end(pieces, false);
    if (this.#format === "array") {
      const problem = "the array is not closed: the text is cut short";
      pieces.push({ line: this.#line, problem });
    }
    return pieces;
  }

  #begin(head: Bytes, pieces: TextPiece[]): void {
    this.#head = undefined;
    const isMarked = BYTE_ORDER_MARK.every((byte, i) => head[i] === byte);
    this.#split(isMarked ? head.subarray(BYTE_ORDER_MARK.length) : head, pieces);
  }

  #split(chunk: Bytes, pieces: TextPiece[]): void {
    let at = 0;
    if (this.#format === "unknown") {
      while (at < chunk.length && isSpace(chunk[at]!)) {
        if (chunk[at++] === NEWLINE) this.#line++;
      }
      if (at === chunk.length) return;
      this.#format = chunk[at] === ARRAY_START ? "array" : "lines";
      if (this.#format === "array") at++;
    }
    if (this.#format === "lines") this.#splitLines(chunk, at, pieces);
    else if (this.#format === "array") this.#splitArray(chunk, at, pieces);
    else this.#lookBehind(chunk, at, pieces);
  }

  #splitLines(chunk: Bytes, from: number, pieces: TextPiece[]): void {
    let start = from;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      this.#gather(chunk, start, end < 0 ? chunk.length : end);
      if (end < 0) return;
      this.#end(pieces, false);
      this.#line++;
      start = end + 1;
    }
  }

  /** Looks at each byte once: brackets count, strings are stepped over. */
  #splitArray(chunk: Bytes, from: number, pieces: TextPiece[]): void {
    let start = from;
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (this.#inString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === BACKSLASH) this.#isEscaped = true;
        else if (byte === QUOTE) this.#inString = false;
        if (byte === NEWLINE) this.#line++;
      } else if (byte === QUOTE) this.#inString = true;
      else if (byte === NEWLINE) {
        // What begins on this line must know it.
        if (this.#isBlank) {
          this.#gather(chunk, start, at);
          start = at;
        }
        this.#line++;
      } else if (byte === OBJECT_START || byte === ARRAY_START) this.#depth++;
      else if (this.#depth > 0) {
        if (byte === OBJECT_END || byte === ARRAY_END) this.#depth--;
      } else if (byte === COMMA || byte === ARRAY_END) {
        this.#gather(chunk, start, at);
        start = at + 1;
        this.#end(pieces, byte === COMMA || this.#afterComma);
        this.#afterComma = byte === COMMA;
        if (byte === COMMA) continue;
        this.#format = "behind array";
        return this.#lookBehind(chunk, start, pieces);
      }
    }
    this.#gather(chunk, start, chunk.length);
  }

  #lookBehind(chunk: Bytes, from: number, pieces: TextPiece[]): void {
    for (let at = from; at < chunk.length && !this.#toldTail; at++) {
      if (chunk[at] === NEWLINE) this.#line++;
      if (isSpace(chunk[at]!)) continue;
      this.#toldTail = true;
      pieces.push({ line: this.#line, problem: "there is text behind the end of the array" });
    }
  }

  #gather(chunk: Bytes, start: number, end: number): void {
    let from = start;
    if (this.#isBlank) {
      while (from < end && isSpace(chunk[from]!)) from++;
      if (from === end) return;
      this.#isBlank = false;
      this.#pieceLine = this.#line;
    }
    if (this.#isTooLong) return;
    const length = this.#length + end - from;
    if (length > this.#lineBytesMax) {
      this.#isTooLong = true;
      this.#buffer = new Uint8Array(BUFFER_BYTES);
      return;
    }
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#buffer.length));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(chunk.subarray(from, end), this.#length);
    this.#length = length;
  }

  /** Gives the gathered piece, and is ready for the next one. `isRequired`: a blank one is a problem. */
  #end(pieces: TextPiece[], isRequired: boolean): void {
    const line = this.#pieceLine;
    if (this.#isTooLong) {
      const problem = `it has more than ${this.#lineBytesMax} bytes (lineBytesMax)`;
      pieces.push({ line, problem });
    } else if (!this.#isBlank) {
      pieces.push({ line, bytes: this.#buffer.slice(0, this.#length) });
    } else if (isRequired) {
      pieces.push({ line: this.#line, problem: "there is nothing between two commas" });
    }
    this.#length = 0;
    this.#isTooLong = false;
    this.#isBlank = true;
  }
}
