/**
 * Writes keys: a prefix, then values in the form of key-format.ts, then perhaps a document key.
 *
 * Always true:
 * (1) What is written was checked at the border: NaN, invalid dates and lone surrogates are our own mistakes here.
 * (2) finish() gives exactly the key, as bytes that never change again, and takes the writer back to its prefix. So does
 *     a failure: nothing of a key that was never finished gets into the next one.
 *
 * HOT: one call for each indexed field of each written document (bench/micro/key-encoding.ts).
 */
import { EMPTY_BYTES, assert } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { Scalar } from "../schema/document-type.ts";
import {
  BIGINT_LENGTH_BYTES_MAX,
  BIGINT_SHORT_BYTES_MAX,
  BIGINT_SHORT_HEAD_MAX,
  BIGINT_ZERO_HEAD,
  ESCAPE,
  ESCAPED_TERMINATOR,
  TAG_BIGINT,
  TAG_BYTES,
  TAG_DATE,
  TAG_FALSE,
  TAG_NULLISH,
  TAG_NUMBER,
  TAG_STRING,
  TAG_TRUE,
  TERMINATOR,
} from "./key-format.ts";
import { isDate, isWellFormed } from "./value-order.ts";

/** Most keys are shorter; the buffer doubles where one is not. */
const bufferBytesFirst = 128;
/** A writer that wrote a longer key gives its buffer back. */
const bufferBytesKept = 16_384;
/** Of keys that live briefly so many bytes share memory. */
const slabBytes = 16_384;

/** Above this, TextEncoder with a look for what must be escaped is faster than a loop over the units. */
const handmadeTextLengthMax = 32;
const utf8 = new TextEncoder();

/** A number seen as its bytes. One for all: nothing here waits between writing and reading it. */
const scratch = new DataView(new ArrayBuffer(8));

export class KeyWriter {
  readonly #prefix: Bytes;
  readonly #slabBytes: number | undefined;
  #buffer: Bytes;
  /** Where the present key begins: 0, but in a slab. */
  #start = 0;
  #used: number;

  /**
   * `lives`: "long" (default) for keys with memory of their own; "briefly" for those of a transaction, which are handed
   * out where they were written, in a slab that lives as long as one of its keys. See ByteSlab.
   */
  constructor(prefix: Bytes = EMPTY_BYTES, lives: "long" | "briefly" = "long") {
    this.#prefix = prefix;
    this.#slabBytes = lives === "briefly" ? slabBytes : undefined;
    this.#buffer = new Uint8Array(prefix.length + bufferBytesFirst);
    this.#buffer.set(prefix);
    this.#used = prefix.length;
  }

  /** The size of the key so far. */
  get length(): number {
    return this.#used - this.#start;
  }

  /** Appends a value as an ordered part. */
  value(value: Scalar, descending = false): this {
    const start = this.length;
    try {
      this.#part(value);
    } catch (error) {
      this.discard();
      throw error;
    }
    if (descending) this.#complement(start);
    return this;
  }

