/**
 * Hostile bytes, made in place: a valid encoding that was cut, stretched, joined with another or changed where it hurts,
 * or bytes of chance. No allocation for an input, since hundreds of millions are made.
 *
 * Always true: the same state and the same seeds give the same input.
 */
import type { Bytes } from "../../../src/base/index.ts";

/** Values of one byte that lie at borders: of signs, of varints, of text, of escapes. */
const EDGES = Uint8Array.of(0, 1, 2, 3, 0x0f, 0x10, 0x3f, 0x40, 0x7e, 0x7f, 0x80, 0x81, 0xc0, 0xef);
const EDGES_HIGH = Uint8Array.of(0xf0, 0xf7, 0xf8, 0xfd, 0xfe, 0xff);
/** Numbers of four bytes that lengths and counts must not be believed to be. */
const WORDS = [
  0, 1, 2, 0xff, 0x100, 0x7fff, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];
/** One input in so many is left valid: a decoder that takes nothing is not being tested. */
const VALID_ONE_IN = 32;
const RANDOM_ONE_IN = 16;
const RANDOM_BYTES_MAX = 64;
const EDITS_MAX = 4;
const PIECE_BYTES_MAX = 24;

export class Mutator {
  readonly bytes: Bytes;
  length = 0;
  /** 32 bits that the input does not depend on, for choices of whoever judges it. */
  choice = 0;
  /** Repeats an input when it is put back. */
  state: number;
  readonly #views: (Bytes | undefined)[] = [];

  constructor(seed: number, bytesMax: number) {
    this.bytes = new Uint8Array(bytesMax);
    this.state = Math.imul(seed + 1, 0x9e37_79b1) >>> 0;
  }

  /** The bytes of the input alone. */
  get view(): Bytes {
    return (this.#views[this.length] ??= this.bytes.subarray(0, this.length));
  }

  /** The next input, from one of these valid ones. */
  draw(seeds: readonly Bytes[]): void {
    const kind = this.next();
    this.choice = this.next();
    if (kind % RANDOM_ONE_IN === 1) return this.#random();
    this.#copy(seeds[(kind >>> 8) % seeds.length]!);
    if (kind % VALID_ONE_IN === 0) return;
    const edits = 1 + ((kind >>> 5) % EDITS_MAX);
    for (let i = 0; i < edits; i++) this.#edit(seeds);
  }

  /** mulberry32. */
  next(): number {
    this.state = (this.state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  #random(): void {
    const length = this.next() % (RANDOM_BYTES_MAX + 1);
    for (let i = 0; i < length; i++) this.bytes[i] = this.next();
    this.length = length;
  }

  #copy(seed: Bytes): void {
    this.length = seed.length;
    if (seed.length > 64) this.bytes.set(seed);
    else for (let i = 0; i < seed.length; i++) this.bytes[i] = seed[i]!;
  }

  #edit(seeds: readonly Bytes[]): void {
    const drawn = this.next();
    const { bytes, length } = this;
    if (length === 0) return this.#random();
    const at = (drawn >>> 8) % length;
    switch (drawn & 15) {
      case 0:
      case 1:
      case 2:
        bytes[at] = bytes[at]! ^ (1 << ((drawn >>> 4) & 7));
        return;
      case 3:
      case 4:
      case 5:
        bytes[at] = this.#edge();
        return;
      case 6:
        bytes[at] = this.next();
        return;
      case 7:
        bytes[at] = bytes[at]! + (drawn & 16 ? 1 : -1);
        return;
      case 8:
      case 9:
        return this.#word(at);
      case 10:
        this.length = at;
        return;
      case 11:
        return this.#splice(seeds[drawn % seeds.length]!, at);
      case 12:
        return this.#insert(at, this.next());
      case 13:
        return this.#remove(at, this.next());
      case 14:
        return this.#copyWithin(at, this.next());
      default:
        return this.#insertByte(at, drawn & 16 ? this.#edge() : this.next());
    }
  }

  #edge(): number {
    const drawn = this.next();
    if (drawn & 0x100) return EDGES_HIGH[(drawn >>> 16) % EDGES_HIGH.length]!;
    return EDGES[(drawn >>> 16) % EDGES.length]!;
  }

  /** A number of two or four bytes, in either order: an edge, or near the length of the input. */
  #word(at: number): void {
    const drawn = this.next();
    const value =
      drawn & 0x1000 ? this.length - 8 + (drawn & 15) : WORDS[(drawn >>> 16) % WORDS.length]!;
    const width = drawn & 0x2000 ? 4 : 2;
    const { bytes, length } = this;
    for (let i = 0; i < width && at + i < length; i++) {
      const shift = 8 * (drawn & 0x4000 ? width - 1 - i : i);
      bytes[at + i] = value >>> shift;
    }
  }

  /** Goes on as another valid input does, from some place of it. */
  #splice(other: Bytes, at: number): void {
    const from = other.length === 0 ? 0 : this.next() % other.length;
    const count = Math.min(other.length - from, this.bytes.length - at);
    for (let i = 0; i < count; i++) this.bytes[at + i] = other[from + i]!;
    this.length = at + count;
  }

  /** Repeats a piece. */
  #insert(at: number, drawn: number): void {
    const count = Math.min(
      1 + (drawn % PIECE_BYTES_MAX),
      this.length - at,
      this.bytes.length - this.length,
    );
    this.bytes.copyWithin(at + count, at, this.length);
    this.length += count;
  }

  #remove(at: number, drawn: number): void {
    const count = Math.min(1 + (drawn % PIECE_BYTES_MAX), this.length - at);
    this.bytes.copyWithin(at, at + count, this.length);
    this.length -= count;
  }

  /** One piece over another. */
  #copyWithin(at: number, drawn: number): void {
    const from = (drawn >>> 8) % this.length;
    const count = Math.min(1 + (drawn % PIECE_BYTES_MAX), this.length - at, this.length - from);
    this.bytes.copyWithin(at, from, from + count);
  }

  #insertByte(at: number, value: number): void {
    if (this.length === this.bytes.length) return;
    this.bytes.copyWithin(at + 1, at, this.length);
    this.bytes[at] = value;
    this.length++;
  }
}
