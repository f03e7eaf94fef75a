/** The errors of running a query. A query that cannot be right at all is InvalidQuery, of the collections room. */
import { KotobaError } from "../base/index.ts";

/** A page cursor is damaged, or was made by another query. Nothing was read. */
export class InvalidCursor extends KotobaError<"InvalidCursor"> {
  readonly _tag = "InvalidCursor" as const;
  readonly collection: string;
  constructor(collection: string, problem: string) {
    super({
      sentence: "A page cursor does not fit the query.",
      remedy:
        "Hand in `next` or `previous` of a page of the same query, or begin without a cursor.",
      details: { collection, problem },
    });
    this.collection = collection;
  }
}

/** one() found more than one document. */
export class NotUnique extends KotobaError<"NotUnique"> {
  readonly _tag = "NotUnique" as const;
  readonly collection: string;
  constructor(collection: string, filter: string) {
    super({
      sentence: "There is more than one such document.",
      remedy: "Narrow the query, or use first() where any of them will do.",
      details: { collection, filter },
    });
    this.collection = collection;
  }
}

/**
 * A query would sort more rows than its memory may hold: not even their places in the order fit into the option
 * `sortBytesMax`. Some or all of what it reads was read; nothing was given.
 */
export class SortTooLarge extends KotobaError<"SortTooLarge"> {
  readonly _tag = "SortTooLarge" as const;
  readonly collection: string;
  /** The fields of indexes that would give the order, as in a collection's definition; empty if none could. */
  readonly suggestion: readonly (readonly string[])[];
  constructor(
    collection: string,
    found: { readonly order: string; readonly rows: number; readonly bytesMax: number },
    suggestion: readonly (readonly string[])[],
  ) {
    super({
      sentence: "A query would sort more rows than its memory may hold.",
      remedy:
        suggestion.length === 0
          ? "Ask for fewer rows by limit() or page(), or raise sortBytesMax."
          : `Add the index ${suggestion.map((fields) => JSON.stringify(fields)).join(" and ")}, ask for fewer rows by limit() or page(), or raise sortBytesMax.`,
      details: { collection, ...found },
    });
    this.collection = collection;
    this.suggestion = suggestion;
  }
}

/** The query would have to look at every document, and the database was opened to refuse that. Nothing was read. */
export class FullScan extends KotobaError<"FullScan"> {
  readonly _tag = "FullScan" as const;
  readonly collection: string;
  /** The fields of indexes that would help, as in a collection's definition; empty if none could. */
  readonly suggestion: readonly (readonly string[])[];
  constructor(collection: string, filter: string, suggestion: readonly (readonly string[])[]) {
    super({
      sentence: "A query would read the whole collection.",
      remedy:
        suggestion.length === 0
          ? "Add a condition that an index can answer."
          : `Add the index ${suggestion.map((fields) => JSON.stringify(fields)).join(" and ")}.`,
      details: { collection, filter },
    });
    this.collection = collection;
    this.suggestion = suggestion;
  }
}