  #part(value: Scalar): void {
    switch (typeof value) {
      case "string":
        this.#string(value);
        break;
      case "number":
        this.#number(TAG_NUMBER, value);
        break;
      case "boolean":
        this.#tag(value ? TAG_TRUE : TAG_FALSE);
        break;
      case "bigint":
        this.#bigint(value);
        break;
      case "object":
      case "undefined":
        this.#object(value);
        break;
      case "function":
      case "symbol":
        assert(false, "only scalars are written into keys");
    }
  }

  /**
   * Appends bytes that are ordered already, such as a document key. Ascending they stand as they are, and must be the last
   * part or delimit themselves. Descending they are escaped, ended and complemented as bytes are: without an end a prefix
   * would come before its extensions in this direction too. Only those from `from` on are meant: to cut a view of a small
   * array makes V8 move its bytes out of its heap, half a microsecond.
   */
  raw(bytes: Bytes, descending = false, from = 0): this {
    if (descending) {
      const start = this.length;
      this.#reserve((bytes.length - from) * 2 + 1);
      this.#escaped(bytes, from);
      this.#complement(start);
      return this;
    }
    this.#reserve(bytes.length - from);
    const buffer = this.#buffer;
    let at = this.#used;
    for (let i = from; i < bytes.length; i++) buffer[at++] = bytes[i]!;
    this.#used = at;
    return this;
  }

  /** Takes back what was written of a key that will not be finished. */
  discard(): void {
    this.#used = this.#start + this.#prefix.length;
  }

  /** The key, which nothing that is written later changes; the writer is at its prefix again. */
  finish(): Bytes {
    if (this.#slabBytes !== undefined) return this.#handOut();
    const prefixLength = this.#prefix.length;
    const key = this.#buffer.slice(0, this.#used);
    this.#used = prefixLength;
    if (this.#buffer.length > bufferBytesKept) {
      this.#buffer = this.#buffer.slice(0, prefixLength + bufferBytesFirst);
    }
    return key;
  }

  #handOut(): Bytes {
    const prefix = this.#prefix;
    const start = this.#start;
    const key = new Uint8Array(this.#buffer.buffer, start, this.#used - start);
    this.#start = this.#used;
    if (this.#buffer.length > slabBytes) {
      // A long key keeps its memory to itself.
      this.#buffer = new Uint8Array(slabBytes);
      this.#start = this.#used = 0;
    }
    this.#reserve(prefix.length);
    const buffer = this.#buffer;
    for (let i = 0; i < prefix.length; i++) buffer[this.#used++] = prefix[i]!;
    return key;
  }

  #object(value: null | undefined | object): void {
    if (value === null || value === undefined) this.#tag(TAG_NULLISH);
    else if (isDate(value)) this.#number(TAG_DATE, value.getTime());
    else if (value instanceof Uint8Array) {
      this.#reserve(value.length * 2 + 2);
      this.#buffer[this.#used++] = TAG_BYTES;
      this.#escaped(value, 0);
    } else assert(false, "only scalars are written into keys");
  }

  #tag(tag: number): void {
    this.#reserve(1);
    this.#buffer[this.#used++] = tag;
  }

  #number(tag: number, value: number): void {
    assert(value === value, "NaN and invalid dates are refused at the border");
    this.#reserve(9);
    // Adding 0 makes 0 of -0.
    scratch.setFloat64(0, value + 0);
    let high = scratch.getInt32(0);
    let low = scratch.getInt32(4);
    if (high < 0) {
      high = ~high;
      low = ~low;
    } else high ^= 0x8000_0000;
    const buffer = this.#buffer;
    const at = this.#used;
    buffer[at] = tag;
    buffer[at + 1] = high >>> 24;
    buffer[at + 2] = high >>> 16;
    buffer[at + 3] = high >>> 8;
    buffer[at + 4] = high;
    buffer[at + 5] = low >>> 24;
    buffer[at + 6] = low >>> 16;
    buffer[at + 7] = low >>> 8;
    buffer[at + 8] = low;
    this.#used = at + 9;
  }

  #string(text: string): void {
    this.#reserve(text.length * 3 + 2);
    this.#buffer[this.#used++] = TAG_STRING;
    if (text.length <= handmadeTextLengthMax) this.#shortText(text);
    else this.#longText(text);
    this.#buffer[this.#used++] = TERMINATOR;
  }

  #longText(text: string): void {
    assert(isWellFormed(text), "lone surrogates are refused at the border");
    if (text.includes("\u0000") || text.includes("\u0001")) return this.#shortText(text);
    const { written } = utf8.encodeInto(text, this.#buffer.subarray(this.#used));
    this.#used += written;
  }

  /** UTF-8, escaped, without an end. A unit takes at most 3 bytes; a pair of surrogates 4. */
  #shortText(text: string): void {
    const buffer = this.#buffer;
    let at = this.#used;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit < 0x80) {
        if (unit <= ESCAPE) {
          buffer[at++] = ESCAPE;
          buffer[at++] = unit + ESCAPED_TERMINATOR;
        } else buffer[at++] = unit;
      } else if (unit < 0x800) {
        buffer[at++] = 0xc0 | (unit >> 6);
        buffer[at++] = 0x80 | (unit & 0x3f);
      } else if (unit < 0xd800 || unit > 0xdfff) {
        buffer[at++] = 0xe0 | (unit >> 12);
        buffer[at++] = 0x80 | ((unit >> 6) & 0x3f);
        buffer[at++] = 0x80 | (unit & 0x3f);
      } else {
        const next = text.charCodeAt(++i);
        assert(unit < 0xdc00 && next >> 10 === 0x37, "lone surrogates are refused at the border");
        const point = 0x1_0000 + ((unit & 0x3ff) << 10) + (next & 0x3ff);
        buffer[at++] = 0xf0 | (point >> 18);
        buffer[at++] = 0x80 | ((point >> 12) & 0x3f);
        buffer[at++] = 0x80 | ((point >> 6) & 0x3f);
        buffer[at++] = 0x80 | (point & 0x3f);
      }
    }
    this.#used = at;
  }

  /** Bytes from `from` on, escaped, with their end; the room is reserved. */
  #escaped(bytes: Bytes, from: number): void {
    const buffer = this.#buffer;
    let at = this.#used;
    for (let i = from; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (byte <= ESCAPE) {
        buffer[at++] = ESCAPE;
        buffer[at++] = byte + ESCAPED_TERMINATOR;
      } else buffer[at++] = byte;
    }
    buffer[at++] = TERMINATOR;
    this.#used = at;
  }

  #bigint(value: bigint): void {
    const magnitude = value < 0n ? -value : value;
    const isSmall = magnitude <= 0xffff_ffff_ffff_ffffn;
    const digits = isSmall ? "" : magnitude.toString(16);
    if (isSmall) scratch.setBigUint64(0, magnitude);
    const bytes = isSmall ? scratchBytes() : (digits.length + 1) >> 1;
    this.#reserve(bytes + 2 + BIGINT_LENGTH_BYTES_MAX);
    this.#buffer[this.#used++] = TAG_BIGINT;
    const start = this.length;
    this.#bigintHead(bytes);
    if (isSmall)
      for (let i = 8 - bytes; i < 8; i++) this.#buffer[this.#used++] = scratch.getUint8(i);
    else this.#hexadecimal(digits);
    if (value < 0n) this.#complement(start);
  }

  /** The bytes of a number in hexadecimal; an odd number of digits begins with half a byte. */
  #hexadecimal(digits: string): void {
    const buffer = this.#buffer;
    let from = 0;
    for (let to = 2 - (digits.length & 1); to <= digits.length; to += 2) {
      buffer[this.#used++] = Number.parseInt(digits.slice(from, to), 16);
      from = to;
    }
  }

  #bigintHead(bytes: number): void {
    const buffer = this.#buffer;
    if (bytes <= BIGINT_SHORT_BYTES_MAX) {
      buffer[this.#used++] = BIGINT_ZERO_HEAD + bytes;
      return;
    }
    const size = bytes < 0x100 ? 1 : bytes < 0x1_0000 ? 2 : bytes < 0x100_0000 ? 3 : 4;
    buffer[this.#used++] = BIGINT_SHORT_HEAD_MAX + 1 + size;
    for (let shift = (size - 1) * 8; shift >= 0; shift -= 8) buffer[this.#used++] = bytes >>> shift;
  }

  /** From so many bytes of the key on. */
  #complement(from: number): void {
    const buffer = this.#buffer;
    for (let i = this.#start + from; i < this.#used; i++) buffer[i] = ~buffer[i]!;
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#buffer.length) return;
    // In a slab the keys before the present one belong to others by now, and stay where they are.
    const length = this.#used - this.#start;
    const size = this.#slabBytes ?? this.#buffer.length * 2;
    const grown = new Uint8Array(Math.max(size, (length + bytes) * 2));
    grown.set(this.#buffer.subarray(this.#start, this.#used));
    this.#buffer = grown;
    this.#start = 0;
    this.#used = length;
  }
}

/** How many bytes the number in the scratch has, without leading zeros. */
function scratchBytes(): number {
  let zeros = 0;
  while (zeros < 8 && scratch.getUint8(zeros) === 0) zeros++;
  return 8 - zeros;
}

const shared = new KeyWriter();

/** A key of a prefix and some values; descendings[i] says how values[i] is written (missing: ascending). */
export function encodeKey(
  prefix: Bytes,
  values: readonly Scalar[],
  descendings: readonly boolean[] = [],
): Bytes {
  shared.raw(prefix);
  for (let i = 0; i < values.length; i++) shared.value(values[i], descendings[i] === true);
  return shared.finish();
}
