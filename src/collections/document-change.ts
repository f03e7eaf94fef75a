/**
 * Changes of documents inside a transaction: first worked out and checked, then written.
 *
 * Always true:
 * (1) A change that is refused has written nothing, so that a caller may catch the error and go on. Should writing itself
 *     fail half-way (the transaction grows too large), the transaction can no longer commit.
 * (2) A document's row, its index entries and the cells it counts in change together, in one transaction.
 * (3) A key that must be free is claimed: `absent` is required of the commit. What the transaction itself has written is
 *     looked at first; from the second attempt on, so is what is stored. For a requirement that fails on a key that was
 *     also read is a conflict, and a body that reads and then inserts a taken key would conflict for ever.
 * (4) Changes of one call happen at once: a unique key that one of them gives up is free for another.
 * (5) What a change does to indexes that are being built is decided when it is written, by what the transaction reads of
 *     how far they are (build/unready-writes.ts).
 */
import { EMPTY_BYTES, andThen, hashBytes, hex } from "../base/index.ts";
import type { Awaitable, Bytes } from "../base/index.ts";
import { StorageError } from "../engine/contract/index.ts";
import type { Limits, ReadView } from "../engine/contract/index.ts";
import type { Transaction } from "../transaction/index.ts";
import { resolveUnready } from "./build/unready-writes.ts";
import type { UnreadyChange } from "./build/unready-writes.ts";
import type { IndexStates } from "./build/index-states.ts";
import { UniqueViolation, changedElsewhere } from "./collection-error.ts";
import type { Document } from "./document/document.ts";
import { indexChange } from "./index/index-change.ts";
import type { IndexChange } from "./index/index-change.ts";
import type { IndexEntry } from "./index/index-entries.ts";
import type { StoredCollection } from "./stored-collection.ts";
import { encodeAmount } from "./tally/tally-cells.ts";
import type { CellChange } from "./tally/tally-cells.ts";

/** A key that no other document may hold. */
export interface Claim {
  readonly key: Bytes;
  /** The name of the unique index; "id" for the document's own key. */
  readonly index: string;
}

/** What becomes of one document; nothing of it is written yet. */
export interface DocumentChange {
  readonly key: Bytes;
  /** What becomes of the document's row: new bytes, or one of these. */
  readonly row: Bytes | "deleted" | "kept";
  /** The transaction has seen a document there. */
  readonly existed: boolean;
  readonly indexes: readonly IndexChange[];
  /** What is added to cells of indexes that count or sum. */
  readonly cells: readonly CellChange[];
  readonly claims: readonly Claim[];
  /** What is still to be decided. */
  readonly unready: UnreadyChange | undefined;
}

/** What a change is worked out from. */
export interface ChangedDocument {
  /** What the transaction has read; undefined where there is nothing. */
  readonly before: Document | undefined;
  /** Undefined for a delete. */
  readonly after: Document | undefined;
  readonly row: Bytes | "deleted" | "kept";
  /** Another document may have the key, unknown to us. */
  readonly claimsId?: boolean;
}

/**
 * Works out a change. `states` are those that the transaction has to keep.
 *
 * @throws SchemaMismatch 'changed' where another program has brought an index that cannot be kept.
 */
export function documentChange(
  collection: StoredCollection,
  states: IndexStates,
  key: Bytes,
  change: ChangedDocument,
): DocumentChange {
  const { before, after, row } = change;
  if (states.unknown !== undefined) {
    const what = `its index "${states.unknown}" can only be kept by programs that declare it`;
    throw changedElsewhere(collection.name, what);
  }
  let claims: Claim[] | undefined;
  if (change.claimsId === true) claims = [{ key, index: "id" }];
  let indexes: IndexChange[] | undefined;
  const { cellMakers, entryMakers } = states;
  for (let i = 0; i < entryMakers.length; i++) {
    const maker = entryMakers[i]!;
    if (before !== undefined && after !== undefined && !maker.mayDiffer(before, after)) continue;
    const changed = indexChange(
      before === undefined ? NO_ENTRIES : maker.entriesOf(key, before),
      after === undefined ? NO_ENTRIES : maker.entriesOf(key, after),
    );
    for (let k = 0; k < changed.claims.length; k++) {
      claims = withOne(claims, { key: changed.claims[k]!.key, index: maker.index.name });
    }
    indexes = withOne(indexes, changed);
  }
  const cells =
    cellMakers.length === 0
      ? NO_CELLS
      : cellMakers.flatMap((maker) => maker.changesOf(before, after));
  const building = states.unready;
  const unready = building === undefined ? undefined : { before, after, building };
  const existed = before !== undefined;
  const whole: DocumentChange = {
    key,
    row,
    existed,
    indexes: indexes ?? NO_CHANGES,
    cells,
    claims: claims ?? NO_CLAIMS,
    unready,
  };
  checkSizes(collection.limits, whole);
  return whole;
}

