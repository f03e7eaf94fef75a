/** What a shape says about a place in a document. */
import { typeClass } from "../key/value-order.ts";
import type { FieldPath } from "../path/field-path.ts";
import type { Scalar } from "./document-type.ts";
import { STRING_SHAPE, UNDEFINED_SHAPE, UNKNOWN_SHAPE, membersOf } from "./field-shape.ts";
import type { FieldShape, MemberShape, ObjectShape } from "./field-shape.ts";
import { unionOf } from "./shape-algebra.ts";

/** May the value be of this kind? What is unknown may be anything. */
export function mayBe(shape: FieldShape, kind: MemberShape["kind"]): boolean {
  return membersOf(shape).some((member) => member.kind === kind || member.kind === "unknown");
}

/** The shape of a field of `shape`; undefined where no document has such a field. */
export function fieldShape(shape: FieldShape, name: string): FieldShape | undefined {
  if (shape.kind !== "union") return fieldOfMember(shape, name);
  const found: FieldShape[] = [];
  let missing = false;
  for (const member of membersOf(shape)) {
    const field = fieldOfMember(member, name);
    if (field === undefined) missing = true;
    else found.push(field);
  }
  if (found.length === 0) return undefined;
  return unionOf(missing ? [...found, UNDEFINED_SHAPE] : found);
}

function fieldOfMember(member: MemberShape, name: string): FieldShape | undefined {
  if (member.kind === "unknown") return UNKNOWN_SHAPE;
  if (member.kind !== "object") return undefined;
  const named = member.fields.get(name);
  if (named !== undefined || !member.open) return named;
  if (member.rest === undefined || member.rest.kind === "unknown") return UNKNOWN_SHAPE;
  return unionOf([member.rest, UNDEFINED_SHAPE]);
}

/** The shape of the elements where `shape` may be an array, else undefined. */
export function elementShape(shape: FieldShape): FieldShape | undefined {
  const found: FieldShape[] = [];
  for (const member of membersOf(shape)) {
    if (member.kind === "array") found.push(member.element);
    if (member.kind === "unknown") found.push(UNKNOWN_SHAPE);
  }
  return found.length === 0 ? undefined : unionOf(found);
}

/** What stands at a path (with [] the elements); undefined where no document has such a place. */
export function shapeAt(shape: FieldShape, path: FieldPath): FieldShape | undefined {
  let at: FieldShape | undefined = shape;
  for (const name of path.before) at = at && fieldShape(at, name);
  if (path.each) at = at && elementShape(at);
  for (const name of path.after) at = at && fieldShape(at, name);
  return at;
}

/**
 * Why a field of documents of this shape can never have the value, in words; undefined if it may. Null fits every field,
 * and each value one that is unknown.
 */
export function typeProblem(
  shape: ObjectShape,
  path: FieldPath,
  value: Scalar,
): string | undefined {
  if (value === null) return undefined;
  const at = path.text === "id" ? STRING_SHAPE : shapeAt(shape, path);
  const of = typeClass(value)!;
  const kinds: readonly string[] = of === "string" ? ["string", "id", "unknown"] : [of, "unknown"];
  if (at === undefined || membersOf(at).some(({ kind }) => kinds.includes(kind))) return undefined;
  const expected = membersOf(at).map(({ kind }) => kind);
  return `the field is ${expected.join(" or ")}, the value is of the type ${of}`;
}

/** A document's shape with its id, as filters, indexes and orders see it. */
export function withId(shape: ObjectShape): ObjectShape {
  return Object.freeze({ ...shape, fields: new Map([["id", STRING_SHAPE], ...shape.fields]) });
}
