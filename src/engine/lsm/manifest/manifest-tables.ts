/**
 * The state of a manifest while edits come in, read or to be written.
 *
 * Always true:
 * (1) A removed table was there, and an added one was not (or is removed by the same edit).
 * (2) File numbers of tables, and the log number, are below the next file number.
 * (3) Log number, next file number, last sequence and format version never go back.
 */
import type { Bytes } from "../../../base/index.ts";
import type { ManifestState, TableMeta, VersionEdit } from "./version-edit.ts";

export class ManifestTables {
  readonly #storeId: Bytes;
  readonly #tables = new Map<number, TableMeta>();
  #logNumber = 0;
  #nextFileNumber = 0;
  #lastSequence = 0;
  #formatVersion = 0;

  constructor(storeId: Bytes) {
    this.#storeId = storeId;
  }

  /** Why the edit does not fit this state, in words; undefined if it does. Changes nothing. */
  problemOf(edit: VersionEdit): string | undefined {
    if ((edit.formatVersion ?? this.#formatVersion) < this.#formatVersion) {
      return "a format version that goes back";
    }
    const next = edit.nextFileNumber ?? this.#nextFileNumber;
    if (next < this.#nextFileNumber) return "a next file number that goes back";
    const log = edit.logNumber ?? this.#logNumber;
    if (log < this.#logNumber) return "a log number that goes back";
    if (log >= next) return `log number ${log}, not below the next file number ${next}`;
    if ((edit.lastSequence ?? this.#lastSequence) < this.#lastSequence) {
      return "a last sequence that goes back";
    }
    return this.#problemOfTables(edit, next);
  }

  #problemOfTables(edit: VersionEdit, next: number): string | undefined {
    const removed = new Set<number>();
    for (const fileNumber of edit.removed ?? []) {
      if (!this.#tables.has(fileNumber) || removed.has(fileNumber)) {
        return `table ${fileNumber} removed, which is not there`;
      }
      removed.add(fileNumber);
    }
    const added = new Set<number>();
    for (const { fileNumber } of edit.added ?? []) {
      const there = this.#tables.has(fileNumber) && !removed.has(fileNumber);
      if (there || added.has(fileNumber)) return `table ${fileNumber} added, which is there`;
      if (fileNumber >= next) return `table ${fileNumber}, not below the next file number ${next}`;
      added.add(fileNumber);
    }
    return undefined;
  }

  /** The edit must fit: problemOf(edit) is undefined. */
  apply(edit: VersionEdit): void {
    for (const fileNumber of edit.removed ?? []) this.#tables.delete(fileNumber);
    for (const table of edit.added ?? []) this.#tables.set(table.fileNumber, table);
    this.#logNumber = edit.logNumber ?? this.#logNumber;
    this.#nextFileNumber = edit.nextFileNumber ?? this.#nextFileNumber;
    this.#lastSequence = edit.lastSequence ?? this.#lastSequence;
    this.#formatVersion = edit.formatVersion ?? this.#formatVersion;
  }

  get state(): ManifestState {
    return {
      storeId: this.#storeId,
      formatVersion: this.#formatVersion,
      tables: [...this.#tables.values()],
      logNumber: this.#logNumber,
      nextFileNumber: this.#nextFileNumber,
      lastSequence: this.#lastSequence,
    };
  }
}

/** The whole state as the one edit that makes it out of nothing. */
export function snapshotOf(state: ManifestState): VersionEdit {
  const { tables, logNumber, nextFileNumber, lastSequence, formatVersion } = state;
  return { added: tables, logNumber, nextFileNumber, lastSequence, formatVersion };
}
