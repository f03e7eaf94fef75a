/**
 * Can an index entry alone stand for its document?
 *
 * Always true:
 * (1) A filter and an order take null and missing for the same, so a field of the key always serves them.
 * (2) A row must tell null from missing, which a key does not: a field of the key is selected only where the schema says
 *     that it is never either. Included fields are stored as they are.
 * (3) The elements of a list are never put together from entries.
 */
import { mayBe, shapeAt } from "../../collections/index.ts";
import type { BoundIndex, FieldPath, FilterNode, ObjectShape } from "../../collections/index.ts";

export interface Needs {
  readonly shape: ObjectShape;
  readonly select: readonly string[] | undefined;
  readonly residual: FilterNode;
  /** Fields that rows are sorted or paged by. */
  readonly order: readonly FieldPath[];
}

export function isCovered(index: BoundIndex, needs: Needs): boolean {
  const { select } = needs;
  if (select === undefined) return false;
  return (
    select.every((field) => givesWhole(index, field, needs.shape)) &&
    pathsOf(needs.residual).every((path) => givesValue(index, path)) &&
    needs.order.every((path) => givesValue(index, path))
  );
}

/** The index tells the field exactly as it is in the document. */
function givesWhole(index: BoundIndex, field: string, shape: ObjectShape): boolean {
  if (field === "id" || index.include.includes(field)) return true;
  const keyField = index.fields.find(({ path }) => isTopLevel(path, field));
  if (keyField === undefined) return false;
  const of = shapeAt(shape, keyField.path);
  return of !== undefined && !mayBe(of, "null") && !mayBe(of, "undefined");
}

function isTopLevel(path: FieldPath, field: string): boolean {
  return !path.each && path.before.length === 1 && path.before[0] === field;
}

/** The index tells the value at the path, but null from missing. */
function givesValue(index: BoundIndex, path: FieldPath): boolean {
  if (path.text === "id" || index.include.includes(path.before[0]!)) return true;
  return !path.each && index.fields.some((field) => field.path.text === path.text);
}

/** All places that a filter looks at; conditions on elements name their list. */
function pathsOf(node: FilterNode): readonly FieldPath[] {
  switch (node.kind) {
    case "all":
    case "none":
      return [];
    case "and":
    case "or":
      return node.nodes.flatMap(pathsOf);
    case "not":
      return pathsOf(node.node);
    case "compare":
    case "in":
    case "startsWith":
    case "has":
    case "size":
    case "some":
      return [node.path];
  }
}
