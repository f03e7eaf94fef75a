/**
 * Shapes as text, for the catalog: JSON, with fields in the order of their names, so that equal shapes have equal texts.
 *
 *   "string"                                     a kind
 *   {"string":["admin","user"]}                  its literals; bigints as decimal strings
 *   {"id":"users"}                               a reference
 *   {"array":<shape>}
 *   {"union":[<shape>,...]}
 *   {"object":{"name":<shape>},"rest":<shape>,"defaults":["name"]}    rest only of an open object, defaults if any
 *
 * Example: {"object":{"name":"string","role":{"string":["admin","user"]}},"defaults":["role"]}
 */
import { compareStrings } from "../key/value-order.ts";
import { arrayShape, leafShape, objectShape, UNKNOWN_SHAPE } from "./field-shape.ts";
import type {
  FieldShape,
  LeafKind,
  LeafShape,
  LiteralValue,
  MemberShape,
  ObjectShape,
} from "./field-shape.ts";

type Json = string | readonly unknown[] | { readonly [name: string]: unknown };

export function shapeText(shape: FieldShape): string {
  return JSON.stringify(jsonOf(shape));
}

function jsonOf(shape: FieldShape): Json {
  if (shape.kind === "unknown") return "unknown";
  if (shape.kind === "union") return { union: shape.members.map(jsonOf) };
  if (shape.kind === "array") return { array: jsonOf(shape.element) };
  return shape.kind === "object" ? jsonOfObject(shape) : jsonOfLeaf(shape);
}

function jsonOfLeaf(leaf: LeafShape): Json {
  if (leaf.collection !== undefined) return { [leaf.kind]: leaf.collection };
  if (leaf.values === undefined) return leaf.kind;
  const values = leaf.values.map((value) => (typeof value === "bigint" ? String(value) : value));
  return { [leaf.kind]: values.toSorted((a, b) => compareStrings(String(a), String(b))) };
}

function jsonOfObject(shape: ObjectShape): Json {
  const names = [...shape.fields.keys()].toSorted(compareStrings);
  const fields = names.map((name) => [name, jsonOf(shape.fields.get(name)!)] as const);
  return {
    object: Object.fromEntries(fields),
    ...(shape.open ? { rest: jsonOf(shape.rest ?? UNKNOWN_SHAPE) } : {}),
    ...(shape.defaults.size > 0 ? { defaults: [...shape.defaults].toSorted(compareStrings) } : {}),
  };
}

/** Reads what shapeText wrote. */
export function parseShape(text: string): FieldShape {
  return shapeOf(JSON.parse(text) as Json);
}

function shapeOf(json: Json): FieldShape {
  if (typeof json === "string") {
    return json === "unknown" ? UNKNOWN_SHAPE : leafShape(json as LeafKind);
  }
  const node = json as { readonly [name: string]: Json };
  if (node["union"] !== undefined) {
    const members = (node["union"] as readonly Json[]).map(shapeOf) as MemberShape[];
    return Object.freeze({ kind: "union", members: Object.freeze(members) });
  }
  if (node["array"] !== undefined) return arrayShape(shapeOf(node["array"]));
  if (node["object"] !== undefined) return objectOf(node);
  const [kind, detail] = Object.entries(node)[0]!;
  if (typeof detail === "string") return Object.freeze({ kind: "id", collection: detail });
  const values = detail as readonly LiteralValue[];
  return leafShape(kind as LeafKind, kind === "bigint" ? values.map(BigInt) : values);
}

function objectOf(node: { readonly [name: string]: Json }): ObjectShape {
  const fields = Object.entries(node["object"] as { readonly [name: string]: Json });
  return objectShape(
    fields.map(([name, json]) => [name, shapeOf(json)] as const),
    {
      rest: node["rest"] === undefined ? undefined : shapeOf(node["rest"]),
      defaults: (node["defaults"] ?? []) as readonly string[],
    },
  );
}
