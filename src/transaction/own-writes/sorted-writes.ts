/**
 * The writes of one transaction, one for each key, in key order: a list of chunks, each a short sorted array. A write
 * moves at most one chunk, so that hundreds of thousands in any order stay fast; keys in ascending order are appended.
 *
 * An open scan must not see what is written after it was opened (an update that moves an index entry forward would be
 * met again by the scan that found it). So a snapshot shares the chunks, and the next write copies what it touches.
 *
 * Always true:
 * (1) Keys ascend within a chunk and from chunk to chunk; no key occurs twice.
 * (2) No chunk is empty, none holds more than CHUNK_WRITES_MAX writes.
 * (3) What a snapshot holds never changes: only arrays of the current epoch are written to.
 */
import { compareBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { KeyRange, WriteOp } from "../../engine/contract/index.ts";

/** A write of one key. */
export type KeyWrite = Exclude<WriteOp, { readonly op: "delRange" }>;

/** Large enough that the list of chunks stays short, small enough that copying a chunk costs less than a read. */
export const CHUNK_WRITES_MAX = 256;

interface Chunk {
  /** The epoch in which `writes` was made. */
  readonly epoch: number;
  readonly writes: KeyWrite[];
}
type Chunks = readonly Chunk[];

export class SortedWrites {
  #chunks: Chunk[] = [];
  /** The epoch in which the array #chunks was made. */
  #chunksEpoch = 0;
  /** Grows with each snapshot. */
  #epoch = 0;

  /** `writes` are in key order, each key once. */
  constructor(writes: readonly KeyWrite[] = []) {
    for (let start = 0; start < writes.length; start += CHUNK_WRITES_MAX) {
      this.#chunks.push({ epoch: 0, writes: writes.slice(start, start + CHUNK_WRITES_MAX) });
    }
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  find(key: Bytes): KeyWrite | undefined {
    return findIn(this.#chunks, key);
  }

  /** Puts the write in its place and gives back the one of the same key that it replaces. */
  set(write: KeyWrite): KeyWrite | undefined {
    const chunkIndex = chunkOf(this.#chunks, write.key);
    if (chunkIndex === -1) {
      this.#insertChunk(0, [write]);
      return undefined;
    }
    const at = lowerBound(this.#chunks[chunkIndex]!.writes, write.key);
    const writes = this.#ownChunk(chunkIndex);
    const present = writes[at];
    if (present !== undefined && compareBytes(present.key, write.key) === 0) {
      writes[at] = write;
      return present;
    }
    this.#insert(chunkIndex, at, write);
    return undefined;
  }

  /** Takes out the writes of all keys in `range` and gives them back. */
  remove(range: KeyRange): readonly KeyWrite[] {
    const removed: KeyWrite[] = [];
    let chunkIndex = Math.max(0, chunkOf(this.#chunks, range.start));
    while (chunkIndex < this.#chunks.length) {
      const present = this.#chunks[chunkIndex]!.writes;
      const start = lowerBound(present, range.start);
      const end = range.end === undefined ? present.length : lowerBound(present, range.end);
      const reachesOn = end === present.length;
      if (start < end) {
        const writes = this.#ownChunk(chunkIndex);
        for (const write of writes.splice(start, end - start)) removed.push(write);
        if (writes.length === 0) this.#ownChunks().splice(chunkIndex--, 1);
      }
      if (!reachesOn) break;
      chunkIndex++;
    }
    return removed;
  }

  /** The writes as they are at this moment, for good; costs nothing until the next write. */
  snapshot(): WritesSnapshot {
    this.#epoch++;
    return new WritesSnapshot(this.#chunks);
  }

  #insert(chunkIndex: number, at: number, write: KeyWrite): void {
    const writes = this.#ownChunk(chunkIndex);
    if (writes.length < CHUNK_WRITES_MAX) {
      if (at === writes.length) writes.push(write);
      else writes.splice(at, 0, write);
      return;
    }
    if (at === writes.length) {
      this.#insertChunk(chunkIndex + 1, [write]);
      return;
    }
    const half = CHUNK_WRITES_MAX >>> 1;
    const upper = writes.splice(half);
    if (at <= half) writes.splice(at, 0, write);
    else upper.splice(at - half, 0, write);
    this.#insertChunk(chunkIndex + 1, upper);
  }

  #insertChunk(at: number, writes: KeyWrite[]): void {
    this.#ownChunks().splice(at, 0, { epoch: this.#epoch, writes });
  }

  #ownChunks(): Chunk[] {
    if (this.#chunksEpoch !== this.#epoch) {
      this.#chunks = this.#chunks.slice();
      this.#chunksEpoch = this.#epoch;
    }
    return this.#chunks;
  }

  #ownChunk(index: number): KeyWrite[] {
    const chunk = this.#chunks[index]!;
    if (chunk.epoch === this.#epoch) return chunk.writes;
    const writes = chunk.writes.slice();
    this.#ownChunks()[index] = { epoch: this.#epoch, writes };
    return writes;
  }
}

/** The writes as they were at one moment. */
export class WritesSnapshot {
  readonly #chunks: Chunks;

  constructor(chunks: Chunks) {
    this.#chunks = chunks;
  }

  find(key: Bytes): KeyWrite | undefined {
    return findIn(this.#chunks, key);
  }

  /** Stands on the first write of the range, or on its last one in reverse. */
  cursor(range: KeyRange, reverse: boolean): WritesCursor {
    return new WritesCursor(this.#chunks, range, reverse);
  }

  toArray(): KeyWrite[] {
    const all: KeyWrite[] = [];
    for (const chunk of this.#chunks) for (const write of chunk.writes) all.push(write);
    return all;
  }
}

/** Walks over the writes of a range in one direction. */
export class WritesCursor {
  readonly #chunks: Chunks;
  readonly #reverse: boolean;
  /** The next position, and the position where the walk is over; in reverse a position stands behind its write. */
  #chunkIndex: number;
  #at: number;
  readonly #endChunk: number;
  readonly #endAt: number;
  #current: KeyWrite | undefined;

  constructor(chunks: Chunks, range: KeyRange, reverse: boolean) {
    this.#chunks = chunks;
    this.#reverse = reverse;
    const startChunk = Math.max(0, chunkOf(chunks, range.start));
    const startAt =
      startChunk < chunks.length ? lowerBound(chunks[startChunk]!.writes, range.start) : 0;
    let endChunk = Math.max(0, chunks.length - 1);
    if (range.end !== undefined) endChunk = Math.max(0, chunkOf(chunks, range.end));
    let endAt = 0;
    if (endChunk < chunks.length) {
      const { writes } = chunks[endChunk]!;
      endAt = range.end === undefined ? writes.length : lowerBound(writes, range.end);
    }
    this.#chunkIndex = reverse ? endChunk : startChunk;
    this.#at = reverse ? endAt : startAt;
    this.#endChunk = reverse ? startChunk : endChunk;
    this.#endAt = reverse ? startAt : endAt;
    this.advance();
  }

  /** The write the cursor stands on; undefined behind the last one. */
  get current(): KeyWrite | undefined {
    return this.#current;
  }

  advance(): void {
    this.#current = this.#reverse ? this.#stepBack() : this.#stepOn();
  }

  #stepOn(): KeyWrite | undefined {
    while (this.#chunkIndex < this.#endChunk) {
      const { writes } = this.#chunks[this.#chunkIndex]!;
      if (this.#at < writes.length) return writes[this.#at++];
      this.#chunkIndex++;
      this.#at = 0;
    }
    if (this.#chunkIndex > this.#endChunk || this.#at >= this.#endAt) return undefined;
    return this.#chunks[this.#chunkIndex]!.writes[this.#at++];
  }

  #stepBack(): KeyWrite | undefined {
    while (this.#chunkIndex > this.#endChunk) {
      if (this.#at > 0) return this.#chunks[this.#chunkIndex]!.writes[--this.#at];
      this.#chunkIndex--;
      this.#at = this.#chunks[this.#chunkIndex]!.writes.length;
    }
    if (this.#chunkIndex < this.#endChunk || this.#at <= this.#endAt) return undefined;
    return this.#chunks[this.#chunkIndex]!.writes[--this.#at];
  }
}

function findIn(chunks: Chunks, key: Bytes): KeyWrite | undefined {
  const chunkIndex = chunkOf(chunks, key);
  if (chunkIndex === -1) return undefined;
  const { writes } = chunks[chunkIndex]!;
  const write = writes[lowerBound(writes, key)];
  return write !== undefined && compareBytes(write.key, key) === 0 ? write : undefined;
}

/**
 * The last chunk that begins at or before `key`, else the first; -1 where there is none. HOT: bench/micro/transaction.
 */
function chunkOf(chunks: Chunks, key: Bytes): number {
  let start = 0;
  let end = chunks.length;
  // Most transactions are small, and bulk writes come in key order: both end here.
  if (end <= 1 || compareBytes(chunks[end - 1]!.writes[0]!.key, key) <= 0) return end - 1;
  while (start < end) {
    const middle = (start + end) >>> 1;
    if (compareBytes(chunks[middle]!.writes[0]!.key, key) <= 0) start = middle + 1;
    else end = middle;
  }
  return start === 0 ? 0 : start - 1;
}

/** The place of the first write at or after `key`. HOT: bench/micro/transaction. */
function lowerBound(writes: readonly KeyWrite[], key: Bytes): number {
  let start = 0;
  let end = writes.length;
  if (end > 0 && compareBytes(writes[end - 1]!.key, key) < 0) return end;
  while (start < end) {
    const middle = (start + end) >>> 1;
    if (compareBytes(writes[middle]!.key, key) < 0) start = middle + 1;
    else end = middle;
  }
  return start;
}
