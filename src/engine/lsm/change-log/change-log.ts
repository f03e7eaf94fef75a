/**
 * The commits of the past, in order, for feeds and replicas: logs whose commits are in tables are kept instead of being
 * used again, until they are too many or too old.
 *
 * Always true:
 * (1) The spans of the logs follow one another without a gap: the next one begins one above where the one before ends.
 *     What lies before a gap is of no use and goes.
 * (2) A reader is given what readers of the database may see, once each, in order; never a commit that a crash could take
 *     back.
 * (3) A log goes only when the manifest does not need it, oldest first. Who still needs it is told TooOld.
 * (4) A log that was kept is never used again for another one: somebody may be reading it.
 */
import { Closed, copyBytes } from "../../../base/index.ts";
import type { Bytes } from "../../../base/index.ts";
import { CorruptionError, StorageError, changesTooOld } from "../../contract/index.ts";
import type { ChangeSet, Version, WriteOp } from "../../contract/index.ts";
import {
  FILE_HEADER_BYTES,
  KIND_DELETE,
  KIND_DELETE_RANGE,
  KIND_PUT,
  pathIn,
  walName,
} from "../codec/index.ts";
import type { Entry } from "../codec/index.ts";
import type { Host } from "../host/index.ts";
import { readLogPiece } from "../wal/index.ts";
import type { LogSpan } from "../wal/index.ts";

export interface ChangeLogLimits {
  readonly bytesMax: number;
  readonly millisMax: number;
}

export interface ChangeLogParts extends ChangeLogLimits {
  readonly host: Host;
  readonly directory: string;
  readonly storeId: Bytes;
  /** Removes a file, at once or later. */
  readonly remove: (path: string) => void;
}

/** A log that is kept, or the one that takes commits, which has no last sequence yet. */
interface KeptLog extends Omit<LogSpan, "lastSequence"> {
  readonly lastSequence: number | undefined;
  /** Its commits are in tables. */
  readonly isFlushed: boolean;
}

interface Place {
  readonly logNumber: number;
  readonly offset: number;
  /** All commits up to this one were given. */
  readonly sequence: number;
}

/** A reader is handed at most so many bytes of commits at once, or one commit. */
const BATCH_BYTES: number = 1024 * 1024;
const BATCH_COMMITS = 1_000;

export class ChangeLog {
  readonly #parts: ChangeLogParts;
  /** By number; the last one takes commits. */
  #logs: readonly KeptLog[] = [];
  readonly #waiting = new Set<() => void>();
  #isClosed = false;
  #failure: { readonly cause: unknown } | undefined;

  constructor(parts: ChangeLogParts) {
    this.#parts = parts;
  }

