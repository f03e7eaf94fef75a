/**
 * A checksum of 128 bits over rows in their order: MurmurHash3 (x86, 128 bits, seed 0) over this text:
 *
 *   for each row: length of the key (32 bits, little-endian), length of the value (the same), 8 zero bytes,
 *   the key, the value, each filled with zero bytes up to a multiple of 16
 *
 * Worked example: one row, key 01 and value 02, has c299b59316d2b23e521799342f065091; no row has zeros.
 *
 * The lengths make the text another one for every other list of rows. It finds accidents; against somebody who wants two
 * lists to have one checksum it is no protection. Written in marks of copies and told to people, so it never changes.
 */
import { assert } from "../../base/index.ts";
import type { Page } from "../contract/index.ts";

const [C1, C2, C3, C4] = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93] as const;
const BLOCK_BYTES = 16;

export class RowDigest {
  readonly #state = new Int32Array(4);
  readonly #padded = new DataView(new ArrayBuffer(BLOCK_BYTES));
  #blocks = 0;
  #viewed: Page["buffer"] | undefined;
  #view: DataView = this.#padded;

  add(page: Page, row: number): void {
    const keyStart = page.keyStart[row]!;
    const keyEnd = page.keyEnd[row]!;
    const valueStart = page.valueStart[row]!;
    const valueEnd = page.valueEnd[row]!;
    this.#padded.setInt32(0, keyEnd - keyStart, true);
    this.#padded.setInt32(4, valueEnd - valueStart, true);
    this.#padded.setInt32(8, 0, true);
    this.#padded.setInt32(12, 0, true);
    this.#mix(this.#padded, 0, BLOCK_BYTES);
    if (this.#viewed !== page.buffer) {
      const { buffer, byteLength, byteOffset } = page.buffer;
      this.#viewed = page.buffer;
      this.#view = new DataView(buffer, byteOffset, byteLength);
    }
    this.#take(keyStart, keyEnd);
    this.#take(valueStart, valueEnd);
  }

  /** 32 hexadecimal digits. Rows may be added afterwards. */
  text(): string {
    const length = (this.#blocks * BLOCK_BYTES) | 0;
    const lanes = spread([...this.#state].map((lane) => lane ^ length));
    return spread(lanes.map(finished))
      .map((lane) => (lane >>> 0).toString(16).padStart(8, "0"))
      .join("");
  }

  #take(start: number, end: number): void {
    const whole = end - ((end - start) % BLOCK_BYTES);
    this.#mix(this.#view, start, whole);
    if (whole === end) return;
    for (let i = 0; i < BLOCK_BYTES; i++) {
      this.#padded.setUint8(i, whole + i < end ? this.#view.getUint8(whole + i) : 0);
    }
    this.#mix(this.#padded, 0, BLOCK_BYTES);
  }

  #mix(view: DataView, start: number, end: number): void {
    const state = this.#state;
    let h1 = state[0]!;
    let h2 = state[1]!;
    let h3 = state[2]!;
    let h4 = state[3]!;
    for (let at = start; at < end; at += BLOCK_BYTES) {
      h1 ^= scrambled(view.getInt32(at, true), C1, 15, C2);
      h1 = (Math.imul((rotated(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0;
      h2 ^= scrambled(view.getInt32(at + 4, true), C2, 16, C3);
      h2 = (Math.imul((rotated(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0;
      h3 ^= scrambled(view.getInt32(at + 8, true), C3, 17, C4);
      h3 = (Math.imul((rotated(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0;
      h4 ^= scrambled(view.getInt32(at + 12, true), C4, 18, C1);
      h4 = (Math.imul((rotated(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0;
    }
    state[0] = h1;
    state[1] = h2;
    state[2] = h3;
    state[3] = h4;
    assert((end - start) % BLOCK_BYTES === 0, "whole blocks are mixed");
    this.#blocks += (end - start) / BLOCK_BYTES;
  }
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
function scrambled(word: number, first: number, bits: number, second: number): number {
  return Math.imul(rotated(Math.imul(word, first), bits), second);
}

function spread([h1 = 0, h2 = 0, h3 = 0, h4 = 0]: readonly number[]): readonly number[] {
  const sum = (h1 + h2 + h3 + h4) | 0;
  return [sum, (h2 + sum) | 0, (h3 + sum) | 0, (h4 + sum) | 0];
}
function finished(lane: number): number {
  let word = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return word ^ (word >>> 16);
}
