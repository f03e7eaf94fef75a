/**
 * Reads the documents that people store, in the form that msgpackr writes: records of known structures, maps, lists,
 * texts, numbers, dates, bytes. Decoding is the largest part of a read from memory, and msgpackr without its native part
 * makes each string by itself; here the bytes of a document become one string once, and its ASCII texts are cut from it.
 *
 * Always true:
 * (1) What this reads, msgpackr reads as the same; anything else is undefined, and is msgpackr's to read or to refuse.
 * (2) Nothing is read that lies behind the document's end and then given.
 */
import { copyBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";

type FieldNames = readonly string[];
type MakeRecord = (reader: RecordReader) => Record<string, unknown>;

/** What every Buffer can do with its bytes, and any Uint8Array where it is asked by call(). */
interface Slicing {
  readonly latin1Slice: (this: Bytes, start: number, end: number) => string;
  readonly utf8Slice: (this: Bytes, start: number, end: number) => string;
}
const { latin1Slice, utf8Slice } = Buffer.prototype as unknown as Slicing;

/** A text that was cut from a string keeps all of it in memory: so much may hang on each. */
const SHARED_TEXT_BYTES_MAX = 1_024;
/** msgpackr takes a byte order mark away from a longer text, and stores two of them for one. */
const MARKED_BYTES_MAX = 64;
/** Deeper than documents may nest; damaged bytes must not run out of stack. */
const DEPTH_MAX = 128;
/** The first structures have one byte; so many of them. */
const ONE_BYTE_STRUCTURES = 32;

const FLOAT = new Float64Array(1);
const FLOAT_BYTES = new Uint8Array(FLOAT.buffer);
const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

export class RecordReader {
  readonly #structures: readonly FieldNames[];
  readonly #makers: (MakeRecord | undefined)[] = [];
  #bytes: Bytes = new Uint8Array(0);
  #start = 0;
  #at = 0;
  #end = 0;
  #depth = 0;
  #isUnread = false;
  /** The whole document, a character for each byte, once a text was asked for. */
  #text: string | undefined;

  /** `structures` may grow, and never change otherwise. */
  constructor(structures: readonly FieldNames[]) {
    this.#structures = structures;
  }

  /** The value at bytes[start, end), or undefined if msgpackr has to say. HOT: bench/micro/collections. */
  read(bytes: Bytes, start: number, end: number): unknown {
    this.#bytes = bytes;
    this.#start = start;
    this.#at = start;
    this.#end = end;
    this.#depth = 0;
    this.#isUnread = false;
    this.#text = undefined;
    const value = this.value();
    return this.#isUnread || this.#at !== end ? undefined : value;
  }

  /** The next value; called for each field by what #maker() made. */
  value(): unknown {
    const first = this.#bytes[this.#at++]!;
    if (first < 0x40) return first;
    if (first < 0x80) return this.#record(first);
    if (first < 0x90) return this.#map(first - 0x80);
    if (first < 0xa0) return this.#list(first - 0x90);
    if (first < 0xc0) return this.#string(first - 0xa0);
    if (first >= 0xe0) return first - 0x100;
    switch (first) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#blob(this.#unsigned(1));
      case 0xc5:
        return this.#blob(this.#unsigned(2));
      case 0xcb:
        return this.#float();
      case 0xcc:
        return this.#unsigned(1);
      case 0xcd:
        return this.#unsigned(2);
      case 0xce:
        return this.#unsigned(4);
      case 0xd0:
        return (this.#unsigned(1) << 24) >> 24;
      case 0xd1:
        return (this.#unsigned(2) << 16) >> 16;
      case 0xd2:
        return this.#unsigned(4) | 0;
      case 0xd4:
        return this.#undefined();
      case 0xd6:
        return this.#seconds();
      case 0xd7:
        return this.#nanoseconds();
      case 0xd9:
        return this.#string(this.#unsigned(1));
      case 0xda:
        return this.#string(this.#unsigned(2));
      case 0xdc:
        return this.#list(this.#unsigned(2));
      case 0xde:
        return this.#map(this.#unsigned(2));
      default:
        return this.#unread();
    }
  }

  #unread(): undefined {
    this.#isUnread = true;
    // Nothing is left to be read by those that called.
    this.#at = this.#end;
  }

  #record(first: number): unknown {
    let number = first - 0x40;
    if (number >= ONE_BYTE_STRUCTURES) number += this.#unsigned(1) * ONE_BYTE_STRUCTURES;
    const make = this.#makers[number] ?? this.#maker(number);
    if (make === undefined || ++this.#depth > DEPTH_MAX) return this.#unread();
    const record = make(this);
    this.#depth--;
    return record;
  }

  /** A function for each structure, so that its records are made in one step, with one hidden class. */
  #maker(number: number): MakeRecord | undefined {
    const names = this.#structures[number];
    // msgpackr has its own way with a name that would be a prototype.
    if (names === undefined || names.includes("__proto__")) return undefined;
    const fields = names.map((name) => `${JSON.stringify(name)}:reader.value()`);
    let make: MakeRecord;
    try {
      // oxlint-disable-next-line no-implied-eval -- the names are quoted, and msgpackr does the same
      make = new Function("reader", `return {${fields.join(",")}}`) as MakeRecord;
    } catch {
      // Where programs may not make code.
      make = (reader) => {
        const record: Record<string, unknown> = {};
        for (const name of names) record[name] = reader.value();
        return record;
      };
    }
    this.#makers[number] = make;
    return make;
  }

  #map(size: number): unknown {
    if (size * 2 > this.#end - this.#at || ++this.#depth > DEPTH_MAX) return this.#unread();
    const map: Record<string, unknown> = {};
    for (let i = 0; i < size; i++) {
      const name = this.value();
      if (typeof name !== "string" || name === "__proto__") return this.#unread();
      map[name] = this.value();
    }
    this.#depth--;
    return map;
  }

  #list(length: number): unknown {
    if (length > this.#end - this.#at || ++this.#depth > DEPTH_MAX) return this.#unread();
    const list: unknown[] = [];
    for (let i = 0; i < length; i++) list.push(this.value());
    this.#depth--;
    return list;
  }

  #string(length: number): string | undefined {
    const bytes = this.#bytes;
    let at = this.#at;
    const end = at + length;
    if (end > this.#end) return this.#unread();
    this.#at = end;
    let seen = 0;
    for (let i = at; i < end; i++) seen |= bytes[i]!;
    if (seen < 0x80) {
      if (this.#end - this.#start > SHARED_TEXT_BYTES_MAX) return latin1Slice.call(bytes, at, end);
      this.#text ??= latin1Slice.call(bytes, this.#start, this.#end);
      return this.#text.substring(at - this.#start, end - this.#start);
    }
    if (length > MARKED_BYTES_MAX && isMark(bytes, at)) at += 3;
    const text = utf8Slice.call(bytes, at, end);
    // Of bytes that are no UTF-8, each decoder makes something else.
    return text.includes("\ufffd") ? this.#unread() : text;
  }

  #blob(length: number): Bytes | undefined {
    const at = this.#at;
    if (at + length > this.#end) return this.#unread();
    this.#at = at + length;
    return copyBytes(this.#bytes, at, at + length);
  }

  #unsigned(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + this.#bytes[this.#at++]!;
    return value;
  }

  #float(): number {
    const bytes = this.#bytes;
    const at = this.#at;
    if (IS_LITTLE_ENDIAN) for (let i = 0; i < 8; i++) FLOAT_BYTES[7 - i] = bytes[at + i]!;
    else for (let i = 0; i < 8; i++) FLOAT_BYTES[i] = bytes[at + i]!;
    this.#at = at + 8;
    return FLOAT[0]!;
  }

  /** An extension of type 0 and one byte, which is how msgpackr writes undefined. */
  #undefined(): undefined {
    if (this.#bytes[this.#at++] !== 0) return this.#unread();
    this.#at++;
  }

  /** A timestamp of four bytes: whole seconds. */
  #seconds(): Date | undefined {
    if (this.#bytes[this.#at++] !== 0xff) return this.#unread();
    return new Date(this.#unsigned(4) * 1_000);
  }

  /** A timestamp of eight bytes: 30 bits of nanoseconds, 34 of seconds. */
  #nanoseconds(): Date | undefined {
    if (this.#bytes[this.#at++] !== 0xff) return this.#unread();
    const high = this.#unsigned(4);
    const low = this.#unsigned(4);
    return new Date((high >>> 2) / 1_000_000 + ((high & 3) * 0x1_0000_0000 + low) * 1_000);
  }
}

function isMark(bytes: Bytes, at: number): boolean {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf;
}
