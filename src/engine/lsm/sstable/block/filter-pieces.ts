/** The pieces of one table's filter: from the cache, or from the file through it. */
import type { Bytes } from "../../../../base/index.ts";
import { readU48 } from "../../codec/index.ts";
import { FILTER_BLOCK } from "./block-cache.ts";
import type { BlockCache } from "./block-cache.ts";
import { readHandle } from "./block-frame.ts";
import type { BlockFile, BlockHandle } from "./block-frame.ts";
import type { BlockHome } from "./errand.ts";

export class FilterPieces implements BlockHome {
  /** The memory that find() gives places in. */
  readonly slab: Bytes;
  readonly owner: number;
  readonly #file: BlockFile;
  readonly #cache: BlockCache;
  #isClosed = false;

  /** `owner`: the table's, so that the cache forgets all of its blocks at once. */
  constructor(file: BlockFile, cache: BlockCache, owner: number) {
    this.slab = cache.slab;
    this.owner = owner;
    this.#file = file;
    this.#cache = cache;
  }

  /**
   * HOT: bench/micro/lsm-storage. Where the piece begins whose handle is payload[at, at + 14). It lies there until the
   * next read through the cache.
   */
  find(payload: Bytes, at: number): number {
    const start = this.#cache.find(this.owner, readU48(payload, at), FILTER_BLOCK);
    return start >= 0 ? start : this.#claim(readHandle(payload, at));
  }

  #claim(piece: BlockHandle): number {
    const { crc, length, offset } = piece;
    const cache = this.#cache;
    const { reads } = cache;
    this.#file.checkHandle(offset, length, length);
    const arrived = reads.errand?.take(this, piece, undefined);
    return cache.claim(this.owner, offset, (start) => {
      if (arrived !== undefined) {
        cache.slab.set(arrived, start);
        return;
      }
      const before = reads.starts();
      this.#file.read(cache.slab, cache.view, start, offset, length, length, crc);
      reads.took(before);
    });
  }

  holds(piece: BlockHandle): boolean {
    return this.#cache.holds(this.owner, piece.offset);
  }

  async readLater(piece: BlockHandle): Promise<Bytes> {
    const bytes = await this.#file.readOwnAsync(piece);
    if (!this.#isClosed && !this.holds(piece)) {
      this.#cache.claim(this.owner, piece.offset, (start) => this.slab.set(bytes, start));
    }
    return bytes;
  }

  /** What arrives from now on is not kept: nobody would make the cache forget it. */
  close(): void {
    this.#isClosed = true;
  }
}
