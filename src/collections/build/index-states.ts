/**
 * The indexes of one collection, as one state of its catalog row says how far they are. Pure, and never changed: when an
 * index becomes ready there are new states.
 *
 * Always true: queries look at what is ready and at nothing else; writers keep all of it.
 */
import type { Bytes } from "../../base/index.ts";
import { prefixRange } from "../../engine/contract/index.ts";
import type { KeyRange } from "../../engine/contract/index.ts";
import type { CatalogIndex, CatalogRow } from "../catalog/catalog-row.ts";
import { documentsPrefix, indexPrefix } from "../catalog/keyspace.ts";
import { storedIndex } from "../catalog/stored-definition.ts";
import type { CollectionDefinition } from "../collection-definition.ts";
import { versionPlan } from "../evolution/version-plan.ts";
import { bindIndex } from "../index/index-definition.ts";
import type { BoundIndex, IndexDefinition } from "../index/index-definition.ts";
import { EntryMaker } from "../index/index-entries.ts";
import { CellMaker } from "../tally/tally-cells.ts";
import { bindTally } from "../tally/tally-definition.ts";
import type { BoundTally, TallyDefinition } from "../tally/tally-definition.ts";

/** Where the rows of a collection are. */
export interface CollectionLayout {
  /** The collection's number in this database. */
  readonly number: number;
  /** All keys of documents; `start` is the prefix of each. */
  readonly documents: KeyRange;
  /** Those of the program's definition that are ready: a query may read them. */
  readonly indexes: readonly BoundIndex[];
  readonly tallies: readonly BoundTally[];
}

/** What is being built, and by which pass. */
interface Building<M> {
  readonly maker: M;
  readonly pass: number;
  /** The program's definition has it. */
  readonly isOwn: boolean;
}

/** What is not ready: indexes, and documents that are brought to the newest version whenever they are read. */
export interface UnreadyIndexes {
  readonly indexes: readonly Building<EntryMaker>[];
  readonly tallies: readonly Building<CellMaker>[];
  /** The pass that writes documents of earlier versions anew; undefined where there are none. */
  readonly upgradePass: number | undefined;
  /**
   * The same pass while others write: a unique index that it builds says nothing of documents further on, though their
   * keys were unique before.
   */
  readonly strictPass: number | undefined;
}

export interface IndexStates {
  /** The catalog row's bytes. */
  readonly row: Bytes;
  readonly layout: CollectionLayout;
  /** One for each index of the layout, in its order; behind them those that another program has brought. */
  readonly entryMakers: readonly EntryMaker[];
  /** One for each tally of the layout, in its order; behind them those that another program has brought. */
  readonly cellMakers: readonly CellMaker[];
  /** Undefined where all is ready. */
  readonly unready: UnreadyIndexes | undefined;
  /** Every index of the definition is ready, and nothing else is there that cannot be kept. */
  readonly isWhole: boolean;
  /** An index that another program has brought, and that only such programs can keep which declare it. */
  readonly unknown: string | undefined;
}

/**
 * What makes the entries and cells of the indexes that a collection has in one database: those of the program's definition,
 * and those that another program has brought.
 */
export class IndexMakers {
  readonly number: number;
  readonly documents: KeyRange;
  readonly #definition: CollectionDefinition;
  /** How many versions of the schema came before that of the definition. */
  readonly #past: number;
  /** By the numbers of their indexes. */
  readonly #entryMakers = new Map<number, EntryMaker>();
  readonly #cellMakers = new Map<number, CellMaker>();

  constructor(definition: CollectionDefinition, row: CatalogRow) {
    this.number = row.number;
    this.documents = prefixRange(documentsPrefix(row.number));
    this.#definition = definition;
    this.#past = row.past.length;
  }

