/**
 * Writes to tables what is in memory, because somebody asks for it or the database closes.
 *
 * Always true: nothing depends on the flush of a close. A log goes when its commits are in a table that the manifest
 * lists; what is not flushed, be it too much, too slow or refused by the disk, stays in its log.
 */
import { DiskFull } from "../contract/index.ts";
import type { CommitLog, WriteRoom } from "./commit/index.ts";
import type { Host } from "./host/index.ts";
import type { Maintenance } from "./maintenance/index.ts";
import type { Tree } from "./read/index.ts";
import type { WritePressure } from "./write-pressure.ts";

/** A close waits for its flush no longer than this: about 64 MiB on a disk that writes 20 MB/s, with some to spare. */
const CLOSE_MILLIS_MAX = 5_000;

export interface MemoryFlushParts {
  readonly host: Host;
  readonly settings: { readonly closeFlushBytesMax: number };
  readonly tree: Tree;
  readonly room: WriteRoom;
  readonly pressure: WritePressure;
  /** Made later than this is. */
  readonly log: () => CommitLog;
  readonly maintenance: () => Maintenance;
  readonly hasFailed: () => boolean;
}

export class MemoryFlush {
  readonly #parts: MemoryFlushParts;
  #isWanted = false;
  #isClosing = false;

  constructor(parts: MemoryFlushParts) {
    this.#parts = parts;
  }

  /** Somebody waits for the present memtable to be set aside. */
  get isWanted(): boolean {
    return this.#isWanted;
  }
  /** The one of a close is under way. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** The memtable was set aside. */
  rotated(): void {
    this.#isWanted = false;
  }

  /** Until all that is in memory now is in tables, or `isEnough` says so, or throws. DiskFull: there is no room for it. */
  async until(isEnough: () => boolean): Promise<void> {
    const { log, maintenance, room, tree } = this.#parts;
    // What is loaded is in tables without having been in memory.
    const target = tree.active.isEmpty ? tree.rotatedSequence : log().appended;
    while (tree.flushedSequence < target) {
      if (tree.rotatedSequence < target) this.#isWanted = true;
      const refusals = room.refusals;
      log().wake();
      maintenance().wake();
      await room.nextChange();
      if (isEnough()) return;
      room.assertNotRefused(refusals);
    }
  }

  /** So that the next opening has nothing to replay; bounded in bytes and in time. No commit comes any more. */
  async atClose(): Promise<void> {
    const { hasFailed, host, maintenance, pressure, room, settings } = this.#parts;
    const bytes = pressure.bytesToFlush;
    if (hasFailed() || bytes === 0 || bytes > settings.closeFlushBytesMax) return;
    if (!maintenance().mayFlush) return;
    maintenance().beginNoCompaction();
    this.#isClosing = true;
    let isLate = false;
    const cancel = host.timers.deadline(CLOSE_MILLIS_MAX, () => {
      isLate = true;
      room.changed();
    });
    try {
      // Level 0 may be full after the first of several memtables, and nothing empties it any more.
      await this.until(() => isLate || hasFailed() || !maintenance().mayFlush);
    } catch (cause) {
      // It was told by an event as it happened, and the logs are as good.
      if (!(cause instanceof DiskFull)) throw cause;
    } finally {
      cancel();
      this.#isClosing = false;
    }
  }
}
