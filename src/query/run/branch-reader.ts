/**
 * Reads one branch of a plan, page by page: the documents that fit, in the order of the scan.
 *
 * Always true:
 * (1) No range is opened before it is needed, and no page is asked for before the one before was consumed: what was not
 *     read is not in a transaction's read set.
 * (2) One page of the engine is one batch of documents, of which some may have been left out.
 *
 * HOT: bench/micro/query. A page's rows are decoded in a loop where they lie.
 */
import { isPromise } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import type { CollectionStore, Document } from "../../collections/index.ts";
import { CorruptionError } from "../../engine/contract/index.ts";
import type {
  KeyRange,
  Page,
  RefPage,
  RefScan,
  Scan,
  ScanOptions,
} from "../../engine/contract/index.ts";
import type { FullView } from "../../transaction/index.ts";
import type { Access, GetAccess, IndexAccess, ScanAccess } from "../plan/plan.ts";
import { coveredDecoder } from "./covered-row.ts";

/** What was read; for explain. */
export interface ReadCounts {
  /** Rows of scans, and ids that were looked up. */
  keys: number;
  documents: number;
}

export interface BranchOptions {
  readonly backward: boolean;
  /** Most rows that can still be used; Infinity: not known. Asked when a range is opened. */
  readonly wanted: () => number;
  /** Everything will be consumed. */
  readonly all: boolean;
  /** Does the entry at a row of a page count for its document? Undefined: all do. */
  readonly keeps: ((document: Document, page: Page, row: number) => boolean) | undefined;
}

/** A batch of documents, some of which may still have to be left out; undefined at the end. */
export interface BranchReader {
  next(): Awaitable<readonly Document[] | undefined>;
  close(): void;
}

export function openBranch(
  access: Access,
  view: FullView,
  store: CollectionStore,
  counts: ReadCounts,
  options: BranchOptions,
): BranchReader {
  switch (access.kind) {
    case "get":
      return new GetReader(access, view, store, counts, options);
    case "scan":
      return new PageReader(scansOf(access, view, options), (page) =>
        decodeDocuments(page, store, counts),
      );
    case "index":
      return access.covered
        ? coveredReader(access, view, store, counts, options)
        : referenceReader(access, view, store, counts, options);
  }
}

/** So many documents are looked up at once: one round trip, and little too much where a limit is near. */
const GET_BATCH = 64;

class GetReader implements BranchReader {
  readonly #ids: readonly string[];
  readonly #view: FullView;
  readonly #store: CollectionStore;
  readonly #counts: ReadCounts;
  readonly #batch: number;
  #at = 0;

  constructor(
    { ids }: GetAccess,
    view: FullView,
    store: CollectionStore,
    counts: ReadCounts,
    { backward, wanted, all }: BranchOptions,
  ) {
    this.#ids = backward ? ids.toReversed() : ids;
    this.#view = view;
    this.#store = store;
    this.#counts = counts;
    this.#batch = all ? Math.max(ids.length, 1) : Math.min(GET_BATCH, wanted());
  }

  next(): Awaitable<readonly Document[] | undefined> {
    const ids = this.#ids.slice(this.#at, this.#at + this.#batch);
    if (ids.length === 0) return undefined;
    this.#at += ids.length;
    const found = this.#store.getMany(this.#view, ids);
    return isPromise(found)
      ? found.then((documents) => this.#present(documents))
      : this.#present(found);
  }

  close(): void {
    this.#at = this.#ids.length;
  }

  #present(found: readonly (Document | undefined)[]): readonly Document[] {
    const documents = found.filter((document) => document !== undefined);
    this.#counts.keys += found.length;
    this.#counts.documents += documents.length;
    return documents;
  }
}

interface PageSource<P> {
  next(): Awaitable<P>;
  close(): void;
}