  /** `row` may be an older one, of before some of the indexes: those are neither ready nor being built. */
  statesOf(row: CatalogRow, bytes: Bytes): IndexStates {
    const { indexes: declared, name, schema, tallies: counting } = this.#definition;
    // Entries of documents of another version do not follow from what they are read as.
    const foreign = new Set(this.#past === row.past.length ? row.indexes : []);
    const entries: Making<EntryMaker>[] = [];
    const cells: Making<CellMaker>[] = [];
    for (const index of declared) {
      const stored = takeSame(foreign, index);
      if (stored !== undefined) entries.push(this.#entriesOf(index, stored, true));
    }
    for (const tally of counting) {
      const stored = takeSame(foreign, tally);
      if (stored !== undefined) cells.push(this.#cellsOf(tally, stored, true));
    }
    const isComplete = entries.length + cells.length === declared.length + counting.length;
    let unknown: string | undefined;
    for (const stored of foreign) {
      const found = storedIndex(name, schema.shape, stored);
      if (found === undefined) unknown = stored.name;
      else if ("tally" in found) cells.push(this.#cellsOf(found.tally, stored, false));
      else entries.push(this.#entriesOf(found.index, stored, false));
    }
    const indexes = entries.flatMap(building);
    const tallies = cells.flatMap(building);
    const isReady = indexes.length + tallies.length === 0 && row.pass === undefined;
    return Object.freeze({
      row: bytes,
      layout: Object.freeze({
        number: this.number,
        documents: this.documents,
        indexes: entries.filter(isOwnAndReady).map(({ maker }) => maker.index),
        tallies: cells.filter(isOwnAndReady).map(({ maker }) => maker.tally),
      }),
      entryMakers: entries.filter(isReadyOne).map(({ maker }) => maker),
      cellMakers: cells.filter(isReadyOne).map(({ maker }) => maker),
      unready: isReady
        ? undefined
        : {
            indexes,
            tallies,
            upgradePass: row.pass,
            strictPass: row.documents === "upgrading" ? row.pass : undefined,
          },
      isWhole: isReady && isComplete && unknown === undefined,
      unknown,
    });
  }

  /** Why the program cannot use what another one has made of the collection; undefined where it could go on from there. */
  differenceOf(row: CatalogRow): string | undefined {
    const plan = versionPlan(this.#definition, row);
    return "text" in plan ? plan.text : undefined;
  }

  #entriesOf(index: IndexDefinition, stored: CatalogIndex, isOwn: boolean): Making<EntryMaker> {
    const { number } = stored;
    let maker = this.#entryMakers.get(number);
    if (maker === undefined) {
      const bound = bindIndex(index, indexPrefix(this.number, number));
      maker = new EntryMaker(this.#definition.name, bound, this.documents.start.length);
      this.#entryMakers.set(number, maker);
    }
    return { maker, stored, isOwn };
  }

  #cellsOf(tally: TallyDefinition, stored: CatalogIndex, isOwn: boolean): Making<CellMaker> {
    const { number } = stored;
    let maker = this.#cellMakers.get(number);
    if (maker === undefined) {
      const bound = bindTally(tally, indexPrefix(this.number, number));
      maker = new CellMaker(this.#definition.name, bound);
      this.#cellMakers.set(number, maker);
    }
    return { maker, stored, isOwn };
  }
}

/** What makes the entries or cells of one index, and how far it is. */
interface Making<M> {
  readonly maker: M;
  readonly stored: CatalogIndex;
  readonly isOwn: boolean;
}

/** Takes the index out that has this name and these entries. */
function takeSame(
  from: Set<CatalogIndex>,
  { fingerprint, name }: Pick<CatalogIndex, "fingerprint" | "name">,
): CatalogIndex | undefined {
  for (const stored of from)
    if (stored.name === name && stored.fingerprint === fingerprint) {
      from.delete(stored);
      return stored;
    }
  return undefined;
}

function isReadyOne({ stored }: Making<unknown>): boolean {
  return stored.state === "ready";
}

function isOwnAndReady(one: Making<unknown>): boolean {
  return one.isOwn && isReadyOne(one);
}

function building<M>({ isOwn, maker, stored: { pass } }: Making<M>): readonly Building<M>[] {
  return pass === undefined ? [] : [{ maker, pass, isOwn }];
}