const NO_ENTRIES: readonly IndexEntry[] = Object.freeze([]);
const NO_CELLS: readonly CellChange[] = Object.freeze([]);
const NO_CHANGES: readonly IndexChange[] = Object.freeze([]);
const NO_CLAIMS: readonly Claim[] = Object.freeze([]);

/** Most lists here have one element or two, and V8 gives an empty one room for seventeen at its first push. */
function withOne<T>(list: T[] | undefined, one: T): T[] {
  if (list === undefined) return [one];
  if (list.length === 1) return [list[0]!, one];
  list.push(one);
  return list;
}

/** The engine would refuse them too, but after the first writes. */
function checkSizes(limits: Limits, change: DocumentChange): void {
  checkRow(limits, change.key, typeof change.row === "string" ? EMPTY_BYTES : change.row);
  const { cells, indexes } = change;
  for (let i = 0; i < indexes.length; i++) {
    const { puts } = indexes[i]!;
    for (let k = 0; k < puts.length; k++) checkRow(limits, puts[k]!.key, puts[k]!.value);
  }
  for (let i = 0; i < cells.length; i++) checkRow(limits, cells[i]!.key, EMPTY_BYTES);
}

function checkRow(limits: Limits, key: Bytes, value: Bytes): void {
  if (key.length > limits.keyBytes) {
    throw new StorageError("KeyTooLarge", {
      key: hex(key),
      bytes: key.length,
      limit: limits.keyBytes,
    });
  }
  if (value.length > limits.valueBytes) {
    throw new StorageError("ValueTooLarge", {
      key: hex(key),
      bytes: value.length,
      limit: limits.valueBytes,
    });
  }
}

export interface WriteOptions {
  /** A claimed key is read at once, so that it is known which change claims one that is taken, and not at the commit. */
  readonly looksUp?: boolean;
  /** They are of the load that others wait for. */
  readonly ofLoad?: boolean;
}

/**
 * Writes changes, all or none.
 *
 * @throws UniqueViolation where a claimed key is taken, as far as that is known before the commit; else the commit does.
 */
export function writeChanges(
  collection: StoredCollection,
  tx: Transaction,
  changes: readonly DocumentChange[],
  options?: WriteOptions,
): Awaitable<void> {
  const { loading } = collection;
  if (loading !== undefined && options?.ofLoad !== true) {
    return loading.then(() => writeChanges(collection, tx, changes, options));
  }
  collection.guard(tx);
  if (changes.every(({ unready }) => unready === undefined)) {
    return writeResolved(collection, tx, changes, options);
  }
  return andThen(resolveUnready(collection, tx, changes), (resolved) => {
    for (const change of resolved) checkSizes(collection.limits, change);
    return writeResolved(collection, tx, resolved, options);
  });
}

function writeResolved(
  collection: StoredCollection,
  tx: Transaction,
  changes: readonly DocumentChange[],
  options: WriteOptions | undefined,
): Awaitable<void> {
  if (changes.length > 1) refuseEqualClaims(collection, changes);
  const claims = changes.length === 1 ? changes[0]!.claims : claimsOnOthers(changes);
  const trusts = tx.attempt === 1 && options?.looksUp !== true;
  return andThen(checkClaims(collection, tx, claims, trusts), (unknown) => {
    try {
      for (const claim of unknown) requireAbsent(collection, tx, claim);
      for (const change of changes) deleteOld(collection, tx, change);
      for (const change of changes) putNew(tx, change);
    } catch (error) {
      // Half of the rows may be written: the body may catch this error, but must not commit them.
      tx.beforeCommit(() => {
        throw error;
      });
      throw error;
    }
  });
}

