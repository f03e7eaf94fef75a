/**
 * Shapes put together: what fits one of several (union), and what fits both of two (intersection).
 *
 * Always true: the result is flat and has at most one member of each kind. Objects become one object whose fields may be
 * missing where one of them lacks it, so that a field of a discriminated union is found without its discriminator.
 */
import {
  UNDEFINED_SHAPE,
  UNKNOWN_SHAPE,
  arrayShape,
  leafShape,
  membersOf,
  objectShape,
} from "./field-shape.ts";
import type { FieldShape, LeafShape, MemberShape, ObjectShape } from "./field-shape.ts";

/** The order of a union's members, so that equal unions look equal. */
const memberOrder: readonly MemberShape["kind"][] = [
  "string",
  "id",
  "number",
  "bigint",
  "boolean",
  "date",
  "bytes",
  "object",
  "array",
  "null",
  "undefined",
];

/** What fits one of the shapes. Of no shape: nothing, which a document can only have as a missing field. */
export function unionOf(shapes: readonly FieldShape[]): FieldShape {
  const [first, ...others] = shapes;
  if (first !== undefined && others.length === 0) return first;
  const byKind = new Map<MemberShape["kind"], MemberShape>();
  for (const member of shapes.flatMap(membersOf)) {
    if (member.kind === "unknown") return UNKNOWN_SHAPE;
    const before = byKind.get(member.kind);
    byKind.set(member.kind, before === undefined ? member : unionOfSameKind(before, member));
  }
  return shapeOfMembers(byKind);
}

/** What fits both shapes. */
export function intersectionOf(a: FieldShape, b: FieldShape): FieldShape {
  if (a.kind === "unknown") return b;
  if (b.kind === "unknown") return a;
  const ofB = new Map(membersOf(b).map((member) => [member.kind, member]));
  const byKind = new Map<MemberShape["kind"], MemberShape>();
  for (const member of membersOf(a)) {
    const other = ofB.get(member.kind);
    if (other !== undefined) byKind.set(member.kind, intersectionOfSameKind(member, other));
  }
  return shapeOfMembers(byKind);
}

/** The shape without a kind; undefined where nothing is left. */
export function withoutKind(shape: FieldShape, kind: MemberShape["kind"]): FieldShape | undefined {
  const left = membersOf(shape).filter((member) => member.kind !== kind);
  return left.length === 0 ? undefined : unionOf(left);
}

function shapeOfMembers(byKind: ReadonlyMap<MemberShape["kind"], MemberShape>): FieldShape {
  const members = memberOrder.flatMap((kind) => byKind.get(kind) ?? []);
  const [first, second] = members;
  if (first === undefined) return UNDEFINED_SHAPE;
  return second === undefined
    ? first
    : Object.freeze({ kind: "union", members: Object.freeze(members) });
}

function unionOfSameKind(a: MemberShape, b: MemberShape): MemberShape {
  if (a.kind === "object" && b.kind === "object") return unionOfObjects(a, b);
  if (a.kind === "array" && b.kind === "array") return arrayShape(unionOf([a.element, b.element]));
  return unionOfLeaves(a as LeafShape, b as LeafShape);
}

function unionOfLeaves(a: LeafShape, b: LeafShape): LeafShape {
  if (a.kind === "id") return a.collection === b.collection ? a : leafShape("id");
  if (a.values === undefined || b.values === undefined) return leafShape(a.kind);
  return leafShape(a.kind, [...a.values, ...b.values]);
}

function unionOfObjects(a: ObjectShape, b: ObjectShape): ObjectShape {
  const fields = [...namesOf(a, b)].map((name) => {
    const shapes = [fieldIn(a, name), fieldIn(b, name)];
    return [name, unionOf(shapes)] as const;
  });
  return objectShape(fields, {
    rest: a.open || b.open ? unionOf([a, b].flatMap(restOf)) : undefined,
    defaults: [...a.defaults, ...b.defaults],
  });
}

/** What a field of an object holds, be it named, one of the rest, or never there. */
function fieldIn(object: ObjectShape, name: string): FieldShape {
  const named = object.fields.get(name);
  if (named !== undefined) return named;
  return unionOf([...restOf(object), UNDEFINED_SHAPE]);
}

function restOf(object: ObjectShape): readonly FieldShape[] {
  return object.open ? [object.rest ?? UNKNOWN_SHAPE] : [];
}

function namesOf(a: ObjectShape, b: ObjectShape): Set<string> {
  return new Set([...a.fields.keys(), ...b.fields.keys()]);
}

function intersectionOfSameKind(a: MemberShape, b: MemberShape): MemberShape {
  if (a.kind === "object" && b.kind === "object") return intersectionOfObjects(a, b);
  if (a.kind === "array" && b.kind === "array")
    return arrayShape(intersectionOf(a.element, b.element));
  const [leafA, leafB] = [a as LeafShape, b as LeafShape];
  if (leafA.values === undefined) return leafB;
  if (leafB.values === undefined) return leafA;
  const both = leafA.values.filter((value) => leafB.values?.includes(value));
  return leafShape(leafA.kind, both);
}

/** Both sides of an intersection read the same object: each lets the other's fields through. */
function intersectionOfObjects(a: ObjectShape, b: ObjectShape): ObjectShape {
  const fields = [...namesOf(a, b)].map((name) => {
    const [ofA, ofB] = [a.fields.get(name), b.fields.get(name)];
    return [name, ofA && ofB ? intersectionOf(ofA, ofB) : (ofA ?? ofB ?? UNKNOWN_SHAPE)] as const;
  });
  return objectShape(fields, {
    rest: a.open || b.open ? unionOf([a, b].flatMap(restOf)) : undefined,
    defaults: [...a.defaults, ...b.defaults],
  });
}
