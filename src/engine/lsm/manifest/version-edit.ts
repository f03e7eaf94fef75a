/** What a manifest says: which tables make up the database, and how that changes. Plain values. */
import type { Bytes } from "../../../base/index.ts";

/** One table of the database, as much as is needed to find, order and check it without opening it. */
export interface TableMeta {
  readonly fileNumber: number;
  /** 0: tables overlap, newest first; 1 and deeper: sorted, without overlap. */
  readonly level: number;
  readonly fileBytes: number;
  /** Point entries, deletes included. */
  readonly entries: number;
  readonly rangeDeletes: number;
  /** The first key that the table touches. */
  readonly smallestKey: Bytes;
  /** The last key that the table touches, inclusive; undefined when a range delete reaches the end of the keyspace. */
  readonly largestKey: Bytes | undefined;
  readonly smallestSequence: number;
  readonly largestSequence: number;
  /** Point deletes among the entries. */
  readonly tombstones: number;
  /** Blocks that hold the entries. */
  readonly dataBlocks: number;
  /** Data blocks of which at least half of the entries, or at least 100, are deletes. */
  readonly denseBlocks: number;
  /** Bytes of all keys and values of the entries, before they were laid out and compressed. */
  readonly rawBytes: number;
  /** When the table was finished, in milliseconds since 1970; a hint for its age, since the wall clock may jump. */
  readonly writtenAtMillis: number;
  /** CRC-32 of the whole file. */
  readonly fileCrc: number;
}

/** One step from a state of the manifest to the next, atomic. What is absent stays as it is. */
export interface VersionEdit {
  /** A table that only moves to another level is both removed and added. */
  readonly added?: readonly TableMeta[];
  /** File numbers of tables; they leave before the added ones come. */
  readonly removed?: readonly number[];
  /** The oldest log that is still needed; never goes back. */
  readonly logNumber?: number;
  /** No file has this number or a higher one; never goes back. */
  readonly nextFileNumber?: number;
  /** The newest sequence that the tables hold; never goes back. */
  readonly lastSequence?: number;
  /** Raises the database's format; never goes back. */
  readonly formatVersion?: number;
}

/** All that a manifest says at one moment. */
export interface ManifestState {
  /** 16 random bytes, drawn when the database was made. They tie each of its files to it. */
  readonly storeId: Bytes;
  /**
   * The format that the files of the database may use, and so the oldest program that may open it. It only grows, and not
   * by itself: a newer program that opens the database leaves it as it is until it raises it by an edit.
   */
  readonly formatVersion: number;
  /** In the order in which they were added. */
  readonly tables: readonly TableMeta[];
  readonly logNumber: number;
  readonly nextFileNumber: number;
  readonly lastSequence: number;
}
