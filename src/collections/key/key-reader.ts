/**
 * Reads values back out of keys, where they lie. The bytes come from a disk: a part that was never written by KeyWriter
 * is a CorruptionError, never a wrong value.
 */
import { hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { CorruptionError } from "../../engine/contract/index.ts";
import type { Scalar } from "../schema/document-type.ts";
import {
  BIGINT_LENGTH_BYTES_MAX,
  BIGINT_SHORT_BYTES_MAX,
  BIGINT_SHORT_HEAD_MAX,
  BIGINT_ZERO_HEAD,
  ESCAPE,
  ESCAPED_ESCAPE,
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
import { dateOf } from "./value-order.ts";

const scratch = new DataView(new ArrayBuffer(8));
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Shorter texts of ASCII are put together by hand: a TextDecoder call costs more. */
const handmadeTextBytesMax = 40;

/** Reads the parts of one key after another. */
export class KeyReader {
  readonly #buffer: Bytes;
  readonly #start: number;
  readonly #end: number;
  #at: number;
  /** FF while a descending part is read, else 00. */
  #flip = 0;

  /** The key, or the rest of it, is buffer[start, end). */
  constructor(buffer: Bytes, start = 0, end: number = buffer.length) {
    this.#buffer = buffer;
    this.#start = start;
    this.#end = end;
    this.#at = start;
  }

  /** Where the next part begins in the buffer. */
  get at(): number {
    return this.#at;
  }

  /** The next part. Nullish is given as null. */
  value(descending = false): Scalar {
    this.#flip = descending ? 0xff : 0;
    const tag = this.#byte();
    switch (tag) {
      case TAG_NULLISH:
        return null;
      case TAG_FALSE:
        return false;
      case TAG_TRUE:
        return true;
      case TAG_NUMBER:
        return this.#number();
      case TAG_BIGINT:
        return this.#bigint();
      case TAG_DATE:
        return this.#date();
      case TAG_STRING:
        return this.#string();
      case TAG_BYTES:
        return this.#escaped();
      default:
        return this.#damaged("the tag of a value");
    }
  }

  #byte(): number {
    if (this.#at >= this.#end) this.#damaged("more bytes");
    return this.#buffer[this.#at++]! ^ this.#flip;
  }

  #number(): number {
    const high = this.#word();
    const low = this.#word();
    const negative = high >= 0;
    scratch.setInt32(0, negative ? ~high : high ^ 0x8000_0000);
    scratch.setInt32(4, negative ? ~low : low);
    const value = scratch.getFloat64(0);
    return Number.isNaN(value) || Object.is(value, -0) ? this.#damaged("an ordered number") : value;
  }

  /** Four bytes as a signed number. */
  #word(): number {
    const high = (this.#byte() << 8) | this.#byte();
    return (high << 16) | (this.#byte() << 8) | this.#byte();
  }

  #date(): Date {
    const millis = this.#number();
    const date = dateOf(millis);
    // Out of range a date is invalid, and a fraction of a millisecond is cut off.
    return date.getTime() === millis ? date : this.#damaged("a date");
  }

  #bigint(): bigint {
    const head = this.#byte();
    if (head === BIGINT_ZERO_HEAD) return 0n;
    const negative = head < BIGINT_ZERO_HEAD;
    if (negative) this.#flip ^= 0xff;
    const length = this.#bigintLength(negative ? head ^ 0xff : head);
    if (length > this.#end - this.#at) this.#damaged("all bytes of a bigint");
    if ((this.#buffer[this.#at]! ^ this.#flip) === 0) {
      this.#damaged("a bigint without leading zeros");
    }
    const magnitude = length <= 8 ? this.#smallMagnitude(length) : this.#largeMagnitude(length);
    return negative ? -magnitude : magnitude;
  }

  #smallMagnitude(length: number): bigint {
    scratch.setBigUint64(0, 0n);
    for (let i = 8 - length; i < 8; i++) scratch.setUint8(i, this.#byte());
    return scratch.getBigUint64(0);
  }

  #largeMagnitude(length: number): bigint {
    let digits = "0x";
    for (let i = 0; i < length; i++) digits += this.#byte().toString(16).padStart(2, "0");
    return BigInt(digits);
  }

  #bigintLength(head: number): number {
    if (head > BIGINT_ZERO_HEAD && head <= BIGINT_SHORT_HEAD_MAX) return head - BIGINT_ZERO_HEAD;
    const size = head - BIGINT_SHORT_HEAD_MAX - 1;
    if (size < 1 || size > BIGINT_LENGTH_BYTES_MAX) this.#damaged("the head of a bigint");
    let length = 0;
    for (let i = 0; i < size; i++) length = length * 0x100 + this.#byte();
    const shortest = length >= 0x100 ** (size - 1) && length > BIGINT_SHORT_BYTES_MAX;
    return shortest ? length : this.#damaged("the shortest length of a bigint");
  }

  #string(): string {
    const start = this.#at;
    const flip = this.#flip;
    const stop = Math.min(this.#end, start + handmadeTextBytesMax);
    let text = "";
    for (let at = start; at < stop; at++) {
      const byte = this.#buffer[at]! ^ flip;
      if (byte === TERMINATOR) {
        this.#at = at + 1;
        return text;
      }
      if (byte >= 0x80 || byte === ESCAPE) break;
      text += String.fromCharCode(byte);
    }
    try {
      return utf8.decode(this.#escaped());
    } catch (cause) {
      if (cause instanceof CorruptionError) throw cause;
      return this.#damaged("UTF-8");
    }
  }

  /** Bytes up to their end, as they were before escaping; a copy. */
  #escaped(): Bytes {
    const buffer = this.#buffer;
    const flip = this.#flip;
    let end = this.#at;
    let escapes = 0;
    for (; end < this.#end; end++) {
      const byte = buffer[end]! ^ flip;
      if (byte === TERMINATOR) break;
      if (byte === ESCAPE) {
        escapes++;
        end++;
      }
    }
    if (end >= this.#end) this.#damaged("the end of a string or bytes");
    const bytes = new Uint8Array(end - this.#at - escapes);
    let at = this.#at;
    for (let i = 0; i < bytes.length; i++) {
      let byte = buffer[at++]! ^ flip;
      if (byte === ESCAPE) {
        byte = (buffer[at++]! ^ flip) - ESCAPED_TERMINATOR;
        if (byte !== 0 && byte !== ESCAPED_ESCAPE - ESCAPED_TERMINATOR)
          this.#damaged("an escaped byte");
      }
      bytes[i] = byte;
    }
    this.#at = end + 1;
    return bytes;
  }

  #damaged(expected: string): never {
    throw new CorruptionError({
      file: "index key",
      offset: this.#at - this.#start,
      expected,
      found: hex(this.#buffer.subarray(this.#start, this.#end)),
    });
  }
}

/** The part of a key that begins at `at`, and where the next one begins. */
export function decodeValue(
  buffer: Bytes,
  at: number,
  descending = false,
  end: number = buffer.length,
): { readonly value: Scalar; readonly next: number } {
  const reader = new KeyReader(buffer, at, end);
  const value = reader.value(descending);
  return { value, next: reader.at };
}
