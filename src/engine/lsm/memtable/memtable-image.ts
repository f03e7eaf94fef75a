/**
 * A memtable that takes no more entries, as another thread can read it: the memory itself, no copy of keys or values.
 *
 * Always true: nobody writes to the records of an image. Lookups of the owner write behind them, at `used`.
 */
import type { Cursor, RangeDelete } from "../cursor/index.ts";
import { EntryArena } from "./entry-arena.ts";
import { MemtableCursor } from "./memtable-cursor.ts";
import { SortedRecords } from "./sorted-records.ts";

export interface MemtableImage {
  readonly arena: SharedArrayBuffer;
  readonly used: number;
  /** The records in order, 32 bits each. */
  readonly order: SharedArrayBuffer;
  readonly rangeDeletes: readonly RangeDelete[];
}

/** A cursor over the entries of an image, for the thread that it was sent to: it seeks only to the first or last. */
export function imageCursor(image: MemtableImage): Cursor {
  const arena = new EntryArena(image.arena, image.used);
  return new MemtableCursor(arena, new SortedRecords(arena, new Int32Array(image.order)));
}
