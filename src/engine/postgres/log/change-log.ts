/**
 * The log of an engine on a server: what each commit adds to it, and what feeds and listeners are given of it.
 *
 * Always true:
 * (1) A commit and its row are one transaction, sent in one group of statements.
 * (2) A feed gives every commit behind its start once, whole, and behind all commits that it has seen. What was under way
 *     at one look and is committed at the next is given then, whatever came meanwhile; what was rolled back never holds
 *     anything up.
 * (3) A feed outlives its connection: while the server cannot be reached it waits, and goes on where it was.
 */
import { Closed } from "../../../base/index.ts";
import type { ChangeSet, CommitListener, Version, WriteOp } from "../../contract/index.ts";
import { changesTooOld } from "../../contract/index.ts";
import type { Timers } from "../../lsm/host/index.ts";
import type { Answer, Call, Pool } from "../connection/index.ts";
import { CommitWatch, isAway } from "./commit-watch.ts";
import { LogReader } from "./log-reader.ts";
import type { LogPage } from "./log-reader.ts";
import type { LogStatements } from "./log-table.ts";
import { LogTrimmer } from "./log-trimmer.ts";
import type { LogSizes } from "./log-trimmer.ts";
import { encodeOps } from "./logged-ops.ts";
import { Bell, Pace } from "./pace.ts";
import { seenIn, seenOf, versionOf } from "./seen.ts";
import type { Seen } from "./seen.ts";

export interface ChangeLogParts {
  /** One connection, REPEATABLE READ, for looks at the log alone. */
  readonly pool: Pool;
  readonly statements: LogStatements;
  readonly timers: Pick<Timers, "later">;
  readonly sizes: LogSizes;
}

export class ChangeLog {
  readonly #parts: ChangeLogParts;
  readonly #reader: LogReader;
  readonly #watch: CommitWatch;
  readonly #trimmer: LogTrimmer;
  readonly #bell = new Bell();
  /** Feeds that are to begin "now", and are asking the server what that is. */
  readonly #beginning = new Set<Promise<unknown>>();

  constructor(parts: ChangeLogParts) {
    this.#parts = parts;
    this.#reader = new LogReader(parts.pool, parts.statements);
    this.#watch = new CommitWatch(this.#reader, parts.timers);
    this.#trimmer = new LogTrimmer(this.#reader, parts.timers, parts.sizes);
  }

  /** What a commit with these ops adds to its group. */
  append(ops: readonly WriteOp[]): Call {
    return { statement: this.#parts.statements.append, values: [encodeOps(ops)] };
  }

  /** The group was committed, and this was the answer to what append() gave. */
  committed({ rows }: Answer, ops: readonly WriteOp[]): Version {
    const [xid, snapshot] = rows[0]!;
    const number = BigInt(xid!);
    this.#watch.committed(number, ops);
    this.#trimmer.committed();
    this.#bell.ring();
    return versionOf(seenIn(snapshot!, number));
  }

  /** A commit that is asked for after changes() comes after its start: so it waits until the server has said what that is. */
  get beginning(): Promise<unknown> | undefined {
    return this.#beginning.size === 0 ? undefined : Promise.allSettled(this.#beginning);
  }

  /** What a snapshot asks to be pinned, and to know what it sees. */
  pin(): Call {
    return { statement: this.#parts.statements.pin, values: [] };
  }

  /** Of a snapshot as the server writes it. */
  versionOf(snapshot: string): Promise<Version> {
    return this.#reader.versionOf(snapshot);
  }

  onCommit(wake: CommitListener): () => void {
    return this.#watch.add(wake);
  }

  /** @throws StorageError 'TooOld' for what is no version. */
  changes(
    after: Version | undefined,
    signal: AbortSignal | undefined,
  ): AsyncIterable<readonly ChangeSet[]> {
    if (after === undefined) return this.#follow(this.#begin(), signal);
    const seen = seenOf(after);
    if (seen === undefined) throw changesTooOld({ version: after });
    return this.#follow(seen, signal);
  }

  get roundTrips(): number {
    return this.#reader.roundTrips;
  }

  close(): void {
    this.#parts.pool.close();
    this.#watch.close();
    this.#trimmer.close();
    this.#bell.ring();
  }

  #begin(): Promise<Seen> {
    const start = this.#reader.now();
    this.#beginning.add(start);
    const begun = (): void => {
      this.#beginning.delete(start);
    };
    start.then(begun, begun);
    return start;
  }

  async *#follow(
    start: Seen | Promise<Seen>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly ChangeSet[]> {
    const { pool, timers } = this.#parts;
    const pace = new Pace(timers, this.#bell);
    try {
      let seen = await start;
      for (;;) {
        if (pool.closed) throw new Closed("engine");
        signal?.throwIfAborted();
        const page = await this.#look(seen);
        signal?.throwIfAborted();
        if (page !== undefined) seen = page.seen;
        if (page === undefined || page.sets.length === 0) {
          await pace.pause(signal);
          continue;
        }
        pace.found();
        yield page.sets;
        if (!page.isPart) await pace.rest(signal);
      }
    } finally {
      pace.end();
    }
  }

  /** Undefined where the server cannot be reached now. */
  async #look(seen: Seen): Promise<LogPage | undefined> {
    try {
      return await this.#reader.read(seen);
    } catch (error) {
      if (isAway(error)) return undefined;
      throw error;
    }
  }
}
