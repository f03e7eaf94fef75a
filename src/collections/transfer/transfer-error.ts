/** Errors of import and load. */
import { KotobaError } from "../../base/index.ts";

/** A piece of an imported text that is no document, or none that can be stored. */
export interface BadLine {
  /** The line on which it begins, from 1. */
  readonly line: number;
  /** In words: what is wrong, and in which field. */
  readonly reason: string;
}

/** load() was called on a collection that has documents. Nothing was loaded. */
export class CollectionNotEmpty extends KotobaError<"CollectionNotEmpty"> {
  readonly _tag = "CollectionNotEmpty" as const;
  readonly collection: string;
  constructor(collection: string) {
    super({
      sentence: "The collection has documents, and load() needs an empty one.",
      remedy: "Use import() or insertMany(), which add documents; or a new collection.",
      details: { collection },
    });
    this.collection = collection;
  }
}

/** How many bad lines are kept with their reasons; the others are counted. */
export const BAD_LINES_MAX = 100;
const SHOWN_LINES_MAX = 3;

/**
 * A text has lines that cannot be imported. Nothing of it was imported; with `partial`, `imported` and `replaced` say how
 * many documents of the lines before were.
 */
export class ImportFailed extends KotobaError<"ImportFailed"> {
  readonly _tag = "ImportFailed" as const;
  readonly collection: string;
  /** The first bad lines, at most 100. */
  readonly bad: readonly BadLine[];
  /** How many there are, as far as the text was read. */
  readonly badCount: number;
  readonly imported: number;
  readonly replaced: number;
  constructor(
    collection: string,
    found: {
      readonly bad: readonly BadLine[];
      readonly badCount: number;
      readonly imported: number;
      readonly replaced: number;
    },
  ) {
    const { bad, badCount, imported, replaced } = found;
    const shown = bad
      .slice(0, SHOWN_LINES_MAX)
      .map(({ line, reason }) => `line ${line}: ${reason}`);
    if (badCount > shown.length) shown.push(`and ${badCount - shown.length} more`);
    super({
      sentence: "A text has lines that cannot be imported.",
      remedy: "Correct the lines, or leave them out with onBadLine: 'skip'.",
      details: { collection, bad: shown.join("; "), imported, replaced },
    });
    this.collection = collection;
    this.bad = bad;
    this.badCount = badCount;
    this.imported = imported;
    this.replaced = replaced;
  }
}
