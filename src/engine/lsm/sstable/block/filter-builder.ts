/** Gathers the hashes of a table's keys and of their prefixes, and lays the filter out (filter.ts) when all are known. */
import { assert } from "../../../../base/index.ts";
import type { Bytes } from "../../../../base/index.ts";
import { writeU32 } from "../../codec/index.ts";
import { FRAME_BYTES, HANDLE_BYTES, writeHandle } from "./block-frame.ts";
import type { BlockHandle } from "./block-frame.ts";
import {
  HEADER_BYTES,
  LINES_MAX,
  LINE_BYTES,
  NEXT_PROBE,
  PIECE_LINES,
  PREFIX_LENGTHS_AT,
  PROBES,
  WHOLE_LINES_MAX,
  hashKey,
  lineOf,
} from "./filter.ts";

/** Gives 0.05 % of false positives, with a margin below the 0.1 % that is promised (16 bits: 0.07 to 0.09 %). */
const BITS_PER_KEY = 18;
/** A length with more prefixes for each key than this is left out. */
const PREFIXES_PER_KEY_MAX = 1 / 2;

/** Adds a block with the payload bytes[0, length) to the file; room for its frame follows. */
export type AppendBlock = (bytes: Bytes, length: number) => BlockHandle;

export interface WrittenFilter {
  readonly handle: BlockHandle;
  /** Of the payloads of all its blocks. */
  readonly bytes: number;
}

const hashes = new Uint32Array(2);

/** A growing row of pairs of hashes. */
class Hashes {
  pairs: Uint32Array = new Uint32Array(256);
  count = 0;

  add(key: Bytes, start: number, end: number): void {
    if (this.count * 2 === this.pairs.length) {
      const grown = new Uint32Array(this.pairs.length * 2);
      grown.set(this.pairs);
      this.pairs = grown;
    }
    hashKey(key, start, end, hashes);
    this.pairs[this.count * 2] = hashes[0]!;
    this.pairs[this.count * 2 + 1] = hashes[1]!;
    this.count++;
  }
}

export class FilterBuilder {
  readonly #prefixLengths: readonly number[];
  readonly #keys = new Hashes();
  readonly #prefixes: readonly Hashes[];
  /** The longest prefix of the last key, to see which are new: keys come in order. */
  readonly #last: Bytes;
  #lastLength = 0;

  /** @param prefixLengths Of the prefixes that join; see arePrefixLengths(). */
  constructor(prefixLengths: readonly number[] = []) {
    this.#prefixLengths = prefixLengths;
    this.#prefixes = prefixLengths.map(() => new Hashes());
    this.#last = new Uint8Array(prefixLengths.at(-1) ?? 0);
  }

  /** HOT: bench/micro/lsm-storage. Adds a key; they come in order and none twice. */
  add(key: Bytes, start: number, end: number): void {
    this.#keys.add(key, start, end);
    const last = this.#last;
    if (last.length === 0) return;
    const length = end - start < last.length ? end - start : last.length;
    const max = length < this.#lastLength ? length : this.#lastLength;
    let shared = 0;
    while (shared < max && last[shared] === key[start + shared]) shared++;
    for (let i = shared; i < length; i++) last[i] = key[start + i]!;
    this.#lastLength = length;
    const lengths = this.#prefixLengths;
    for (let i = lengths.length - 1; i >= 0 && lengths[i]! > shared; i--) {
      if (lengths[i]! <= length) this.#prefixes[i]!.add(key, start, start + lengths[i]!);
    }
  }

  /** About how large its payloads will be. */
  get bytes(): number {
    return HEADER_BYTES + LINE_BYTES * linesFor(this.#added());
  }
  /** The lengths of prefixes that will be in it. */
  get prefixLengths(): readonly number[] {
    return this.#prefixLengths.filter((_, i) => this.#joins(this.#prefixes[i]!));
  }

  /** Adds the filter's blocks to the file: its pieces, if it is cut, then the one that all else is found from. */
  finish(append: AppendBlock): WrittenFilter {
    const lines = linesFor(this.#added());
    const bits = new Uint8Array(LINE_BYTES * lines);
    setBits(bits, lines, this.#keys);
    for (const prefixes of this.#prefixes) {
      if (this.#joins(prefixes)) setBits(bits, lines, prefixes);
    }
    const pieces = lines > WHOLE_LINES_MAX ? appendPieces(bits, append) : [];
    const length = HEADER_BYTES + (pieces.length > 0 ? pieces.length * HANDLE_BYTES : bits.length);
    const payload = new Uint8Array(length + FRAME_BYTES);
    writeU32(payload, 0, lines);
    payload.set(this.prefixLengths, PREFIX_LENGTHS_AT);
    if (pieces.length === 0) payload.set(bits, HEADER_BYTES);
    for (const [i, piece] of pieces.entries()) {
      writeHandle(payload, HEADER_BYTES + i * HANDLE_BYTES, piece);
    }
    const handle = append(payload, length);
    return { handle, bytes: length + (pieces.length > 0 ? bits.length : 0) };
  }

  #joins({ count }: Hashes): boolean {
    return count > 0 && count <= this.#keys.count * PREFIXES_PER_KEY_MAX;
  }
  #added(): number {
    let count = this.#keys.count;
    for (const prefixes of this.#prefixes) if (this.#joins(prefixes)) count += prefixes.count;
    return count;
  }
}

function appendPieces(bits: Bytes, append: AppendBlock): readonly BlockHandle[] {
  const scratch = new Uint8Array(PIECE_LINES * LINE_BYTES + FRAME_BYTES);
  const handles: BlockHandle[] = [];
  for (let at = 0; at < bits.length; at += PIECE_LINES * LINE_BYTES) {
    const piece = bits.subarray(at, at + PIECE_LINES * LINE_BYTES);
    scratch.set(piece);
    handles.push(append(scratch, piece.length));
  }
  return handles;
}

function setBits(bits: Bytes, lines: number, { count, pairs }: Hashes): void {
  for (let i = 0; i < count; i++) {
    const line = lineOf(pairs[2 * i]!, lines) * LINE_BYTES;
    let probe = pairs[2 * i + 1]!;
    for (let k = 0; k < PROBES; k++) {
      const bit = probe >>> 23;
      bits[line + (bit >>> 3)]! |= 1 << (bit & 7);
      probe = Math.imul(probe, NEXT_PROBE);
    }
  }
}

function linesFor(keys: number): number {
  const lines = Math.ceil((keys * BITS_PER_KEY) / (LINE_BYTES * 8));
  assert(lines <= LINES_MAX, "a table is cut long before 67 million keys");
  return lines;
}