/** Two documents of one call that claim one key. Without two claims of one hash there are none. */
function refuseEqualClaims(collection: StoredCollection, changes: readonly DocumentChange[]): void {
  const hashes = new Set<number>();
  let count = 0;
  for (const { claims } of changes) {
    for (const { key } of claims) hashes.add(hashBytes(key));
    count += claims.length;
  }
  if (hashes.size < count) refuseEqualKeys(collection, changes);
}

function refuseEqualKeys(collection: StoredCollection, changes: readonly DocumentChange[]): void {
  const holders = new Map<string, DocumentChange>();
  for (const change of changes) {
    for (const { key, index } of change.claims) {
      const text = hex(key, Infinity);
      const holder = holders.get(text);
      if (holder !== undefined) {
        throw new UniqueViolation(collection.name, index, collection.idOfKey(holder.key));
      }
      holders.set(text, change);
    }
  }
}

/** The claims on keys that none of the changes gives up. Whoever gives one up was read, so the commit depends on it. */
function claimsOnOthers(changes: readonly DocumentChange[]): readonly Claim[] {
  const given = new Set<string>();
  const claims: Claim[] = [];
  for (const change of changes) {
    for (const claim of change.claims) claims.push(claim);
    for (const { deletes } of change.indexes) {
      for (const key of deletes) given.add(hex(key, Infinity));
    }
  }
  return given.size === 0 ? claims : claims.filter(({ key }) => !given.has(hex(key, Infinity)));
}

/** Refuses claims that are known to be taken; gives those that only the commit can tell of: where `trusts`, all others. */
function checkClaims(
  collection: StoredCollection,
  tx: Transaction,
  claims: readonly Claim[],
  trusts: boolean,
): Awaitable<readonly Claim[]> {
  const unknown: Claim[] = [];
  const lookedAt: Claim[] = [];
  for (const claim of claims) {
    // A holder that this transaction has deleted was read before, so the commit already depends on it.
    if (trusts && tx.ownWrite(claim.key) === undefined) unknown.push(claim);
    else lookedAt.push(claim);
  }
  if (lookedAt.length === 0) return unknown;
  return andThen(tx.getMany(lookedAt.map((claim) => claim.key)), (found) => {
    for (let i = 0; i < found.length; i++) {
      const value = found[i];
      if (value !== undefined) throw violation(collection, lookedAt[i]!, value);
    }
    // What was read as free is in the read set: if it is taken before the commit, that is a conflict.
    return unknown;
  });
}

function requireAbsent(collection: StoredCollection, tx: Transaction, claim: Claim): void {
  const otherwise = (view: ReadView): Awaitable<UniqueViolation> =>
    andThen(view.get(claim.key), (value) => violation(collection, claim, value));
  tx.require({ is: "absent", key: claim.key }, otherwise, "owned");
}

/** `value` is undefined if the holder is gone by now. */
function violation(
  collection: StoredCollection,
  claim: Claim,
  value: Bytes | undefined,
): UniqueViolation {
  let existing = "";
  if (claim.index === "id") existing = collection.idOfKey(claim.key);
  else if (value !== undefined) existing = collection.referredId(value, 0, value.length);
  return new UniqueViolation(collection.name, claim.index, existing);
}

/** Before all that is put: a key that one document gives up may be what another one takes. */
function deleteOld(collection: StoredCollection, tx: Transaction, change: DocumentChange): void {
  if (change.row !== "kept") collection.births?.wrote(tx, change.key, change.existed);
  if (change.row === "deleted") tx.delete(change.key, "owned");
  const { indexes } = change;
  for (let i = 0; i < indexes.length; i++) {
    const { deletes } = indexes[i]!;
    for (let k = 0; k < deletes.length; k++) tx.delete(deletes[k]!, "owned");
  }
}

function putNew(tx: Transaction, change: DocumentChange): void {
  const { cells, indexes, row } = change;
  if (row !== "deleted" && row !== "kept") tx.put(change.key, row, "owned");
  for (let i = 0; i < indexes.length; i++) {
    const { puts } = indexes[i]!;
    for (let k = 0; k < puts.length; k++) tx.put(puts[k]!.key, puts[k]!.value, "owned");
  }
  // Not read: that is why two writers of one group do not conflict.
  for (let i = 0; i < cells.length; i++) {
    tx.merge(cells[i]!.key, "addInt", encodeAmount(cells[i]!.amount));
  }
}
