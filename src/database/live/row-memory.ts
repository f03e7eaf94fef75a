/**
 * The rows that were last given, by id: so that what has not changed stays the same object, and what has is told.
 *
 * Always true:
 * (1) A row that is equal to the one given before under its id is that very object; so are the rows as a list, if nothing
 *     has changed.
 */
import { isSameValue } from "./same-value.ts";

export interface IdentifiedRow {
  readonly id: string;
  readonly row: unknown;
}

export interface RowChanges {
  readonly rows: readonly unknown[];
  readonly added: readonly unknown[];
  readonly removed: readonly unknown[];
  readonly changed: readonly unknown[];
}

export class RowMemory {
  #rows: readonly unknown[] = Object.freeze([]);
  #byId: ReadonlyMap<string, unknown> = new Map();

  /** Takes the rows of a new run; says whether anything differs from those before: a row, or their order. */
  take(found: readonly IdentifiedRow[]): { readonly isNew: boolean; readonly changes: RowChanges } {
    const before = this.#byId;
    const byId = new Map<string, unknown>();
    const [added, changed]: [unknown[], unknown[]] = [[], []];
    const rows = found.map(({ id, row }) => {
      const known = before.get(id);
      const kept = known !== undefined && isSameValue(known, row) ? known : row;
      if (known === undefined) added.push(kept);
      else if (kept !== known) changed.push(kept);
      byId.set(id, kept);
      return kept;
    });
    const removed = [...before].filter(([id]) => !byId.has(id)).map(([, row]) => row);
    const isNew = rows.length !== this.#rows.length || rows.some((row, i) => row !== this.#rows[i]);
    if (isNew) this.#rows = Object.freeze(rows);
    this.#byId = byId;
    return { isNew, changes: { rows: this.#rows, added, removed, changed } };
  }
}