  get stats(): Readonly<Record<"changeLogs" | "changeLogBytes", number>> {
    let changeLogBytes = 0;
    for (const { fileBytes } of this.#logs) changeLogBytes += fileBytes;
    return { changeLogs: this.#logs.length, changeLogBytes };
  }

  /** The logs that are kept for readers alone: their commits are in tables. */
  get keptNumbers(): readonly number[] {
    return this.#logs.filter((log) => log.isFlushed).map(({ logNumber }) => logNumber);
  }

  /** Takes over what a former run has kept; `live` takes commits from `nextSequence` on. */
  adopt(spans: readonly LogSpan[], live: number, nextSequence: number): void {
    const kept: KeptLog[] = [liveLog(live, nextSequence)];
    let needed = nextSequence;
    for (const span of spans.toSorted((a, b) => b.logNumber - a.logNumber)) {
      if (span.lastSequence + 1 === needed) {
        kept.unshift({ ...span, isFlushed: true });
        needed = span.firstSequence;
        continue;
      }
      needed = Number.NaN;
      this.#parts.remove(this.#pathOf(span.logNumber));
    }
    this.#logs = kept;
    this.#trim();
  }

  /** Commits go to this log from here on. */
  begin(logNumber: number, firstSequence: number): void {
    const former = this.#logs.map((log) =>
      log.lastSequence === undefined ? { ...log, lastSequence: firstSequence - 1 } : log,
    );
    this.#logs = [...former, liveLog(logNumber, firstSequence)];
  }

  /** The log was closed; what its file holds behind `fileBytes` is given back to the disk. */
  closed(logNumber: number, fileBytes: number): void {
    const { host } = this.#parts;
    const file = host.files.open(this.#pathOf(logNumber), "write");
    try {
      file.truncate(fileBytes);
    } finally {
      file.close();
    }
    const closedAtMillis = host.clock.nowMillis();
    this.#change(logNumber, { fileBytes, closedAtMillis });
  }

  /** The commits of the log are in tables. */
  flushed(logNumber: number): void {
    this.#change(logNumber, { isFlushed: true });
    this.#trim();
  }

  /** More commits may be read. */
  changed(): void {
    for (const go of this.#waiting) go();
  }

  /** Writing has ended: readers are given what there is, and then told. */
  fail(cause: unknown): void {
    this.#failure ??= { cause };
    this.changed();
  }

  close(): void {
    this.#isClosed = true;
    this.changed();
  }

  /** The commits after a version, for ever; `upTo` says how far they may be read. */
  async *read(
    after: Version,
    upTo: () => number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly ChangeSet[]> {
    let place = this.#placeAfter(Number(after), after);
    for (;;) {
      if (this.#isClosed) throw new Closed("database");
      signal?.throwIfAborted();
      const batch: ChangeSet[] = [];
      place = this.#readBatch(place, upTo(), batch);
      if (batch.length > 0) yield batch;
      else if (place.sequence >= upTo()) {
        if (this.#failure !== undefined)
          throw new StorageError("ReadOnly", undefined, this.#failure);
        await this.#nextChange(signal);
      }
    }
  }

  #placeAfter(sequence: number, version: Version): Place {
    const log = this.#logs.findLast(({ firstSequence }) => firstSequence <= sequence + 1);
    const newest = this.#logs.at(-1);
    const isKnown = Number.isSafeInteger(sequence) && sequence >= 0;
    if (!isKnown || log === undefined || newest === undefined) throw changesTooOld({ version });
    return { logNumber: log.logNumber, offset: FILE_HEADER_BYTES, sequence };
  }

  #readBatch(place: Place, upTo: number, batch: ChangeSet[]): Place {
    const index = this.#logs.findIndex(({ logNumber }) => logNumber === place.logNumber);
    const log = this.#logs[index];
    if (log === undefined) throw changesTooOld({ version: String(place.sequence) });
    const { lastSequence = Number.POSITIVE_INFINITY } = log;
    if (place.sequence >= lastSequence) {
      const next = this.#logs[index + 1];
      if (next === undefined) return place;
      return { ...place, logNumber: next.logNumber, offset: FILE_HEADER_BYTES };
    }
    if (place.sequence >= upTo) return place;
    let sequence = place.sequence;
    let bytes = 0;
    const piece = readLogPiece(
      this.#parts,
      log.logNumber,
      place.offset,
      upTo,
      (found, ops, size) => {
        if (found <= place.sequence) return true;
        if (found !== sequence + 1) return false;
        sequence = found;
        batch.push({ version: String(found) as Version, ops: ops.map(writeOpOf) });
        bytes += size;
        return bytes < BATCH_BYTES && batch.length < BATCH_COMMITS;
      },
    );
    if (sequence === place.sequence) throw this.#gap(log.logNumber, piece.offset, sequence + 1);
    return { logNumber: log.logNumber, offset: piece.offset, sequence };
  }

  #gap(logNumber: number, offset: number, sequence: number): CorruptionError {
    const file = this.#pathOf(logNumber);
    return new CorruptionError({ file, offset, expected: `commit ${sequence}`, found: "none" });
  }

  #nextChange(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        signal?.removeEventListener("abort", go);
        this.#waiting.delete(go);
        resolve();
      };
      signal?.addEventListener("abort", go, { once: true });
      this.#waiting.add(go);
    });
  }

  #change(logNumber: number, change: Partial<KeptLog>): void {
    this.#logs = this.#logs.map((log) =>
      log.logNumber === logNumber ? { ...log, ...change } : log,
    );
  }

  #trim(): void {
    const { bytesMax, host, millisMax, remove } = this.#parts;
    const oldestMillis = host.clock.nowMillis() - millisMax;
    for (;;) {
      const [oldest] = this.#logs;
      if (oldest === undefined || !oldest.isFlushed) return;
      const isTooMuch = this.stats.changeLogBytes > bytesMax;
      if (!isTooMuch && oldest.closedAtMillis >= oldestMillis) return;
      this.#logs = this.#logs.slice(1);
      remove(this.#pathOf(oldest.logNumber));
    }
  }

  #pathOf(logNumber: number): string {
    return pathIn(this.#parts.directory, walName(logNumber));
  }
}

function liveLog(logNumber: number, firstSequence: number): KeptLog {
  const closedAtMillis = 0;
  const lastSequence = undefined;
  return { logNumber, firstSequence, lastSequence, closedAtMillis, fileBytes: 0, isFlushed: false };
}

/** Bytes of its own: the caller may keep it. */
function writeOpOf({ key, kind, value }: Entry): WriteOp {
  const own = copyBytes(key);
  switch (kind) {
    case KIND_PUT:
      return { op: "put", key: own, value: copyBytes(value) };
    case KIND_DELETE:
      return { op: "del", key: own };
    default: {
      const end = kind === KIND_DELETE_RANGE ? copyBytes(value) : undefined;
      return { op: "delRange", range: { start: own, end } };
    }
  }
}
