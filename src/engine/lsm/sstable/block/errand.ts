/**
 * What one lookup or one scan waits for while the disk is slow.
 *
 * The work is repeated from where it stands each time blocks have arrived. It ends, whatever the cache does:
 *
 * (1) A block that arrived for an errand is handed to it, also if the cache has let it go again, until progressed() says
 *     that the work stands further on. So each repetition stops at another block, and there are few on any path.
 * (2) After ROUNDS_MAX repetitions in one place (the tables may have been exchanged under it each time) blocks are read
 *     at once.
 */
import type { Bytes } from "../../../../base/index.ts";
import { BLOCK_MISSING } from "../../cursor/index.ts";
import type { BlockHandle } from "./block-frame.ts";
import type { BlockReads } from "./block-reads.ts";

const ROUNDS_MAX = 64;
/** Blocks that may wait for an errand, used or read ahead. */
const HELD_MAX = 64;

/** A table, as far as its blocks can be asked for. */
export interface BlockHome {
  /** Under which the cache keeps its blocks. */
  readonly owner: number;
  /** Is the block in the cache? Not counted as a use of it. */
  holds(handle: BlockHandle): boolean;
  /** Reads the block beside the thread, checks it, and keeps it in the cache; gives its payload. */
  readLater(handle: BlockHandle, valueBytes: number | undefined): Promise<Bytes>;
}

interface Held {
  readonly payload: Bytes;
  isUsed: boolean;
}

export class Errand {
  readonly #reads: BlockReads;
  /** A scan's direction, and how many blocks it reads ahead: 3 are the next three, -3 the three before; 0: none. */
  readonly ahead: number;
  readonly #held = new Map<string, Held>();
  /** Needed for the work to go on, by name, so that each is waited for once. */
  readonly #needed = new Map<string, Promise<void>>();
  #rounds = 0;
  #isOver = false;

  constructor(reads: BlockReads, ahead: number) {
    this.#reads = reads;
    this.ahead = ahead;
  }

  /** Blocks that the work cannot go on without. */
  get needed(): number {
    return this.#needed.size;
  }

  /**
   * The payload of a block that the cache does not hold: it arrived for this errand. Undefined: read it at once. Throws
   * BLOCK_MISSING when it has to be waited for.
   */
  take(home: BlockHome, handle: BlockHandle, valueBytes: number | undefined): Bytes | undefined {
    const name = blockName(home, handle);
    const held = this.#held.get(name);
    if (held !== undefined) {
      held.isUsed = true;
      return held.payload;
    }
    if (this.#rounds >= ROUNDS_MAX || !this.#reads.isSlow || this.#reads.takesProbe())
      return undefined;
    if (!this.#needed.has(name)) {
      const read = this.#reads.later(home, handle, valueBytes, false);
      this.#needed.set(name, this.#hold(name, read, true));
    }
    throw BLOCK_MISSING;
  }

  /** Has a block read that the work may come to, if that can be had for little. */
  wantSoon(home: BlockHome, handle: BlockHandle, valueBytes: number | undefined): void {
    if (this.#held.has(blockName(home, handle)) || home.holds(handle)) return;
    if (this.#reads.isBusy) return;
    void this.#hold(
      blockName(home, handle),
      this.#reads.later(home, handle, valueBytes, true),
      false,
    );
  }

  /** When all that the work stopped at is there. Rejects with the failure of a read. */
  async arrived(): Promise<void> {
    this.#rounds++;
    const needed = [...this.#needed.values()];
    this.#needed.clear();
    await Promise.all(needed);
  }

  /** The work stands further on: what it used is not kept for it any longer. */
  progressed(): void {
    this.#rounds = 0;
    for (const [name, held] of this.#held) if (held.isUsed) this.#held.delete(name);
    for (const name of this.#held.keys()) {
      if (this.#held.size <= HELD_MAX) break;
      this.#held.delete(name);
    }
  }

  /** Nothing more is asked for. */
  end(): void {
    this.#isOver = true;
    this.#held.clear();
    this.#needed.clear();
  }

  #hold(name: string, read: Promise<Bytes>, isNeeded: boolean): Promise<void> {
    const held = read.then((payload) => {
      const mayKeep = !this.#isOver && (isNeeded || this.#held.size < HELD_MAX);
      if (mayKeep) this.#held.set(name, { payload, isUsed: false });
    });
    // Whoever waits is told; nobody may be left to wait.
    held.catch(() => undefined);
    return held;
  }
}

export function blockName(home: BlockHome, handle: BlockHandle): string {
  return `${home.owner}/${handle.offset}`;
}
