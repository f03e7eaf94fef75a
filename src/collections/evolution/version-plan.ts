/**
 * Do the versions of a program's definition fit those that are stored? Pure. Version n of the program is compared with
 * version n of the database; what the program has beyond them are steps to be made.
 *
 * Always true:
 * (1) What is stored of a version that was left is never changed: its documents are as they were, also in old logs.
 * (2) A database whose version the program does not know is refused, whatever the shapes.
 */
import type { SchemaDifference } from "../collection-error.ts";
import type { CollectionDefinition } from "../collection-definition.ts";
import { shapeChange } from "../catalog/shape-change.ts";
import type { ShapeChange } from "../catalog/shape-change.ts";
import type { CatalogRow, PastShape } from "../catalog/catalog-row.ts";
import { OPAQUE_SHAPE } from "../schema/field-shape.ts";
import type { ObjectShape } from "../schema/field-shape.ts";
import { parseShape } from "../schema/shape-text.ts";
import { missingStep } from "./missing-step.ts";
import { schemasOf, versionOf } from "./past-version.ts";

export interface VersionPlan {
  /** For the row to be written. */
  readonly past: readonly PastShape[];
  readonly documents: CatalogRow["documents"];
  /** Stored documents are of a version before the newest: every index is to be made anew. */
  readonly evolves: boolean;
  /** For version n at n - 1, the newest included: documents of it may lack fields that have a default by now. */
  readonly fills: readonly boolean[];
}

/** @throws CorruptionError where a stored shape is none. */
export function versionPlan(
  definition: CollectionDefinition,
  stored: CatalogRow,
): VersionPlan | SchemaDifference {
  const known = versionOf(definition);
  const storedVersion = stored.past.length + 1;
  if (storedVersion > known) return newer(storedVersion, known);
  const schemas = schemasOf(definition);
  const storedShapes = [...stored.past, { shape: stored.shape }];
  const fills: boolean[] = [];
  for (const [i, { shape, fills: mayLack }] of storedShapes.entries()) {
    const { difference, fill } = changeOf(definition.name, shape, schemas[i]!);
    if (difference !== undefined) {
      return i === known - 1
        ? missing(definition, shape, difference)
        : misfit(i + 1, known, difference);
    }
    fills.push(fill || mayLack === true);
  }
  const isFilling = stored.documents === "filling";
  if (storedVersion < known) {
    const left: PastShape = { shape: stored.shape, ...(isFilling ? { fills: true } : {}) };
    const between = schemas.slice(storedVersion, -1).map((schema) => schema.fingerprint);
    return {
      past: [...stored.past, left, ...between.map((shape) => ({ shape }))],
      documents: "upgrading",
      evolves: true,
      fills: [...fills.slice(0, -1), fills.at(-1)! || isFilling, ...between.map(NO), false],
    };
  }
  const fillsNewest = fills.at(-1)! || isFilling;
  return {
    past: stored.past,
    documents: fillsNewest ? "filling" : stored.documents,
    evolves: false,
    fills: [...fills.slice(0, -1), fillsNewest],
  };
}

/** The past of a collection that is new. */
export function pastOf({ past }: CollectionDefinition): readonly PastShape[] {
  return past.map(({ schema }) => ({ shape: schema.fingerprint }));
}

const NO = (): boolean => false;
const SAME: ShapeChange = { difference: undefined, fill: false };

function changeOf(
  name: string,
  stored: string,
  schema: { readonly fingerprint: string; readonly shape: ObjectShape },
): ShapeChange {
  if (stored === schema.fingerprint) return SAME;
  const shape = parseShape(name, stored);
  if (shape.kind !== "object") return { difference: "the stored shape is no object", fill: false };
  return shapeChange(shape, schema.shape);
}

function newer(stored: number, known: number): SchemaDifference {
  return {
    reason: "newer",
    text: `the stored documents are of version ${stored} of the schema, the program knows ${
      known === 1 ? "version 1 alone" : `the versions 1 to ${known}`
    }`,
  };
}

function misfit(version: number, known: number, difference: string): SchemaDifference {
  return {
    reason: "past",
    text: `version ${version} of ${known} in the program is not version ${version} as it was stored: ${difference}`,
  };
}

function missing(
  definition: CollectionDefinition,
  stored: string,
  difference: string,
): SchemaDifference {
  const shape = parseShape(definition.name, stored);
  const before = shape.kind === "object" ? shape : OPAQUE_SHAPE;
  const step = missingStep(before, definition.schema.shape, versionOf(definition) + 1);
  return { reason: "fields", text: difference, missingStep: step };
}
