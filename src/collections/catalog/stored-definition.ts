/**
 * A definition made of what the catalog has stored of a collection, so that a tool can write to it as its program would.
 *
 * Always true: an index of the definition is the one that the program defined, down to its fingerprint; where that cannot
 * be (a filter is stored as text for people, and an index may count or sum), or where work on the collection is unfinished, there is no definition.
 */
import { assert } from "../../base/index.ts";
import type { CollectionDefinition } from "../collection-definition.ts";
import { InvalidDefinition } from "../collection-error.ts";
import { parseIndex } from "../index/index-definition.ts";
import type { IndexDefinition } from "../index/index-definition.ts";
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
  for (const stored of row.indexes) {
    const index = storedIndex(name, shape, stored);
    if (index === undefined) {
      return {
        problem: `the entries of its index "${stored.name}" are known to its program alone`,
      };
    }
    indexes.push(index);
  }
  const schema = shapeSchema(name, shape, row.shape);
  const past = row.past.map((version) => pastVersion(name, version.shape));
  const shapes = [...row.past.map((version) => version.shape), row.shape];
  const fingerprint = JSON.stringify([...shapes, ...row.indexes.map((one) => one.fingerprint)]);
  return { definition: Object.freeze({ name, schema, past, indexes, tallies: [], fingerprint }) };
}

/** A version of which there are no documents any more, so that nobody needs its step. */
function pastVersion(name: string, fingerprint: string): PastVersion {
  const shape = parseShape(name, fingerprint);
  return {
    schema: shapeSchema(name, shape.kind === "object" ? shape : OPAQUE_SHAPE, fingerprint),
    up: () => assert(false, "a finished collection has documents of its newest version alone"),
  };
}

function storedIndex(
  name: string,
  shape: ObjectShape,
  stored: CatalogIndex,
): IndexDefinition | undefined {
  if (stored.cells === true) return undefined;
  try {
    const parts: unknown = JSON.parse(stored.fingerprint);
    if (!isPlainObject(parts)) return undefined;
    const { include, on, unique } = parts;
    const index = parseIndex(name, shape, stored.name, { on, unique, include });
    // Whatever else there is to an index, its fingerprint would tell.
    return index.fingerprint === stored.fingerprint ? index : undefined;
  } catch (error) {
    if (error instanceof InvalidDefinition || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
