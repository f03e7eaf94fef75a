/** What the disk and the system's cache of it give to one thread of Node that does nothing else. */
import {
  closeSync,
  constants,
  fdatasyncSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Recorder, Size } from "../kit/index.ts";
import { bandwidth } from "./bandwidth.ts";

const KIB = 1_024;
const MIB = 1_024 * KIB;
const RECORD_BYTES = 132;
const RANDOM_READ_BYTES = 8 * KIB;
const PIECE_BYTES = MIB;

const COUNTS: Readonly<Record<Size, { readonly syncs: number; readonly fileMib: number }>> = {
  short: { syncs: 1_000, fileMib: 128 },
  full: { syncs: 4_000, fileMib: 512 },
  check: { syncs: 200, fileMib: 32 },
};

export async function measureDisk(
  recorder: Recorder,
  directory: string,
  size: Size,
): Promise<void> {
  const { fileMib, syncs } = COUNTS[size];
  const path = join(directory, "limits");
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT);
  const piece = Buffer.alloc(PIECE_BYTES, "kotobadb");
  try {
    bandwidth(recorder, "write of 1 MiB pieces, synced at the end", fileMib * MIB, () => {
      for (let at = 0; at < fileMib; at++) writeSync(file, piece, 0, PIECE_BYTES, at * PIECE_BYTES);
      fdatasyncSync(file);
    });
    const record = Buffer.alloc(RECORD_BYTES, 1);
    // Into room that was written before: a sync of a file that grows has more to do.
    await recorder.each("sync of 132 bytes, room made ahead", syncs, (i) => {
      writeSync(file, record, 0, RECORD_BYTES, i * RECORD_BYTES);
      fdatasyncSync(file);
    });
    await recorder.rate("write of 132 bytes, not synced", 100_000, () => {
      for (let i = 0; i < 100_000; i++) {
        writeSync(file, record, 0, RECORD_BYTES, i * RECORD_BYTES);
      }
    });
    const blocks = (fileMib * MIB) / RANDOM_READ_BYTES;
    await recorder.rate("read of 8 KiB from the page cache", 100_000, () => {
      for (let i = 0, at = 0; i < 100_000; i++, at = (at + 7_919) % blocks) {
        readSync(file, piece, 0, RANDOM_READ_BYTES, at * RANDOM_READ_BYTES);
      }
    });
    bandwidth(recorder, "read of 1 MiB pieces from the page cache", fileMib * MIB, () => {
      for (let at = 0; at < fileMib; at++) readSync(file, piece, 0, PIECE_BYTES, at * PIECE_BYTES);
    });
  } finally {
    closeSync(file);
    unlinkSync(path);
  }
}
