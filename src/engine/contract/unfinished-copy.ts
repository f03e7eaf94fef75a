/**
 * The row by which everybody knows an unfinished copy. A copy from engine to engine (engine/copy) writes it before its
 * first row, and deletes it after all rows were read back and found equal. While it is there the rows are no database:
 * some are missing, and whoever wrote would write among rows to come.
 *
 * Always true:
 * (1) It is written by a transaction that saw no row at all, and read by every transaction that registers a collection.
 *     So of a copy that begins and a program that begins in the same place, one is refused.
 * (2) Its key comes before all that a database stores, and no copy carries it along.
 */
import type { Bytes } from "../../base/index.ts";
import { StorageError } from "./engine-error.ts";

export const COPY_MARK_KEY: Bytes = Uint8Array.of(0x00, 0x00);

/** `mark`: what COPY_MARK_KEY holds. @throws StorageError 'UnfinishedCopy' if it holds anything. */
export function refuseUnfinishedCopy(mark: Bytes | undefined): void {
  if (mark !== undefined) throw new StorageError("UnfinishedCopy");
}
