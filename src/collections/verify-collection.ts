/**
 * Compares a collection's documents with its index entries, both ways, and adds up anew what indexes that count or sum
 * hold. A plain recomputation: it shares with writing only the rules which entries a document has and which cells it
 * counts in. An index that is still being built lacks entries of documents, which is no problem; what it has must be right.
 */
import { compareBytes, equalBytes, hex } from "../base/index.ts";
import type { Awaitable, Bytes } from "../base/index.ts";
import { CorruptionError, prefixRange } from "../engine/contract/index.ts";
import type { KeyRange, ReadView } from "../engine/contract/index.ts";
import type { IndexStates } from "./build/index-states.ts";
import type { IndexEntry } from "./index/index-entries.ts";
import type { StoredCollection } from "./stored-collection.ts";
import { TallyAudit } from "./tally/tally-audit.ts";

/** More problems of one kind say nothing new. */
const PROBLEMS_MAX = 100;
/** In the place of what lies in a damaged part of the storage. */
const UNREADABLE: unique symbol = Symbol("unreadable");

/** The problems found in `view`, in words; none if all is well. */
export async function verifyCollection(
  collection: StoredCollection,
  view: ReadView,
): Promise<readonly string[]> {
  const verification = new Verification(collection, view, await collection.seenIn(view));
  await verification.documentsHaveEntries();
  await verification.entriesHaveDocuments();
  await verification.cellsAreTrue();
  return verification.problems;
}

class Verification {
  readonly problems: string[] = [];
  readonly #collection: StoredCollection;
  readonly #view: ReadView;
  readonly #states: IndexStates;
  readonly #audits: readonly TallyAudit[];
  /** Was every document read? Without some, there is nothing to hold cells against. Written by documentsHaveEntries(). */
  #complete = true;

  constructor(collection: StoredCollection, view: ReadView, states: IndexStates) {
    this.#collection = collection;
    this.#view = view;
    this.#states = states;
    this.#audits = states.cellMakers.map((maker) => new TallyAudit(maker));
  }

  async documentsHaveEntries(): Promise<void> {
    const all = await this.#eachPage(this.#collection.layout.documents, async (rows) => {
      const expected: {
        readonly index: string;
        readonly id: string;
        readonly entry: IndexEntry;
      }[] = [];
      for (const { key, value } of rows) {
        const read = this.#guarded(`document ${hex(key)}`, () => {
          const id = this.#collection.idOfKey(key);
          const document = this.#collection.decodeValue(id, value, 0, value.length);
          for (const maker of this.#states.entryMakers) {
            for (const entry of maker.entriesOf(key, document)) {
              expected.push({ index: maker.index.name, id, entry });
            }
          }
          for (const audit of this.#audits) audit.add(document);
          return true;
        });
        if (read === undefined) this.#complete = false;
      }
      const found = await this.#lookUp(expected.map(({ entry }) => entry.key));
      expected.forEach(({ index, id, entry }, i) => {
        const value = found[i];
        if (value === UNREADABLE) return;
        if (value === undefined) this.#problem(`the index "${index}" lacks the document "${id}"`);
        else if (!equalBytes(value, entry.value)) {
          this.#problem(`the index "${index}" has another entry in the place of "${id}"`);
        }
      });
    });
    if (!all) this.#complete = false;
  }

  async cellsAreTrue(): Promise<void> {
    if (!this.#complete) return;
    for (const audit of this.#audits) {
      const { name, prefix } = audit.tally;
      const all = await this.#eachPage(prefixRange(prefix), (rows) => {
        for (const { key, value } of rows) {
          const problem = this.#guarded(`cell ${hex(key)} of the index "${name}"`, () =>
            audit.problemOf(key, value),
          );
          if (problem !== undefined) this.#problem(problem);
        }
      });
      if (all) for (const problem of audit.missing()) this.#problem(problem);
    }
  }

  async entriesHaveDocuments(): Promise<void> {
    const building = this.#states.unready?.indexes ?? [];
    for (const maker of [...this.#states.entryMakers, ...building.map((one) => one.maker)]) {
      const { index } = maker;
      await this.#eachPage(prefixRange(index.prefix), async (rows) => {
        const ids = rows.map(({ key, value }) =>
          this.#guarded(`entry ${hex(key)} of the index "${index.name}"`, () =>
            this.#collection.referredId(value, 0, value.length),
          ),
        );
        const keys = ids.map((id) => (id === undefined ? undefined : this.#collection.keyOf(id)));
        const values = await this.#lookUp(keys.filter((key) => key !== undefined));
        let next = 0;
        rows.forEach((row, i) => {
          const id = ids[i];
          const key = keys[i];
          if (id === undefined || key === undefined) return;
          const value = values[next++];
          if (value === UNREADABLE) return;
          if (value === undefined) {
            this.#problem(`the index "${index.name}" refers to "${id}", which does not exist`);
            return;
          }
          this.#guarded(`document "${id}"`, () => {
            const document = this.#collection.decodeValue(id, value, 0, value.length);
            const entries = maker.entriesOf(key, document);
            if (!entries.some((entry) => compareBytes(entry.key, row.key) === 0)) {
              this.#problem(`the index "${index.name}" has an entry that "${id}" does not give`);
            }
          });
        });
      });
    }
  }

  /** Were all pages visited? */
  async #eachPage(
    range: KeyRange,
    visit: (rows: readonly { readonly key: Bytes; readonly value: Bytes }[]) => Awaitable<void>,
  ): Promise<boolean> {
    const scan = this.#view.scan(range, { expect: "all" });
    let done = false;
    try {
      while (!done && this.problems.length < PROBLEMS_MAX) {
        const page = await this.#readable(() => scan.next());
        if (page === UNREADABLE) break;
        const rows = Array.from({ length: page.rows }, (_, i) => ({
          key: page.buffer.slice(page.keyStart[i], page.keyEnd[i]),
          value: page.buffer.slice(page.valueStart[i], page.valueEnd[i]),
        }));
        await visit(rows);
        done = page.done;
      }
    } finally {
      scan.close();
    }
    return done;
  }

  /** The values of the keys; where a damaged place is among them, each for itself. */
  async #lookUp(
    keys: readonly Bytes[],
  ): Promise<readonly (Bytes | undefined | typeof UNREADABLE)[]> {
    try {
      return await this.#view.getMany(keys);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
    }
    const values: (Bytes | undefined | typeof UNREADABLE)[] = [];
    for (const key of keys) values.push(await this.#readable(() => this.#view.get(key)));
    return values;
  }

  /** Damaged storage is a problem like others; all else that fails ends the verification. */
  async #readable<T>(read: () => Awaitable<T>): Promise<T | typeof UNREADABLE> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.#problem(error.message);
      return UNREADABLE;
    }
  }

  /** What cannot be decoded is a problem, and no reason to stop looking. */
  #guarded<T>(where: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#problem(`${where}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  /** One damaged place is met by several look-ups; it is told once. */
  #problem(text: string): void {
    const problem = `${this.#collection.name}: ${text}`;
    if (this.problems.length < PROBLEMS_MAX && !this.problems.includes(problem)) {
      this.problems.push(problem);
    }
  }
}
