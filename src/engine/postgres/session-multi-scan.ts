/**
 * Scans of many ranges: the beginnings of all in one round trip, and of each that goes on behind its beginning the rest
 * by itself.
 */
import { nextKey } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { KeyRange, MultiScan, Page, ScanOptions } from "../contract/index.ts";
import { endOf } from "./commit-calls.ts";
import type { Call, Row } from "./connection/index.ts";
import { SessionScan } from "./session-scan.ts";
import type { ScanView } from "./session-scan.ts";
import { bytesList, bytesOfText, keyRows, pageOf, rowsShown } from "./table/index.ts";
import type { PageRow } from "./table/index.ts";

/** Of each range at first: most have fewer, and those that have more are few. */
const FIRST_ROWS_EACH = 64;
/** In one round trip; the rows that they have are in memory at once. */
const RANGES_MAX = 1_000;

export interface MultiScanView extends ScanView {
  rowsOfCall(call: Call): Promise<readonly Row[]>;
}

type TaggedPage = { readonly range: number; readonly page: Page };

/** What is there of one range. */
interface Beginning {
  readonly range: number;
  readonly shown: readonly PageRow[];
  /** What follows it; undefined where nothing does. */
  readonly rest: { readonly range: KeyRange; readonly limit: number } | undefined;
}

export class SessionMultiScan implements MultiScan {
  readonly #view: MultiScanView;
  readonly #ranges: readonly KeyRange[];
  readonly #options: ScanOptions;
  readonly #limitEach: number;
  /** Rows the caller still wants of all ranges together. */
  #left: number;
  /** The ranges before this one were asked for. */
  #asked = 0;
  #beginnings: Beginning[] = [];
  /** The rest of a range whose beginning was shown. */
  #rest: { readonly range: number; readonly scan: SessionScan } | undefined;
  #closed = false;

  /** The bounds of the ranges must not change. */
  constructor(
    view: MultiScanView,
    ranges: readonly KeyRange[],
    options: ScanOptions & { readonly limitEach?: number },
  ) {
    const { limit = Infinity, limitEach = Infinity, ...rest } = options;
    this.#view = view;
    this.#ranges = ranges;
    this.#options = rest;
    this.#limitEach = limitEach;
    this.#left = limit;
  }

  async next(): Promise<TaggedPage | undefined> {
    while (!this.#closed && this.#left > 0) {
      const tagged = (await this.#nextOfRest()) ?? (await this.#nextBeginning());
      if (tagged === undefined) break;
      if (tagged.page.rows === 0) continue;
      this.#left -= tagged.page.rows;
      return tagged;
    }
    this.close();
    return undefined;
  }

  close(): void {
    this.#closed = true;
    this.#beginnings = [];
    this.#rest?.scan.close();
    this.#rest = undefined;
  }

  async #nextOfRest(): Promise<TaggedPage | undefined> {
    if (this.#rest === undefined) return undefined;
    const { range, scan } = this.#rest;
    const page = await scan.next();
    if (page.done) this.#rest = undefined;
    return { range, page };
  }

  async #nextBeginning(): Promise<TaggedPage | undefined> {
    if (this.#beginnings.length === 0) {
      if (this.#asked >= this.#ranges.length) return undefined;
      this.#beginnings = await this.#ask();
    }
    const { range, rest, shown } = this.#beginnings.shift()!;
    // All ranges were asked for as many as the caller wants of all together.
    const rows = shown.slice(0, this.#left);
    const page = pageOf(rows, this.#options.keysOnly ?? false, rest === undefined);
    if (rest !== undefined) {
      const limit = Math.min(rest.limit, this.#left - rows.length);
      const options = limit === Infinity ? this.#options : { ...this.#options, limit };
      this.#rest = { range, scan: new SessionScan(this.#view, rest.range, options) };
    }
    return { range, page };
  }

  async #ask(): Promise<Beginning[]> {
    const first = this.#asked;
    const ranges = this.#ranges.slice(first, first + RANGES_MAX);
    this.#asked += ranges.length;
    const rowsEach = Math.min(FIRST_ROWS_EACH, this.#limitEach, this.#left);
    const { scanMany, scanManyReverse } = this.#view.statements;
    const { keysOnly = false, reverse = false } = this.#options;
    const rows = await this.#view.rowsOfCall({
      statement: reverse ? scanManyReverse : scanMany,
      values: [
        bytesList(ranges.map(({ start }) => start)),
        bytesList(ranges.map(({ end }) => endOf(end))),
        String(rowsEach),
        String(keysOnly),
      ],
    });
    const byRange: Row[][] = ranges.map(() => []);
    for (const [i, ...row] of rows) byRange[Number(i) - 1]!.push(row);
    return byRange.map((each, at) => ({
      range: first + at,
      ...this.#beginningOf(ranges[at]!, each, rowsEach),
    }));
  }

  #beginningOf(
    range: KeyRange,
    rows: readonly Row[],
    rowsMax: number,
  ): Pick<Beginning, "shown" | "rest"> {
    const { keysOnly = false, reverse = false } = this.#options;
    const isFull = rows.length === rowsMax;
    const keys = keyRows(rows, reverse);
    // The merges of a cell may go on behind the last row: then it is left for the rest.
    if (isFull && rows[rows.length - 1]![1] !== null) keys.pop();
    const shown = rowsShown(keys, keysOnly);
    const limit = this.#limitEach - shown.length;
    const last = keys[keys.length - 1];
    const rest =
      isFull && limit > 0
        ? {
            range: last === undefined ? range : behind(range, bytesOfText(last.key), reverse),
            limit,
          }
        : undefined;
    return { shown, rest };
  }
}

function behind(range: KeyRange, key: Bytes, reverse: boolean): KeyRange {
  return reverse ? { start: range.start, end: key } : { start: nextKey(key), end: range.end };
}
