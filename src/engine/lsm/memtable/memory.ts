/**
 * Where a memtable's bytes lie: memory that another thread can read in place, where the runtime has such memory.
 *
 * Pages that were never touched take no room, in either kind: so a buffer can be asked for in its full size at once.
 */

/** One buffer of memory, zeros at first. */
export type Memory = ArrayBufferLike;

/** Some runtimes hide shared memory (browsers without isolation); flushes then stay on the thread of the writer. */
const canShare: boolean = typeof SharedArrayBuffer === "function";

export function newMemory(bytes: number): Memory {
  return canShare ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
}

export function isShared(memory: Memory): memory is SharedArrayBuffer {
  return canShare && memory instanceof SharedArrayBuffer;
}
