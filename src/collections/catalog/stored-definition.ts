/**
 * A definition made of what the catalog has stored of a collection, so that a tool can write to it as its program would.
 *
 * Always true: an index of the definition is the one that the program defined, down to its fingerprint; where that cannot
 * be (a filter is stored as text for people), or where work on the collection is unfinished, there is no definition.
 */
import { assert } from "../../base/index.ts";
import type { CollectionDefinition } from "../collection-definition.ts";
import { InvalidDefinition } from "../collection-error.ts";
import { parseIndex } from "../index/index-definition.ts";
import type { IndexDefinition } from "../index/index-definition.ts";
import { parseTally } from "../tally/tally-definition.ts";
import type { TallyDefinition } from "../tally/tally-definition.ts";
import type { PastVersion } from "../evolution/past-version.ts";
import { OPAQUE_SHAPE } from "../schema/field-shape.ts";
import type { ObjectShape } from "../schema/field-shape.ts";
import { parseShape } from "../schema/shape-text.ts";
import { isPlainObject } from "../schema/storable.ts";
import { shapeSchema } from "../schema/shape-check.ts";
import type { CatalogIndex, CatalogRow } from "./catalog-row.ts";
import { isUnfinished } from "./catalog-plan.ts";

/** The definition, or why there is none, in words. */
export function storedDefinition(
  name: string,
  row: CatalogRow,
  shape: ObjectShape,
): { readonly definition: CollectionDefinition } | { readonly problem: string } {
  if (isUnfinished(row)) {
    return { problem: "its indexes or its documents are still to be brought up to date" };
  }
  const indexes: IndexDefinition[] = [];
  const tallies: TallyDefinition[] = [];
  for (const stored of row.indexes) {
    const found = storedIndex(name, shape, stored);
    if (found === undefined) {
      return {
        problem: `the entries of its index "${stored.name}" are known to its program alone`,
      };
    }
    if ("tally" in found) tallies.push(found.tally);
    else indexes.push(found.index);
  }
  const schema = shapeSchema(name, shape, row.shape);
  const past = row.past.map((version) => pastVersion(name, version.shape));
  const shapes = [...row.past.map((version) => version.shape), row.shape];
  const fingerprint = JSON.stringify([...shapes, ...row.indexes.map((one) => one.fingerprint)]);
  return { definition: Object.freeze({ name, schema, past, indexes, tallies, fingerprint }) };
}

/** A version of which there are no documents any more, so that nobody needs its step. */
function pastVersion(name: string, fingerprint: string): PastVersion {
  const shape = parseShape(name, fingerprint);
  return {
    schema: shapeSchema(name, shape.kind === "object" ? shape : OPAQUE_SHAPE, fingerprint),
    up: () => assert(false, "a finished collection has documents of its newest version alone"),
  };
}

/** The index as its program defined it; undefined where that cannot be told. */
export function storedIndex(
  collection: string,
  shape: ObjectShape,
  { cells, fingerprint, name }: CatalogIndex,
): { readonly index: IndexDefinition } | { readonly tally: TallyDefinition } | undefined {
  try {
    const parts: unknown = JSON.parse(fingerprint);
    if (!isPlainObject(parts)) return undefined;
    // Whatever else there is to an index, its fingerprint would tell.
    if (cells === true) {
      const { by, count, sum } = parts;
      const spec = count === undefined ? { sum, by } : { count, by };
      const tally = parseTally(collection, shape, name, spec);
      return tally.fingerprint === fingerprint ? { tally } : undefined;
    }
    const { include, on, unique } = parts;
    const index = parseIndex(collection, shape, name, { on, unique, include });
    return index.fingerprint === fingerprint ? { index } : undefined;
  } catch (error) {
    if (error instanceof InvalidDefinition || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
