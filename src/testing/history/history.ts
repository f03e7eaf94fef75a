/**
 * What was done to an engine, as the clients saw it: enough to prove that no serial order explains it.
 *
 * Three kinds of objects, chosen so that reads tell the order of the writes:
 *   list      a value that only grows; each writer reads it and appends one item. The final list is the order of writers.
 *   register  a value that each writer reads and replaces; what it replaced gives the order of writers.
 *   flag      flips once, by one writer, without being read: a row inserted or deleted blindly, a bit merged into a
 *             cell. Who sees it flipped comes after its writer, who does not comes before it.
 */

export type Observation =
  | { readonly of: "list"; readonly name: string; readonly items: readonly string[] }
  /** `writer` is the transaction that wrote the value seen; undefined for the value before all. */
  | { readonly of: "register"; readonly name: string; readonly writer: number | undefined }
  /** All flags of [start, end] were looked at, and those of `flipped` seen flipped. Flags order by name. */
  | {
      readonly of: "flags";
      readonly start: string;
      readonly end: string;
      readonly flipped: ReadonlySet<string>;
    };

export type Effect =
  | { readonly on: "list"; readonly name: string; readonly item: string }
  | { readonly on: "register"; readonly name: string; readonly replaced: number | undefined }
  | { readonly on: "flag"; readonly name: string };

export interface HistoryTransaction {
  readonly id: number;
  readonly kind: "transaction" | "exclusive" | "read-only" | "batch" | "final";
  /** Order of events in the whole history: begun before the first read was issued. */
  readonly start: number;
  /** When the outcome was known to the client. */
  readonly end: number;
  /** unknown: the engine could not say whether the commit took effect. */
  readonly outcome: "committed" | "aborted" | "unknown";
  readonly reads: readonly Observation[];
  readonly effects: readonly Effect[];
}

export interface History {
  readonly engine: string;
  readonly seed: number;
  /** false: what a transaction read counts only if it committed. */
  readonly readsAreFinal: boolean;
  /** In the order of their outcomes. The last one is 'final': it read everything after all others had ended. */
  readonly transactions: readonly HistoryTransaction[];
}
