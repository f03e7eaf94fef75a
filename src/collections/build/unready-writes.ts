/**
 * What a write of documents does to indexes that are still being built, worked out inside the transaction that writes.
 *
 * Always true, of every committed state:
 * (1) Of a document that the pass has done, an index that is being built holds all entries; of one that it has not
 *     reached, some or none: those that were written since the index was made known. It never holds an entry that the
 *     document as it stands does not give.
 * (2) A tally that is being built has counted the documents that its pass has done, and no others. Its cells are sums, so
 *     that counting a document twice would be wrong; whether it is done is therefore read (positions.ts) and holds at the
 *     commit: the batch that does the document and this write cannot both commit unseen by the other.
 * (3) Of two documents with one unique key the entry belongs to the one that was written first, or reached first by the
 *     pass. So an entry is deleted or replaced only by the document that it refers to, which is read. A write that takes a
 *     key which has an entry is refused; one that only keeps its key is not, and leaves the matter to the pass.
 * (4) While documents of an earlier version are written anew, no two of them get one key: a write that takes a key which
 *     one further on may have is IndexNotReady. For the key was unique before, and whoever wrote it relies on that.
 *
 * Why (1) holds: the pass reads each document in the transaction that puts its entries, so whoever writes the document
 * meanwhile and the pass cannot both commit; after that, and before, each write deletes the entries of what the document
 * was and puts those of what it becomes.
 */
import { andThen } from "../../base/index.ts";
import type { Awaitable, Bytes } from "../../base/index.ts";
import type { Transaction } from "../../transaction/index.ts";
import type { Claim, DocumentChange } from "../document-change.ts";
import { IndexNotReady } from "../collection-error.ts";
import type { Document } from "../document/document.ts";
import { indexChange } from "../index/index-change.ts";
import type { IndexChange } from "../index/index-change.ts";
import type { IndexEntry } from "../index/index-entries.ts";
import type { StoredCollection } from "../stored-collection.ts";
import type { CellChange } from "../tally/tally-cells.ts";
import type { IndexStates, UnreadyIndexes } from "./index-states.ts";
import { Positions } from "./positions.ts";

/** A change of which it is still to be decided what it does to these indexes. */
export interface UnreadyChange {
  readonly before: Document | undefined;
  readonly after: Document | undefined;
  readonly building: UnreadyIndexes;
}

const NO_ENTRIES: readonly IndexEntry[] = Object.freeze([]);

/**
 * The changes with all that they do. Without a gap where the engine answers at once: between what was read of a document
 * and what is written for it no other operation of the transaction may come.
 */
export function resolveUnready(
  collection: StoredCollection,
  tx: Transaction,
  changes: readonly DocumentChange[],
): Awaitable<readonly DocumentChange[]> {
  return andThen(collection.seenIn(tx), (seen) => {
    const isReady = readyIn(seen);
    const drafts = changes.map((change) => new Draft(collection, change, isReady));
    return andThen(takeOwned(collection, tx, drafts), () =>
      andThen(takeDone(collection, tx, drafts), () => drafts.map((draft) => draft.finished())),
    );
  });
}

/** An index may be ready in what the transaction sees, though we were not told yet. */
function readyIn({ layout: { indexes, tallies } }: IndexStates): (name: string) => boolean {
  const names = new Set([...indexes, ...tallies].map(({ name }) => name));
  return (name) => names.has(name);
}

/** One change while it is worked out. */
class Draft {
  readonly key: Bytes;
  /** What it would do to entries of unique indexes, if they belong to the document. */
  readonly exclusive: IndexChange[] = [];
  /** What it does to cells, if the pass has done the document. */
  readonly counted: { readonly pass: number; readonly cells: readonly CellChange[] }[] = [];
  readonly #collection: StoredCollection;
  readonly #change: DocumentChange;
  readonly #indexes: IndexChange[];
  readonly #cells: CellChange[];
  readonly #claims: Claim[];

