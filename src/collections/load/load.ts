/** A load: by the engine's bulk load where one program has the engine to itself, in one transaction where programs share it. */
import { loadAtOnce } from "./load-at-once.ts";
import type { Insertion } from "./load-at-once.ts";
import { loadDocuments } from "./load-documents.ts";
import type { LoadGround, LoadOptions, LoadResult } from "./load-documents.ts";

export type { Insertion } from "./load-at-once.ts";
export type { LoadOptions, LoadResult } from "./load-documents.ts";

export function load(
  { insertion, ...ground }: LoadGround & { readonly insertion: Insertion },
  documents: Iterable<unknown> | AsyncIterable<unknown>,
  options: LoadOptions,
): Promise<LoadResult> {
  if (ground.host.engine.capabilities.shared === true)
    return loadAtOnce(ground, documents, options, insertion);
  return loadDocuments(ground, documents, options);
}
