/** load() of a collection's handle. */
import { ReadOnlyTransaction } from "../../transaction/index.ts";
import { isIterable } from "../../collections/index.ts";
import type { CollectionStore, LoadOptions, LoadResult } from "../../collections/index.ts";
import { SnapshotAccess, TransactionAccess } from "../access.ts";
import type { Access } from "../access.ts";
import type { DatabaseCore } from "../database-core.ts";
import { checkKnown, InvalidOption } from "../options.ts";
import { checkWatching } from "./transfer-options.ts";

type Documents = Iterable<unknown> | AsyncIterable<unknown>;

/** @throws InvalidOption, CollectionNotEmpty, ValidationError, UniqueViolation, ReferenceViolation. */
export async function loadInto(
  ground: { readonly core: DatabaseCore; readonly store: CollectionStore; readonly access: Access },
  documents: Documents,
  options: LoadOptions,
): Promise<LoadResult> {
  const { access, core, store } = ground;
  if (!isIterable(documents))
    throw new InvalidOption("documents", "an iterable of documents", documents);
  checkKnown(options, ["onProgress", "signal"]);
  checkWatching(options.onProgress, options.signal);
  if (access instanceof SnapshotAccess) throw new ReadOnlyTransaction();
  if (access instanceof TransactionAccess)
    throw new InvalidOption("documents", "a load outside of any transaction", documents);
  options.signal?.throwIfAborted();
  // Another load may begin between the end of one, or of a build, and our turn: of this collection, or of one that
  // relations join to it.
  for (let built = store.built(); built !== undefined; built = store.built()) await built;
  return store.load(documents, options, () => core.host.timers.pause());
}
