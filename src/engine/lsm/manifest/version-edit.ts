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
}

/** All that a manifest says at one moment. */
export interface ManifestState {
  /** 16 random bytes, drawn when the database was made. They tie each of its files to it. */
  readonly storeId: Bytes;
  readonly formatVersion: number;
  /** In the order in which they were added. */
  readonly tables: readonly TableMeta[];
  readonly logNumber: number;
  readonly nextFileNumber: number;
  readonly lastSequence: number;
}