/** Scans of several ranges, one opened when the one before has ended. */
class PageReader<P> implements BranchReader {
  readonly #sources: Iterator<PageSource<P>>;
  readonly #decode: (page: P) => {
    readonly documents: readonly Document[];
    readonly done: boolean;
  };
  #source: PageSource<P> | undefined;
  #closed = false;

  constructor(
    sources: Iterator<PageSource<P>>,
    decode: (page: P) => { readonly documents: readonly Document[]; readonly done: boolean },
  ) {
    this.#sources = sources;
    this.#decode = decode;
  }

  next(): Awaitable<readonly Document[] | undefined> {
    if (this.#closed) return undefined;
    if (this.#source === undefined) {
      const opened = this.#sources.next();
      if (opened.done === true) return undefined;
      this.#source = opened.value;
    }
    const page = this.#source.next();
    return isPromise(page) ? page.then((arrived) => this.#take(arrived)) : this.#take(page);
  }

  close(): void {
    this.#closed = true;
    this.#source?.close();
  }

  #take(page: P): readonly Document[] {
    const { documents, done } = this.#decode(page);
    if (done) {
      this.#source?.close();
      this.#source = undefined;
    }
    return documents;
  }
}

function scanOptions({ backward, wanted, all }: BranchOptions): ScanOptions {
  const rows = wanted();
  return {
    reverse: backward,
    expect: all ? "all" : "iterate",
    ...(rows === Infinity ? {} : { limit: rows }),
  };
}

function rangesInOrder(
  { bounds }: ScanAccess | IndexAccess,
  backward: boolean,
): readonly KeyRange[] {
  const ranges = bounds.map(({ range }) => range);
  return backward ? ranges.toReversed() : ranges;
}

function* scansOf(
  access: ScanAccess | IndexAccess,
  view: FullView,
  options: BranchOptions,
): Generator<Scan, undefined> {
  for (const range of rangesInOrder(access, options.backward))
    yield view.scan(range, scanOptions(options));
}

function* refScansOf(
  access: IndexAccess,
  view: FullView,
  options: BranchOptions,
): Generator<RefScan, undefined> {
  for (const range of rangesInOrder(access, options.backward))
    yield view.scanRefs(range, scanOptions(options));
}

function decodeDocuments(
  page: Page,
  store: CollectionStore,
  counts: ReadCounts,
): { readonly documents: readonly Document[]; readonly done: boolean } {
  const { rows, buffer, keyStart, keyEnd, valueStart, valueEnd } = page;
  const documents: Document[] = [];
  for (let i = 0; i < rows; i++)
    documents.push(
      store.decode(buffer, keyStart[i]!, keyEnd[i]!, buffer, valueStart[i]!, valueEnd[i]!),
    );
  counts.keys += rows;
  counts.documents += rows;
  return { documents, done: page.done };
}

function coveredReader(
  access: IndexAccess,
  view: FullView,
  store: CollectionStore,
  counts: ReadCounts,
  options: BranchOptions,
): BranchReader {
  const decode = coveredDecoder(store, access.index);
  return new PageReader(scansOf(access, view, options), (page) => {
    const documents: Document[] = [];
    for (let i = 0; i < page.rows; i++) documents.push(decode(page, i));
    counts.keys += page.rows;
    return { documents, done: page.done };
  });
}

function referenceReader(
  access: IndexAccess,
  view: FullView,
  store: CollectionStore,
  counts: ReadCounts,
  options: BranchOptions,
): BranchReader {
  const { keeps } = options;
  return new PageReader(refScansOf(access, view, options), ({ entries, found }: RefPage) => {
    const { rows, buffer, keyStart, keyEnd, valueStart, valueEnd } = found;
    const documents: Document[] = [];
    for (let i = 0; i < rows; i++) {
      if (valueStart[i]! < 0) throw danglingEntry(access, store);
      const document = store.decode(
        buffer,
        keyStart[i]!,
        keyEnd[i]!,
        buffer,
        valueStart[i]!,
        valueEnd[i]!,
      );
      if (keeps === undefined || keeps(document, entries, i)) documents.push(document);
    }
    counts.keys += rows;
    counts.documents += rows;
    return { documents, done: entries.done };
  });
}

/** Entries and documents are written by one commit, so this is damage and never a race. */
export function danglingEntry({ index }: IndexAccess, store: CollectionStore): CorruptionError {
  return new CorruptionError({
    file: `index "${index.name}" of the collection "${store.definition.name}"`,
    offset: 0,
    expected: "the document that the entry refers to",
    found: "no document",
  });
}
