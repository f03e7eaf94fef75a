/** What a definition declares in `indexes`: indexes with entries, and tallies. Both share one space of names. */
import { InvalidDefinition } from "../collection-error.ts";
import { parseIndex } from "../index/index-definition.ts";
import type { IndexDefinition } from "../index/index-definition.ts";
import type { ObjectShape } from "../schema/field-shape.ts";
import { isPlainObject } from "../schema/storable.ts";
import { isTallySpec, parseTally } from "./tally-definition.ts";
import type { TallyDefinition } from "./tally-definition.ts";

export interface DeclaredIndexes {
  /** Those with entries, that can be scanned. */
  readonly indexes: readonly IndexDefinition[];
  /** Those that count or sum. */
  readonly tallies: readonly TallyDefinition[];
}

/** @throws InvalidDefinition naming the index and what is wrong with it. */
export function parseIndexes(
  collection: string,
  shape: ObjectShape,
  specs: unknown,
): DeclaredIndexes {
  // An index that is written as `__proto__: [...]` is no own field, and would be missed in silence.
  if (!isPlainObject(specs)) {
    throw new InvalidDefinition(collection, "indexes are an object: name to paths");
  }
  const indexes: IndexDefinition[] = [];
  const tallies: TallyDefinition[] = [];
  for (const [name, spec] of Object.entries(specs)) {
    if (isTallySpec(spec)) tallies.push(parseTally(collection, shape, name, spec));
    else indexes.push(parseIndex(collection, shape, name, spec));
  }
  return Object.freeze({ indexes: Object.freeze(indexes), tallies: Object.freeze(tallies) });
}
