/** What callers hand to changes(), and what it gives them, as types. */
import type { Def, DocOf } from "../../collections/index.ts";
import { InvalidOption, checkKnown } from "../options.ts";

export interface ChangesOptions {
  /**
   * Begins behind this version: the `version` of a change that was dealt with, or of a live result. Default: from now on,
   * that is from the moment the first change is waited for.
   */
  readonly since?: string | undefined;
  /** Ends the stream with the signal's reason when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

interface Place<Id extends string> {
  readonly id: Id;
  /** The commit. Equal for all changes of one commit; opaque otherwise. */
  readonly version: string;
  /**
   * True of the last change that the commit made to this collection. Only then is `version` a place to go on from:
   * `since` leaves out all changes of its commit.
   */
  readonly endsCommit: boolean;
}

/** The same, said of the documents: what an editor shows of a change is as short as they are. */
export type ChangeOf<T extends { readonly id: string }> =
  | (Place<T["id"]> & {
      readonly type: "insert" | "update";
      /** The document as this commit stored it, which newer commits may have changed since. */
      readonly after: T;
    })
  | (Place<T["id"]> & { readonly type: "delete"; readonly after?: undefined });
/** What one commit did to one document of a collection: at most one change for each document of a commit. */
export type DocumentChange<D extends Def> = ChangeOf<DocOf<D>>;

/** @throws InvalidOption. */
export function checkChanges(options: ChangesOptions): void {
  checkKnown(options, ["since", "signal"]);
  const { since, signal } = options;
  if (since !== undefined && (typeof since !== "string" || since === ""))
    throw new InvalidOption("since", "the version of a change", since);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new InvalidOption("signal", "an AbortSignal", signal);
}
