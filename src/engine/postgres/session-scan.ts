/** Scans of a session: of rows, and of rows with what they refer to. */
import { nextKey } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { EMPTY_DONE_PAGE } from "../contract/index.ts";
import type { KeyRange, Page, RefPage, RefScan, Scan, ScanOptions } from "../contract/index.ts";
import type { Row, Statement } from "./connection/index.ts";
import { BASE, RangeWalk, bytesOfText, pageOf, rowsShown } from "./table/index.ts";
import type { KeyRows, PageRow, TableStatements } from "./table/index.ts";

/** What a scan reads from; fails with Closed after its view has ended. */
export interface ScanView {
  readonly statements: TableStatements;
  rowsOf(statement: Statement, range: KeyRange, rowsMax: number): Promise<readonly Row[]>;
  getMany(keys: readonly Bytes[]): Promise<(Bytes | undefined)[]>;
}

/** More rows than one cell ever has before it is folded, and in bounds if nobody could. */
const CELL_ROWS_MAX = 1_000_000;

function walk(
  view: ScanView,
  statement: Statement,
  range: KeyRange,
  options: ScanOptions,
): RangeWalk {
  return new RangeWalk(
    {
      page: (rest, rowsMax) => view.rowsOf(statement, rest, rowsMax),
      key: (key) => view.rowsOf(statement, { start: key, end: nextKey(key) }, CELL_ROWS_MAX),
    },
    range,
    options,
  );
}

export class SessionScan implements Scan {
  readonly #walk: RangeWalk;
  readonly #keysOnly: boolean;

  /** The bounds of the range must not change. */
  constructor(view: ScanView, range: KeyRange, options: ScanOptions) {
    const { keysOnly = false, reverse = false } = options;
    const { scan, scanKeys, scanKeysReverse, scanReverse } = view.statements;
    const [forward, backward] = keysOnly ? [scanKeys, scanKeysReverse] : [scan, scanReverse];
    this.#keysOnly = keysOnly;
    this.#walk = walk(view, reverse ? backward : forward, range, options);
  }

  async next(): Promise<Page> {
    // Keys that hold nothing make no page, and a page without rows would end the scan.
    while (!this.#walk.isDone) {
      const rows = rowsShown(await this.#walk.next(), this.#keysOnly);
      this.#walk.shown(rows.length);
      if (rows.length > 0) return pageOf(rows, this.#keysOnly, this.#walk.isDone);
    }
    return EMPTY_DONE_PAGE;
  }

  close(): void {
    this.#walk.end();
  }
}

/** Columns: k, how, v, then how and v of what the row refers to. */
export class SessionRefScan implements RefScan {
  readonly #view: ScanView;
  readonly #walk: RangeWalk;

  /** The bounds of the range must not change. */
  constructor(view: ScanView, range: KeyRange, options: ScanOptions) {
    const { scanRefs, scanRefsReverse } = view.statements;
    this.#view = view;
    this.#walk = walk(view, options.reverse === true ? scanRefsReverse : scanRefs, range, options);
  }

  async next(): Promise<RefPage> {
    while (!this.#walk.isDone) {
      const keys = await this.#walk.next();
      const entries: PageRow[] = [];
      const found: PageRow[] = [];
      for (const one of keys) {
        const [entry] = rowsShown([one], false);
        if (entry === undefined) continue;
        entries.push(entry);
        found.push({ key: referenceOf(one), value: one.rows[0]![4] ?? undefined });
      }
      this.#walk.shown(entries.length);
      if (entries.length === 0) continue;
      await this.#readCells(keys, found);
      const done = this.#walk.isDone;
      return { entries: pageOf(entries, false, done), found: pageOf(found, false, done) };
    }
    return { entries: EMPTY_DONE_PAGE, found: EMPTY_DONE_PAGE };
  }

  close(): void {
    this.#walk.end();
  }

  /** What is referred to and is a number cell stands in several rows, so it is read by itself. Nobody does that often. */
  async #readCells(keys: readonly KeyRows[], found: PageRow[]): Promise<void> {
    const cells = new Set(
      keys.filter(({ rows }) => rows[0]![3] === BASE).map((one) => referenceOf(one)),
    );
    if (cells.size === 0) return;
    const values = await this.#view.getMany([...cells].map((key) => bytesOfText(key)));
    const byKey = new Map([...cells].map((key, at) => [key, values[at]]));
    for (const [at, { key }] of found.entries()) {
      if (byKey.has(key)) found[at] = { key, value: byKey.get(key) };
    }
  }
}

const NO_REFERENCE = "\\x";
/** Of a length of two bytes the first one says so; keys are too short for more. */
const TWO_BYTES = 0x80;

/** The key that a row's value refers to (src/transaction/reading/reference.ts), as the server's text. */
function referenceOf({ rows }: KeyRows): string {
  const [, how, v] = rows[0]!;
  if (how !== null || v === null || v!.length <= 2) return NO_REFERENCE;
  const low = byteAt(v!, 0);
  const isLong = low >= TWO_BYTES;
  const length = isLong ? low - TWO_BYTES + byteAt(v!, 1) * TWO_BYTES : low;
  const start = isLong ? 2 : 1;
  return `\\x${v!.slice(2 + 2 * start, 2 + 2 * (start + length))}`;
}

function byteAt(text: string, at: number): number {
  return Number.parseInt(text.slice(2 + 2 * at, 4 + 2 * at), 16);
}
