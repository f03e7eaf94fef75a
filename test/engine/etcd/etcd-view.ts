/**
 * Reading one state of etcd: a revision. What transactions and snapshots have in common.
 *
 * Always true:
 * (1) The first read is of the newest state and fixes the revision; all others ask for it. etcd keeps it until it is compacted.
 * (2) The revision at which each key was last changed, as it was seen, is kept: a commit compares it.
 * (3) After end() reads fail with Closed.
 */
import { Closed, nextKey } from "../../../src/base/index.ts";
import type { Bytes } from "../../../src/base/index.ts";
import {
  EMPTY_DONE_PAGE,
  PageBuilder,
  copyOfRange,
  isEmptyRange,
} from "../../../src/engine/contract/index.ts";
import type {
  Decode,
  KeyRange,
  Page,
  ReadView,
  Scan,
  ScanOptions,
} from "../../../src/engine/contract/index.ts";
import type { Gateway, RangeAnswer, RangeRequest } from "./gateway.ts";
import { bytesOfText } from "./keyspace.ts";
import type { Keyspace } from "./keyspace.ts";

/** What is said of a key that is absent. */
export const ABSENT = "0";

/** The engine, as its views see it. */
export interface Link {
  readonly gateway: Gateway;
  readonly keyspace: Keyspace;
  assertOpen(): void;
}

/** What a transaction has seen: of each key when it was last changed, ABSENT if it was not there. */
export interface Reads {
  readonly revision: string;
  readonly seen: ReadonlyMap<string, string>;
}

export class EtcdView implements ReadView {
  protected readonly link: Link;
  readonly #what: "transaction" | "snapshot";
  readonly #seen = new Map<string, string>();
  #revision: Promise<string> | undefined;
  #hasEnded = false;

  constructor(link: Link, what: "transaction" | "snapshot", at?: string) {
    this.link = link;
    this.#what = what;
    this.#revision = at === undefined ? undefined : Promise.resolve(at);
  }

  async get(key: Bytes): Promise<Bytes | undefined> {
    const [value] = await this.getMany([key]);
    return value;
  }

  async read<T>(key: Bytes, decode: Decode<T>): Promise<T | undefined> {
    const value = await this.get(key);
    return value === undefined ? undefined : decode(value, 0, value.length);
  }

  async getMany(keys: readonly Bytes[]): Promise<(Bytes | undefined)[]> {
    this.#assertOpen();
    if (keys.length === 0) return [];
    const texts = keys.map((key) => this.link.keyspace.textOf(key));
    const answers = await this.ask(texts.map((key) => ({ key })));
    return answers.map(({ kvs }, at) => {
      const row = kvs?.[0];
      this.#seen.set(texts[at]!, row?.mod_revision ?? ABSENT);
      return row && bytesOfText(row.value);
    });
  }

  scan(range: KeyRange, options: ScanOptions = {}): Scan {
    this.#assertOpen();
    return new EtcdScan(this, this.link.keyspace, copyOfRange(range), options);
  }

  /** For the scans of this view. */
  async askRows(range: RangeRequest): Promise<RangeAnswer> {
    const [answer] = await this.ask([range]);
    for (const { key, mod_revision } of answer!.kvs ?? []) this.#seen.set(key, mod_revision);
    return answer!;
  }

  protected async ask(ranges: readonly RangeRequest[]): Promise<readonly RangeAnswer[]> {
    this.#assertOpen();
    const { gateway } = this.link;
    const fixed = this.#revision;
    const asking =
      fixed === undefined
        ? gateway.read(ranges)
        : fixed.then((revision) => gateway.read(ranges.map((range) => ({ ...range, revision }))));
    if (fixed === undefined) {
      this.#revision = asking.then(({ header }) => header.revision);
      this.#revision.catch(() => {
        this.#revision = undefined;
      });
    }
    const { responses = [] } = await asking;
    return responses.map(({ response_range }) => response_range!);
  }

  /** What was read so far; undefined if nothing was. */
  protected async reads(): Promise<Reads | undefined> {
    const revision = await this.#revision;
    return revision === undefined ? undefined : { revision, seen: this.#seen };
  }

  /** Ends reading; false if it had ended before. */
  protected end(): boolean {
    const wasOpen = !this.#hasEnded;
    this.#hasEnded = true;
    return wasOpen;
  }

  #assertOpen(): void {
    this.link.assertOpen();
    if (this.#hasEnded) throw new Closed(this.#what);
  }
}

/** Small: whoever iterates may stop after a few rows. */
const FIRST_PAGE_ROWS = 32;
/** Of the largest values some 50 MB; etcd has no bound in bytes. */
const PAGE_ROWS_MAX = 512;
const PAGE_GROWTH = 4;

/** In reverse etcd sorts the whole range for each page: right, and slow where it is long. */
class EtcdScan implements Scan {
  readonly #view: EtcdView;
  readonly #keyspace: Keyspace;
  readonly #options: ScanOptions;
  #pageRows: number;
  #left: number;
  /** What has not been shown yet; undefined after the last page and after close(). */
  #rest: KeyRange | undefined;

  constructor(view: EtcdView, keyspace: Keyspace, range: KeyRange, options: ScanOptions) {
    this.#view = view;
    this.#keyspace = keyspace;
    this.#options = options;
    this.#left = options.limit ?? Infinity;
    this.#pageRows = options.expect === "all" ? PAGE_ROWS_MAX : FIRST_PAGE_ROWS;
    this.#rest = isEmptyRange(range) || this.#left <= 0 ? undefined : range;
  }

  async next(): Promise<Page> {
    const range = this.#rest;
    if (range === undefined) return EMPTY_DONE_PAGE;
    const { keysOnly = false, reverse = false } = this.#options;
    const { kvs = [], more = false } = await this.#view.askRows({
      ...this.#keyspace.rangeOf(range),
      limit: Math.min(this.#pageRows, this.#left),
      keys_only: keysOnly,
      ...(reverse ? { sort_order: "DESCEND", sort_target: "KEY" } : {}),
    });
    const page = new PageBuilder({ keysOnly, rows: kvs.length, bytes: 0 });
    let last: Bytes | undefined;
    for (const row of kvs) {
      const value = bytesOfText(row.value);
      last = this.#keyspace.keyOf(row.key);
      page.add(last, 0, last.length, value, 0, value.length);
    }
    this.#left -= kvs.length;
    this.#pageRows = Math.min(this.#pageRows * PAGE_GROWTH, PAGE_ROWS_MAX);
    const done = !more || this.#left <= 0 || last === undefined;
    // Closed while it was waiting: it stays so.
    if (this.#rest !== undefined) this.#rest = done ? undefined : restOf(range, last!, reverse);
    return page.build(done);
  }

  close(): void {
    this.#rest = undefined;
  }
}

function restOf({ end, start }: KeyRange, last: Bytes, reverse: boolean): KeyRange {
  return reverse ? { start, end: last } : { start: nextKey(last), end };
}
