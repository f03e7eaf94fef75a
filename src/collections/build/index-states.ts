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
import type { CollectionDefinition } from "../collection-definition.ts";
import { bindIndex } from "../index/index-definition.ts";
import type { BoundIndex } from "../index/index-definition.ts";
import { EntryMaker } from "../index/index-entries.ts";
import { CellMaker } from "../tally/tally-cells.ts";
import { bindTally } from "../tally/tally-definition.ts";
import type { BoundTally } from "../tally/tally-definition.ts";

/** Where the rows of a collection are. */
export interface CollectionLayout {
  /** The collection's number in this database. */
  readonly number: number;
  /** All keys of documents; `start` is the prefix of each. */
  readonly documents: KeyRange;
  /** Those that are ready: a query may read them. */
  readonly indexes: readonly BoundIndex[];
  readonly tallies: readonly BoundTally[];
}

/** What is being built, and by which pass. */
interface Building<M> {
  readonly maker: M;
  readonly pass: number;
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
  /** One for each index of the layout, in its order. */
  readonly entryMakers: readonly EntryMaker[];
  /** One for each tally of the layout, in its order. */
  readonly cellMakers: readonly CellMaker[];
  /** Undefined where all is ready. */
  readonly unready: UnreadyIndexes | undefined;
}

/** What makes the entries and cells of a definition's indexes, under the numbers that one database gave them. */
export class IndexMakers {
  readonly number: number;
  readonly documents: KeyRange;
  readonly #indexes: readonly { readonly number: number; readonly maker: EntryMaker }[];
  readonly #tallies: readonly { readonly number: number; readonly maker: CellMaker }[];

  constructor(definition: CollectionDefinition, row: CatalogRow) {
    const { indexes, name, tallies } = definition;
    this.number = row.number;
    this.documents = prefixRange(documentsPrefix(row.number));
    const numberOf = (index: string): number =>
      row.indexes.find((known) => known.name === index)!.number;
    this.#indexes = indexes.map((index) => {
      const number = numberOf(index.name);
      const bound = bindIndex(index, indexPrefix(row.number, number));
      return { number, maker: new EntryMaker(name, bound, this.documents.start.length) };
    });
    this.#tallies = tallies.map((tally) => {
      const number = numberOf(tally.name);
      const bound = bindTally(tally, indexPrefix(row.number, number));
      return { number, maker: new CellMaker(name, bound) };
    });
  }

  /** `row` may be an older one, of before some of the indexes: those are neither ready nor being built. */
  statesOf(row: CatalogRow, bytes: Bytes): IndexStates {
    const known = new Map(row.indexes.map((index) => [index.number, index]));
    const entryMakers = readyOf(this.#indexes, known);
    const cellMakers = readyOf(this.#tallies, known);
    const indexes = buildingOf(this.#indexes, known);
    const tallies = buildingOf(this.#tallies, known);
    const isReady = indexes.length + tallies.length === 0 && row.pass === undefined;
    return Object.freeze({
      row: bytes,
      layout: Object.freeze({
        number: this.number,
        documents: this.documents,
        indexes: entryMakers.map(({ index }) => index),
        tallies: cellMakers.map(({ tally }) => tally),
      }),
      entryMakers,
      cellMakers,
      unready: isReady
        ? undefined
        : {
            indexes,
            tallies,
            upgradePass: row.pass,
            strictPass: row.documents === "upgrading" ? row.pass : undefined,
          },
    });
  }
}

type Numbered<M> = readonly { readonly number: number; readonly maker: M }[];
type KnownIndexes = ReadonlyMap<number, CatalogIndex>;

function readyOf<M>(makers: Numbered<M>, known: KnownIndexes): readonly M[] {
  return makers.flatMap(({ maker, number }) =>
    known.get(number)?.state === "ready" ? [maker] : [],
  );
}

function buildingOf<M>(makers: Numbered<M>, known: KnownIndexes): readonly Building<M>[] {
  return makers.flatMap(({ maker, number }) => {
    const pass = known.get(number)?.pass;
    return pass === undefined ? [] : [{ maker, pass }];
  });
}
