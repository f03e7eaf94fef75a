/**
 * Compresses the blocks of one table, one after another, and decides for each whether it pays.
 *
 * Always true:
 * (1) A block is stored compressed only if that saves at least an eighth of it: less does not pay for reading it.
 * (2) After PATIENCE blocks in a row that did not pay, only each PATIENCE-th one is tried: a table of pictures or of
 *     encrypted values costs little more than one that is not compressed.
 * (3) What is chosen depends on the blocks only, so that the same entries make the same file.
 */
import type { Bytes } from "../../../../base/index.ts";
import { FRAME_BYTES } from "../block/block-frame.ts";
import { CODEC_PLAIN, RAW_BYTES_MAX, codecOf, compressBlock } from "./block-codec.ts";
import type { Compression } from "./block-codec.ts";

const PATIENCE = 8;

export class BlockCompressor {
  readonly #codec: number;
  #raw: Bytes = new Uint8Array(0);
  #rawView = new DataView(this.#raw.buffer);
  #packed: Bytes = new Uint8Array(0);
  /** Blocks in a row that did not pay, those not tried included. */
  #failures = 0;

  /** How the last block is to be stored, and where its bytes begin, with room for a frame after them. */
  codec: number = CODEC_PLAIN;
  stored: Bytes = this.#raw;

  constructor(compression: Compression) {
    this.#codec = codecOf(compression);
  }

  /** A buffer of at least so many bytes for the next block's payload and its frame. */
  room(bytes: number): Bytes {
    if (bytes > this.#raw.length) {
      this.#raw = new Uint8Array(Math.max(bytes, 2 * this.#raw.length));
      this.#rawView = new DataView(this.#raw.buffer);
    }
    return this.#raw;
  }

  /** Takes the payload in the first `length` bytes of that buffer; sets `codec` and `stored` and gives the length there. */
  compress(length: number): number {
    this.codec = CODEC_PLAIN;
    this.stored = this.#raw;
    if (this.#codec === CODEC_PLAIN || length > RAW_BYTES_MAX) return length;
    if (this.#failures >= PATIENCE && this.#failures % PATIENCE !== 0) {
      this.#failures++;
      return length;
    }
    const limit = length - (length >>> 3) - 1;
    if (this.#packed.length < limit + FRAME_BYTES) {
      this.#packed = new Uint8Array(this.#raw.length + FRAME_BYTES);
    }
    const packed = this.#packed;
    const packedLength = compressBlock(
      this.#codec,
      this.#raw,
      this.#rawView,
      length,
      packed,
      limit,
    );
    if (packedLength === 0) {
      this.#failures++;
      return length;
    }
    this.#failures = 0;
    this.codec = this.#codec;
    this.stored = packed;
    return packedLength;
  }
}
