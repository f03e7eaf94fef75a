/** What an engine tells its listener: the turns of its inner life, as plain values. */
import type { KotobaError } from "../../../base/index.ts";
import type { CorruptionError, DiskFull } from "../../contract/index.ts";

/** A table as events speak of it. */
export interface EventTable {
  readonly fileNumber: number;
  readonly level: number;
  readonly fileBytes: number;
  readonly entries: number;
}

export function eventTable(table: EventTable): EventTable {
  const { entries, fileBytes, fileNumber, level } = table;
  return { fileNumber, level, fileBytes, entries };
}

/** given-up: the engine was closed on the way, and nothing was changed. Work that fails has no end: "failure" tells. */
type EventOutcome = "done" | "given-up";

/** Each kind of event without the time that all of them have. */
export type LsmEventBody =
  /** The database was opened: what its logs held was written to so many tables. */
  | {
      readonly type: "recovery";
      readonly logs: number;
      readonly commits: number;
      readonly tables: number;
      /** Places that could not be read; see recoveryReport of the engine. */
      readonly losses: number;
      readonly lastSequence: number;
      readonly millis: number;
    }
  /** A memtable of so many bytes is being written to tables. */
  | { readonly type: "flush-begin"; readonly memtableBytes: number }
  | {
      readonly type: "flush-end";
      readonly outcome: EventOutcome;
      readonly tables: readonly EventTable[];
      readonly millis: number;
    }
  /** Tables are being merged, or one is moved, for the reason in words. */
  | {
      readonly type: "compaction-begin";
      readonly why: string;
      readonly inputs: readonly EventTable[];
      readonly outputLevel: number;
      readonly isMove: boolean;
    }
  | {
      readonly type: "compaction-end";
      readonly outcome: EventOutcome;
      readonly tables: readonly EventTable[];
      readonly outputLevel: number;
      readonly millis: number;
    }
  /** A table belongs to the database from now on. */
  | {
      readonly type: "table-created";
      readonly by: "recovery" | "flush" | "compaction";
      readonly table: EventTable;
    }
  /** No reader needs the table any more; its file is removed. */
  | { readonly type: "table-deleted"; readonly fileNumber: number }
  /** Commits wait because memory is full and flushes are behind. */
  | { readonly type: "stall-begin" }
  | { readonly type: "stall-end"; readonly millis: number }
  /** Damage was met, by a read, by background work or by verify(). Told once for each place. */
  | { readonly type: "corruption"; readonly error: CorruptionError }
  /** verify() found something that is not as it should be. */
  | { readonly type: "problem"; readonly problem: string }
  | { readonly type: "disk-full"; readonly error: DiskFull }
  /** Something failed for which no commit is taken any more; the causes above come as their own kinds. */
  | { readonly type: "failure"; readonly error: KotobaError };

/** What `onEvent` gets; `atMillis` is the wall clock's time, in milliseconds since 1970. */
export type LsmEvent = LsmEventBody & { readonly atMillis: number };
export type LsmEventListener = (event: LsmEvent) => void;