  constructor(
    collection: StoredCollection,
    change: DocumentChange,
    isReady: (name: string) => boolean,
  ) {
    this.#collection = collection;
    this.#change = change;
    this.key = change.key;
    this.#indexes = [...change.indexes];
    this.#cells = [...change.cells];
    this.#claims = [...change.claims];
    if (change.unready === undefined) return;
    const { after, before, building } = change.unready;
    for (const one of building.indexes) this.#index(one, before, after, isReady);
    for (const { maker, pass } of building.tallies) {
      const cells = maker.changesOf(before, after);
      if (isReady(maker.tally.name)) this.#cells.push(...cells);
      else if (cells.length > 0) this.counted.push({ pass, cells });
    }
  }

  /** @throws IndexNotReady */
  #index(
    { maker, pass }: UnreadyIndexes["indexes"][number],
    before: Document | undefined,
    after: Document | undefined,
    isReady: (name: string) => boolean,
  ): void {
    if (before !== undefined && after !== undefined && !maker.mayDiffer(before, after)) return;
    const changed = indexChange(
      before === undefined ? NO_ENTRIES : maker.entriesOf(this.key, before),
      after === undefined ? NO_ENTRIES : maker.entriesOf(this.key, after),
    );
    const { name, unique } = maker.index;
    for (const { key } of changed.claims) {
      if (!isReady(name) && this.#collection.mayBeHeld(key, pass)) {
        throw new IndexNotReady(this.#collection.name, name);
      }
      this.#claims.push({ key, index: name });
    }
    if (unique && !isReady(name)) this.exclusive.push(changed);
    else this.#indexes.push(changed);
  }

  /** `owns` tells of a key in `lookedUp` whether its entry refers to this document. */
  takeOwned(owns: (key: Bytes) => boolean): void {
    for (const changed of this.exclusive) {
      this.#indexes.push({
        deletes: changed.deletes.filter(owns),
        puts: changed.puts.filter((put) => !isKept(put, changed) || owns(put.key)),
        claims: changed.claims,
      });
    }
  }

  takeCells(cells: readonly CellChange[]): void {
    this.#cells.push(...cells);
  }

  finished(): DocumentChange {
    return {
      ...this.#change,
      indexes: this.#indexes,
      cells: this.#cells,
      claims: this.#claims,
      unready: undefined,
    };
  }
}

/** Is the entry one of a key that the document had before, so that another one may have it now? */
function isKept(put: IndexEntry, { claims }: IndexChange): boolean {
  return put.exclusive && !claims.includes(put);
}

function takeOwned(
  collection: StoredCollection,
  tx: Transaction,
  drafts: readonly Draft[],
): Awaitable<void> {
  const keys: Bytes[] = [];
  for (const { exclusive } of drafts) {
    for (const changed of exclusive) {
      keys.push(...changed.deletes);
      for (const put of changed.puts) if (isKept(put, changed)) keys.push(put.key);
    }
  }
  if (keys.length === 0) {
    for (const draft of drafts) draft.takeOwned(() => false);
    return undefined;
  }
  return andThen(tx.getMany(keys), (values) => {
    const holders = new Map<Bytes, string>();
    for (const [i, key] of keys.entries()) {
      const value = values[i];
      if (value !== undefined) holders.set(key, collection.referredId(value, 0, value.length));
    }
    for (const draft of drafts) {
      const id = collection.idOfKey(draft.key);
      draft.takeOwned((key) => holders.get(key) === id);
    }
  });
}

function takeDone(
  collection: StoredCollection,
  tx: Transaction,
  drafts: readonly Draft[],
  passes: readonly number[] = passesIn(drafts),
  at = 0,
): Awaitable<void> {
  const pass = passes[at];
  if (pass === undefined) return undefined;
  const counting = drafts.filter(({ counted }) => counted.some((one) => one.pass === pass));
  const { documents, number } = collection.layout;
  const positions = new Positions(number, pass, documents.start);
  const keys = counting.map(({ key }) => key);
  return andThen(positions.done(tx, keys), (isDone) => {
    for (const draft of counting) {
      if (!isDone(draft.key)) continue;
      for (const one of draft.counted) if (one.pass === pass) draft.takeCells(one.cells);
    }
    return takeDone(collection, tx, drafts, passes, at + 1);
  });
}

function passesIn(drafts: readonly Draft[]): readonly number[] {
  return [...new Set(drafts.flatMap(({ counted }) => counted.map(({ pass }) => pass)))];
}
