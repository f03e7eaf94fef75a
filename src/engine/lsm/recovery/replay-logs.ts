/** Reads what the logs hold into memtables, in the order of commits. */
import type { Bytes } from "../../../base/index.ts";
import { KIND_DELETE_RANGE, KIND_DELETE_TO_END } from "../codec/index.ts";
import type { Entry } from "../codec/index.ts";
import type { Host } from "../host/index.ts";
import { Memtable } from "../memtable/index.ts";
import { readWals } from "../wal/index.ts";
import type { DamagePolicy, ExpectedLogs } from "../wal/index.ts";

export interface Replayed {
  /** Oldest first; none if the logs hold no commit. */
  readonly memtables: readonly Memtable[];
  /** Of the newest commit; 0 if there is none. */
  readonly lastSequence: number;
  readonly commits: number;
}

/**
 * A memtable takes commits until it holds `memtableBytesMax`. Throws CorruptionError rather than skip anything, unless
 * `damage` says what to do instead.
 */
export function replayLogs(parts: {
  readonly host: Host;
  readonly directory: string;
  readonly storeId: Bytes;
  readonly logNumbers: readonly number[];
  readonly memtableBytesMax: number;
  readonly damage?: DamagePolicy;
  /** What the manifest says of the logs; undefined: there is none. */
  readonly promised: ExpectedLogs | undefined;
}): Replayed {
  const memtables: Memtable[] = [];
  let lastSequence = 0;
  let commits = 0;
  const { host, directory, logNumbers, storeId } = parts;
  const onCommit = (sequence: number, ops: readonly Entry[]): void => {
    let memtable = memtables.at(-1);
    if (memtable === undefined || memtable.bytes >= parts.memtableBytesMax) {
      memtable = new Memtable();
      memtables.push(memtable);
    }
    insertEntries(memtable, sequence, ops);
    lastSequence = sequence;
    commits++;
  };
  readWals(host, directory, logNumbers, storeId, onCommit, parts.damage, parts.promised);
  return { memtables, lastSequence, commits };
}

/** Takes in one commit: what the commit path did when it was made. */
export function insertEntries(
  memtable: Memtable,
  sequence: number,
  entries: readonly Entry[],
): void {
  for (let i = 0; i < entries.length; i++) {
    const { kind, key, value } = entries[i]!;
    if (kind === KIND_DELETE_RANGE) memtable.addRangeDelete({ start: key, end: value, sequence });
    else if (kind === KIND_DELETE_TO_END) {
      memtable.addRangeDelete({ start: key, end: undefined, sequence });
    } else memtable.add(sequence, kind, key, value);
  }
}
