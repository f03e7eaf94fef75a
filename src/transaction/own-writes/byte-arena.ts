/**
 * Copies of values that live as long as their transaction, cut from shared slabs. An allocation for each value costs
 * several times its copy, because V8 keeps buffers of more than 64 bytes outside its heap.
 * HOT: bench/micro/transaction.
 */
import type { Bytes } from "../../base/index.ts";
import { copyKey } from "../reading/key-set.ts";

/** A transaction with one small write pays for little, one with many pays seldom. */
const FIRST_SLAB_BYTES = 1_024;
const SLAB_BYTES_MAX = 64 * 1_024;
/** V8 keeps so much inside its heap, where an allocation is quick. */
const HEAP_BYTES_MAX = 64;

export class ByteArena {
  #slab: ArrayBuffer | undefined;
  #used = 0;

  copy(source: Bytes): Bytes {
    const { length } = source;
    if (length <= HEAP_BYTES_MAX) return copyKey(source);
    if (length > SLAB_BYTES_MAX / 4) return new Uint8Array(source);
    if (this.#slab === undefined || this.#used + length > this.#slab.byteLength) {
      const bytes = Math.min(SLAB_BYTES_MAX, (this.#slab?.byteLength ?? FIRST_SLAB_BYTES / 4) * 4);
      this.#slab = new ArrayBuffer(Math.max(bytes, length));
      this.#used = 0;
    }
    const copy = new Uint8Array(this.#slab, this.#used, length);
    copy.set(source);
    this.#used += length;
    return copy;
  }
}
