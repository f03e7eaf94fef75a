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
import { CorruptionError } from "../../engine/contract/index.ts";
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

/** The kinds of values without fields, and which of them may be told by their literals. */
const LEAF_KINDS: Readonly<Record<LeafKind, boolean>> = {
  string: true,
  number: true,
  boolean: true,
  bigint: true,
  date: false,
  bytes: false,
  id: false,
  null: false,
  undefined: false,
};
/** How much of a text that is no shape an error shows. */
const SHOWN_MAX = 64;

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

/**
 * Reads what shapeText wrote; `collection` is whose shape it is.
 *
 * @throws CorruptionError for anything that is no shape: the text comes from a disk.
 */
export function parseShape(collection: string, text: string): FieldShape {
  try {
    const shape = shapeOf(JSON.parse(text));
    if (shape !== undefined) return shape;
  } catch {
    // No JSON, or nested deeper than a schema can be: falls through to the error that shows the text.
  }
  throw new CorruptionError({
    file: `catalog row of ${collection}`,
    offset: 0,
    expected: "the text of a shape",
    found: text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text,
  });
}

/** The shape that this JSON describes; undefined if it describes none. */
function shapeOf(json: unknown): FieldShape | undefined {
  if (json === "unknown") return UNKNOWN_SHAPE;
  if (typeof json === "string") return isLeafKind(json) ? leafShape(json) : undefined;
  if (!isNode(json)) return undefined;
  if (json["union"] !== undefined) return unionFrom(json["union"]);
  if (json["array"] !== undefined) {
    const element = shapeOf(json["array"]);
    return element && arrayShape(element);
  }
  if (json["object"] !== undefined) return objectFrom(json);
  const [entry, ...others] = Object.entries(json);
  return entry === undefined || others.length > 0 ? undefined : leafFrom(entry[0], entry[1]);
}

function unionFrom(json: unknown): FieldShape | undefined {
  const members = Array.isArray(json) ? allOf(json.map(shapeOf)) : undefined;
  if (members === undefined || members.some(({ kind }) => kind === "union")) return undefined;
  return Object.freeze({ kind: "union", members: Object.freeze(members as MemberShape[]) });
}

function objectFrom(node: Node): ObjectShape | undefined {
  const { defaults = [], object } = node;
  if (!isNode(object) || !isStrings(defaults)) return undefined;
  const names = Object.keys(object);
  const fields = allOf(names.map((name) => shapeOf(object[name])));
  const rest = node["rest"] === undefined ? undefined : shapeOf(node["rest"]);
  if (fields === undefined || (rest === undefined && node["rest"] !== undefined)) return undefined;
  return objectShape(
    names.map((name, i) => [name, fields[i]!] as const),
    { rest, defaults },
  );
}

function leafFrom(kind: string, detail: unknown): LeafShape | undefined {
  if (kind === "id") {
    return typeof detail === "string" ? Object.freeze({ kind, collection: detail }) : undefined;
  }
  if (!isLiteralKind(kind) || !Array.isArray(detail)) return undefined;
  const stored = kind === "bigint" ? "string" : kind;
  if (!detail.every((value): value is LiteralValue => typeof value === stored)) return undefined;
  return leafShape(kind, kind === "bigint" ? detail.map(BigInt) : detail);
}

type Node = Readonly<Record<string, unknown>>;

function isNode(json: unknown): json is Node {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function isStrings(json: unknown): json is readonly string[] {
  return Array.isArray(json) && json.every((one) => typeof one === "string");
}

/** The list, if nothing in it is missing. */
function allOf<T>(list: readonly (T | undefined)[]): readonly T[] | undefined {
  return list.every((one) => one !== undefined) ? list : undefined;
}

function isLeafKind(kind: string): kind is LeafKind {
  return Object.hasOwn(LEAF_KINDS, kind);
}

type LiteralKind = "string" | "number" | "boolean" | "bigint";
function isLiteralKind(kind: string): kind is LiteralKind {
  return isLeafKind(kind) && LEAF_KINDS[kind];
}
