/**
 * What was done to a database, as its clients saw it: enough to prove that no serial order explains it.
 *
 * Three kinds of objects, chosen so that reads tell the order of the writes:
 *   list      only grows; each writer reads it and appends one item. The list at the end is the order of the writers.
 *   register  each writer reads it and replaces it; what it replaced gives the order of the writers.
 *   flag      flips once, by one writer, without being read: a row inserted or deleted blindly, a bit merged into a
 *             cell, a document that came into a range of an index. Who sees it flipped comes after its writer, who does
 *             not comes before it.
 *
 * Always true of a history that is handed to the checker:
 * (1) A transaction's id is the item that it appends and the writer that its registers name; no id is used twice.
 * (2) A flag is flipped by one transaction at most, whatever became of that one.
 * (3) The last transaction is of kind 'final': it read every object, whole, after all others had ended.
 */
import type { Durability } from "../../engine/contract/index.ts";

export type Observation =
  /** The items of a list: all, read by one key, or where `from` is given those from that place on, read by a range. */
  | {
      readonly of: "list";
      readonly name: string;
      readonly items: readonly string[];
      readonly from?: number;
    }
  /** How many items a list has: what a count tells. */
  | { readonly of: "length"; readonly name: string; readonly length: number }
  /**
   * `writer` is the transaction that wrote the value seen; undefined for the value before all. `value`: which of the
   * values that it wrote one after the other, from 1; default: its last.
   */
  | {
      readonly of: "register";
      readonly name: string;
      readonly writer: number | undefined;
      readonly value?: number;
    }
  /** All flags of [start, end] were looked at, and those of `flipped` seen flipped. Flags order by name. */
  | {
      readonly of: "flags";
      readonly start: string;
      readonly end: string;
      readonly flipped: ReadonlySet<string>;
    };

export type Effect =
  | { readonly on: "list"; readonly name: string; readonly item: string }
  /** `values`: how many values it wrote one after the other, default 1. Only the last may ever be seen. */
  | {
      readonly on: "register";
      readonly name: string;
      readonly replaced: number | undefined;
      readonly values?: number;
    }
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
  /**
   * How safe it was when its client was told; of one that only read, how safe what it saw was. Default 'durable'. What is
   * less may be lost with the next crash, the newest first.
   */
  readonly durability?: Durability;
  readonly reads: readonly Observation[];
  readonly effects: readonly Effect[];
}

export interface History {
  readonly engine: string;
  readonly seed: number;
  /** false: what a transaction read counts only if it committed. */
  readonly readsAreFinal: boolean;
  /** In the order of their outcomes. */
  readonly transactions: readonly HistoryTransaction[];
  /** The events at which the database failed or its power was cut, and at which it was opened again. Default: none. */
  readonly crashes?: readonly number[];
  /** What the database answered that was no answer to a client: errors of a disk, of a database that has failed. */
  readonly failures?: readonly string[];
}
