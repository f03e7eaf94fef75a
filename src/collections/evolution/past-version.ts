/** The versions of a collection's schema as its program declares them, and what leads from each to the next. */
import type { CollectionDefinition } from "../collection-definition.ts";
import type { DocumentSchema } from "../schema/document-schema.ts";

/** Gives the input of the next version's schema; `old` is a document without its id, which the function may change. */
export type UpgradeFunction = (old: Record<string, unknown>, id: string) => unknown;

/** A version before the newest. */
export interface PastVersion {
  readonly schema: DocumentSchema;
  readonly up: UpgradeFunction;
}

/** So many versions a collection may have: their number takes two bytes in front of a document at most. */
export const VERSION_MAX = 0x3fff;

/** Which version the definition is, from 1. */
export function versionOf({ past }: Pick<CollectionDefinition, "past">): number {
  return past.length + 1;
}

/** The schemas of all versions; that of version n at n - 1. */
export function schemasOf({
  past,
  schema,
}: Pick<CollectionDefinition, "past" | "schema">): readonly DocumentSchema[] {
  return [...past.map((version) => version.schema), schema];
}
