/**
 * Where a memtable's bytes lie: memory that another thread can read in place, where the runtime has such memory.
 *
 * Pages that were never touched take no room, in either kind: so a buffer can be asked for in its full size at once.
 */

/** As many as may be in memory at a time: one that takes writes, and those that wait for their flush. */
const FREE_MAX = 3;

/** One buffer of memory; what is in it at first means nothing. */
export type Memory = ArrayBufferLike;

/** Some runtimes hide shared memory (browsers without isolation); flushes then stay on the thread of the writer. */
const canShare: boolean = typeof SharedArrayBuffer === "function";

export function newMemory(bytes: number): Memory {
  return canShare ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
}

export function isShared(memory: Memory): memory is SharedArrayBuffer {
  return canShare && memory instanceof SharedArrayBuffer;
}

/**
 * Memory of memtables that were flushed, for the next ones. The collector learns of shared memory late, and of what the
 * background thread still names later: without this, a busy database holds many memtables that nobody reads.
 */
export class MemoryPool {
  readonly #bytes: number;
  readonly #free: Memory[] = [];

  /** Keeps buffers of this size. */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  take(): Memory {
    return this.#free.pop() ?? newMemory(this.#bytes);
  }

  /** Takes back what nobody reads any more. What has grown beyond the size is left to the collector. */
  give(memory: Memory): void {
    if (memory.byteLength === this.#bytes && this.#free.length < FREE_MAX) this.#free.push(memory);
  }
}
