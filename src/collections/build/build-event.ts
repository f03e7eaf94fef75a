/** What is told of the building of indexes: plain values, for a listener of the database. */
import type { KotobaError } from "../../base/index.ts";

/** Each kind of event without the time that all of them have. */
export type BuildEventBody =
  /**
   * Indexes are being built in the background, and documents of earlier versions of the schema written anew; `documents`
   * were done before, by whoever had the database open. Of a collection without indexes the list is empty.
   */
  | {
      readonly type: "index-build-begin";
      readonly collection: string;
      readonly indexes: readonly string[];
      readonly documents: number;
    }
  /** So many documents are done. */
  | {
      readonly type: "index-build-progress";
      readonly collection: string;
      readonly indexes: readonly string[];
      readonly documents: number;
    }
  /** The indexes are ready: queries use them from now on. */
  | {
      readonly type: "index-build-end";
      readonly collection: string;
      readonly indexes: readonly string[];
      readonly documents: number;
      readonly millis: number;
    }
  /** The indexes are not ready, and will not be until the next ready(), or until the database is opened again. */
  | {
      readonly type: "index-build-failure";
      readonly collection: string;
      readonly indexes: readonly string[];
      readonly error: KotobaError;
    };
