/**
 * Reads the log on a connection of its own, which is REPEATABLE READ: the statements of one group see one state, and as
 * the server does not hold such readers against writers, they are no reason for a conflict.
 */
import { changesTooOld } from "../../contract/index.ts";
import type { ChangeSet, Version } from "../../contract/index.ts";
import type { Answer, Call, Pool, Row } from "../connection/index.ts";
import { engineFailure } from "../connection/index.ts";
import { bytesOfText, numberList } from "../table/index.ts";
import { decodeOps } from "./logged-ops.ts";
import type { LogStatements } from "./log-table.ts";
import { Progress, firstUnseen, isSeen, seenBelow, seenIn, versionOf } from "./seen.ts";
import type { Seen } from "./seen.ts";

/** A reader is handed at most about so many bytes of commits at once, or one commit. */
const PAGE_BYTES: number = 1024 * 1024;
const PAGE_COMMITS = 1_000;
/** Larger than any number of a transaction. */
const NUMBER_MAX = String(2n ** 63n - 1n);
/** Larger than any commit can be. */
const ANY_BYTES = 2 ** 31 - 1;

interface LoggedCommit extends ChangeSet {
  /** Of its transaction. */
  readonly number: bigint;
}
export interface LogPage {
  /** In an order in which who has overwritten a row comes behind who wrote it. */
  readonly sets: readonly LoggedCommit[];
  /** What has been seen by whoever deals with them. */
  readonly seen: Seen;
  /** A commit was too large to be read, and is not among the sets; or there are more. */
  readonly isPart: boolean;
}

interface Read {
  readonly pageBytes: number;
  /** The ops of a larger commit stay where they are. */
  readonly commitBytes: number;
}
const EVERYTHING: Read = { pageBytes: PAGE_BYTES, commitBytes: ANY_BYTES };

export class LogReader {
  readonly #pool: Pool;
  readonly #statements: LogStatements;

  constructor(pool: Pool, statements: LogStatements) {
    this.#pool = pool;
    this.#statements = statements;
  }

  /** What is visible now. */
  async now(): Promise<Seen> {
    const values = [NUMBER_MAX, numberList([])];
    const [visible, newest] = await this.#ask([
      this.#visible(),
      { statement: this.#statements.newest, values },
    ]);
    return seenBelow(seenIn(visible!.rows[0]![0]!), BigInt(newest!.rows[0]?.[0] ?? 0) + 1n);
  }

  /** @throws StorageError 'TooOld' where what has not been seen may be in the log no more. */
  async read(seen: Seen, { commitBytes, pageBytes }: Read = EVERYTHING): Promise<LogPage> {
    const { missing, tail } = this.#statements;
    const [max, start] = [String(commitBytes), String(seen.end)];
    const [visible, late, more] = await this.#ask([
      this.#visible(),
      { statement: missing, values: [max, numberList(seen.missing)] },
      { statement: tail, values: [max, start, String(PAGE_COMMITS), String(pageBytes)] },
    ]);
    const [snapshot, trimmed] = visible!.rows[0]!;
    if (trimmed !== null && firstUnseen(seen) <= BigInt(trimmed!))
      throw changesTooOld({ version: versionOf(seen) });
    const now = seenIn(snapshot!);
    // Of another server, or of one that has lost what it had shown: its numbers mean other commits here.
    if (seen.end > now.end) throw changesTooOld({ version: versionOf(seen) });
    const isWhole = !isFull(more!.rows, pageBytes);
    const found = [...late!.rows, ...more!.rows].filter(([xid]) => !isSeen(seen, BigInt(xid!)));
    const within = found.filter(([, , , , isBeyond]) => isBeyond !== "t");
    const progress = new Progress(
      seen,
      now,
      within.map(([xid]) => BigInt(xid!)),
    );
    const sets: LoggedCommit[] = [];
    let [reached, isPart] = [seen, !isWhole];
    for (const [xid, ops] of found.toSorted((a, b) => Number(a[3]) - Number(b[3]))) {
      const number = BigInt(xid!);
      reached = progress.give(number);
      if (ops === null) isPart = true;
      else {
        const version = versionOf(reached);
        sets.push({ version, number, ops: decodeOps(bytesOfText(ops!), number) });
      }
    }
    if (isWhole) {
      const ends = [...found.map(([xid]) => BigInt(xid!)), ...seen.further].map((n) => n + 1n);
      const end = ends.reduce((most, one) => (one > most ? one : most), seen.end);
      reached = seenBelow(now, end);
    }
    return { sets, seen: reached, isPart };
  }

  /** The version of what a snapshot sees: two that see the same commits have the same, whatever else the server does. */
  async versionOf(snapshot: string): Promise<Version> {
    const { end, missing } = seenIn(snapshot);
    const { newest, unsettled } = this.#statements;
    const list = numberList(missing);
    const [last, open] = await this.#ask([
      { statement: newest, values: [String(end), list] },
      { statement: unsettled, values: [list] },
    ]);
    const number = BigInt(last!.rows[0]?.[0] ?? 0);
    const late = open!.rows.map(([n]) => BigInt(n!)).filter((n) => n < number);
    return versionOf({ end: number + 1n, missing: late, further: [] });
  }

  /** Number, bytes, time of so many commits behind a number, and the time now; as far as none below is under way. */
  async rowsBehind(number: string, rowsMax: number): Promise<readonly Row[]> {
    const values = [number, String(rowsMax)];
    const [sizes] = await this.#ask([{ statement: this.#statements.sizes, values }]);
    return sizes!.rows;
  }

  /** Takes the commits up to this one out of the log. */
  async removeUpTo(number: string): Promise<void> {
    const { begin, commit, mark, remove } = this.#statements;
    await this.#ask([
      { statement: begin, values: [] },
      { statement: remove, values: [number] },
      { statement: mark, values: [number] },
      { statement: commit, values: [] },
    ]);
  }

  get roundTrips(): number {
    return this.#pool.stats()["roundTrips"]!;
  }

  #visible(): Call {
    return { statement: this.#statements.visible, values: [] };
  }

  async #ask(calls: readonly Call[]): Promise<readonly Answer[]> {
    try {
      const connection = await this.#pool.acquire();
      try {
        return await connection.run(calls, { alone: true });
      } finally {
        this.#pool.release(connection);
      }
    } catch (error) {
      throw engineFailure(error, "reading");
    }
  }
}

function isFull(rows: readonly Row[], pageBytes: number): boolean {
  if (rows.length >= PAGE_COMMITS) return true;
  let bytes = 0;
  for (const [, , length] of rows) bytes += Number(length);
  return bytes >= pageBytes;
}
