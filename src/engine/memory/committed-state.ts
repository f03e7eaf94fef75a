/**
 * All committed states that an open view may still look at. A state is named by the number of the commit that made it;
 * 0 is the empty one.
 *
 * Always true:
 * (1) A row's versions ascend. What key K held in state N is K's last version at or before N; nothing if there is none.
 * (2) A version stays for as long as an open view sees it. The newest version of a row stays in any case, also when it
 *     says "nothing", until no view older than it is open: validation needs to know when the key last changed.
 * (3) apply() checks all it can doubt before its first change, and nothing can interrupt it: a commit is whole.
 */
import { EMPTY_BYTES, assert, copyBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { NUMBER_CELL_BYTES, mergeCell, rangeContains } from "../contract/index.ts";
import type { KeyRange, WriteOp } from "../contract/index.ts";
import { PinnedVersions } from "./pinned-versions.ts";
import { SortedRows } from "./sorted-rows.ts";
import type { Row, RowVersion } from "./sorted-rows.ts";

/** Looks at what one key holds; false ends the walk. */
export type EntryVisitor = (key: Bytes, value: Bytes) => boolean;

const EVERYTHING: KeyRange = { start: EMPTY_BYTES, end: undefined };

interface Change {
  readonly key: Bytes;
  readonly value: Bytes | undefined;
}

/** A row that keeps versions for old views, to be looked at again when all views are at `since` or newer. */
interface Outdated {
  readonly row: Row;
  readonly since: number;
}

export class CommittedState {
  readonly #rows = new SortedRows();
  readonly #pinned = new PinnedVersions();
  /** In the order of commits. Entries before `#outdatedStart` are done with. */
  #outdated: Outdated[] = [];
  #outdatedStart = 0;
  #newest = 0;
  #closed = false;

  get closed(): boolean {
    return this.#closed;
  }

  /** Nothing is read or committed any more; who holds a handle checks `closed`. */
  close(): void {
    this.#closed = true;
  }

  /** The state that the last commit made. */
  get newest(): number {
    return this.#newest;
  }

  /** Keeps the newest state readable until unpin() is called with the number given. */
  pin(): number {
    this.#pinned.pin(this.#newest);
    return this.#newest;
  }

  unpin(at: number): void {
    this.#pinned.unpin(at);
    this.#sweep();
  }

  /** What `key` held in state `at`. The bytes are the engine's own. */
  valueAt(key: Bytes, at: number): Bytes | undefined {
    const row = this.#rows.find(key);
    return row === undefined ? undefined : versionAt(row, at)?.value;
  }

  /** Shows what the keys of `range` held in state `at`, in order or in reverse. The bytes are the engine's own. */
  visit(range: KeyRange, at: number, reverse: boolean, visit: EntryVisitor): void {
    this.#rows.visit(range, reverse, (row) => {
      const value = versionAt(row, at)?.value;
      return value === undefined || visit(row.key, value);
    });
  }

  /** About how many rows the newest state has in the range. */
  estimate(range: KeyRange): number {
    return this.#rows.estimate(range);
  }

  keyChangedAfter(key: Bytes, at: number): boolean {
    const row = this.#rows.find(key);
    return row !== undefined && newestOf(row).at > at;
  }

  rangeChangedAfter(range: KeyRange, at: number): boolean {
    if (at === this.#newest) return false;
    let changed = false;
    this.#rows.visit(range, false, (row) => {
      changed = newestOf(row).at > at;
      return !changed;
    });
    return changed;
  }

  /** Makes the next state: all delRange first, then the rest, which are a set (law 8). Gives its number. */
  apply(ops: readonly WriteOp[]): number {
    this.#assertSet(ops);
    const changes = this.#changesOf(ops);
    const at = ++this.#newest;
    for (const op of ops) if (op.op === "delRange") this.#deleteRange(op.range, at);
    for (const change of changes) this.#set(change.key, change.value, at);
    this.#sweep();
    return at;
  }

  stats(): Readonly<Record<string, number>> {
    let versions = 0;
    let bytes = 0;
    this.#rows.visit(EVERYTHING, false, (row) => {
      versions += row.versions.length;
      bytes += row.key.length;
      for (const version of row.versions) bytes += version.value?.length ?? 0;
      return true;
    });
    return { rows: this.#rows.size, versions, bytes, openViews: this.#pinned.total };
  }

  verify(): readonly string[] {
    return this.#rows.verify();
  }

  /** Law 8, and merges that make sense: mistakes of the layer above, found before anything changes. */
  #assertSet(ops: readonly WriteOp[]): void {
    const seen = new Set<string>();
    let keys = 0;
    for (const op of ops) {
      if (op.op === "delRange") continue;
      if (op.op === "merge") {
        assert(op.operand.length === NUMBER_CELL_BYTES, "the operand of a merge has 8 bytes");
      }
      seen.add(textOf(op.key));
      keys++;
    }
    assert(seen.size === keys, "no key occurs twice among the put, del and merge of a plan");
  }

  /** What put, del and merge make of their keys, in copies of our own (law 9). Changes nothing. */
  #changesOf(ops: readonly WriteOp[]): readonly Change[] {
    const deleted = ops.flatMap((op) => (op.op === "delRange" ? [op.range] : []));
    const changes: Change[] = [];
    for (const op of ops) {
      if (op.op === "put") changes.push({ key: op.key, value: copyBytes(op.value) });
      if (op.op === "del") changes.push({ key: op.key, value: undefined });
      if (op.op === "merge") {
        const gone = deleted.some((range) => rangeContains(range, op.key));
        const cell = gone ? undefined : this.valueAt(op.key, this.#newest);
        changes.push({ key: op.key, value: mergeCell(cell, op.how, op.operand) });
      }
    }
    return changes;
  }

  #deleteRange(range: KeyRange, at: number): void {
    const rows: Row[] = [];
    this.#rows.visit(range, false, (row) => {
      if (newestOf(row).value !== undefined) rows.push(row);
      return true;
    });
    for (const row of rows) this.#supersede(row, { at, value: undefined });
  }

  #set(key: Bytes, value: Bytes | undefined, at: number): void {
    const version = { at, value };
    const row = value === undefined ? this.#rows.find(key) : this.#rows.findOrInsert(key, version);
    if (row !== undefined) this.#supersede(row, version);
  }

  #supersede(row: Row, version: RowVersion): void {
    const before = newestOf(row);
    if (before.value === undefined && version.value === undefined) return;
    // A key that a delRange of this very commit emptied gets its one new version here.
    const kept = before.at === version.at ? row.versions.slice(0, -1) : row.versions;
    row.versions = [...kept, version];
    this.#trim(row);
    if (row.versions.length > 1 || version.value === undefined) {
      this.#outdated.push({ row, since: version.at });
    }
  }

  /** Lets go of the versions that no open view sees, each being seen from its own commit to that of the next version. */
  #trim(row: Row): void {
    if (row.versions.length === 1) return;
    row.versions = row.versions.filter((version, index) => {
      const next = row.versions[index + 1];
      return next === undefined || this.#pinned.anyIn(version.at, next.at);
    });
  }

  /** Trims the rows that changed at or before the oldest state still looked at, and takes out the empty ones. */
  #sweep(): void {
    const oldest = this.#pinned.oldest ?? this.#newest;
    while (this.#outdatedStart < this.#outdated.length) {
      const { row, since } = this.#outdated[this.#outdatedStart]!;
      if (since > oldest) break;
      this.#outdatedStart++;
      this.#trim(row);
      const only = row.versions.length === 1 ? row.versions[0]! : undefined;
      if (only !== undefined && only.value === undefined && only.at === since) {
        this.#rows.remove(row);
      }
    }
    if (this.#outdatedStart > this.#outdated.length / 2) {
      this.#outdated = this.#outdated.slice(this.#outdatedStart);
      this.#outdatedStart = 0;
    }
  }
}

function newestOf(row: Row): RowVersion {
  return row.versions[row.versions.length - 1]!;
}

function versionAt(row: Row, at: number): RowVersion | undefined {
  for (let i = row.versions.length - 1; i >= 0; i--) {
    const version = row.versions[i]!;
    if (version.at <= at) return version;
  }
  return undefined;
}

/** One character for each byte: a key that a Set can hold. Keys are short enough to be passed as arguments. */
function textOf(key: Bytes): string {
  return String.fromCharCode.apply(null, key as unknown as number[]);
}
