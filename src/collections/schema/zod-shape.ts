/**
 * Reads the shape of a zod schema: of its output, which is what is stored.
 *
 * Always true:
 * (1) What a document cannot hold (a Map, a function, an instance of a class) is refused where the collection is defined,
 *     not at the first insert.
 * (2) So is a transform without a way back: a document that is changed goes through its schema again, which would then
 *     transform what was transformed already.
 * (3) So is a check or a codec that is an async function: nothing here waits. One that gives a promise without saying so
 *     is found out by the first document.
 */
import type { $ZodType, $ZodTypes } from "zod/v4/core";
import { isWellFormed } from "../key/value-order.ts";
import { isLongMarked } from "./storable.ts";
import {
  NULL_SHAPE,
  UNDEFINED_SHAPE,
  UNKNOWN_SHAPE,
  arrayShape,
  leafShape,
  membersOf,
  objectShape,
} from "./field-shape.ts";
import type { FieldShape, LiteralValue } from "./field-shape.ts";
import { referencedCollection } from "./reference.ts";
import { mayBe } from "./shape-lookup.ts";
import { intersectionOf, unionOf, withoutKind } from "./shape-algebra.ts";

/** What was found on the way through a schema. */
export interface ZodReading {
  readonly shape: FieldShape;
  /** Somewhere the stored value differs from the input: the way back is z.encode. */
  readonly hasCodec: boolean;
  /** Somewhere a value is replaced by what a function makes of it: trim() is one, and so is any other. */
  readonly hasOverwrite: boolean;
}

/** Why a schema cannot be a collection's. */
export class UnfitSchema extends Error {}

export function readZodSchema(schema: $ZodType): ZodReading {
  const reader = new ZodReader();
  const shape = reader.shape(schema, []);
  return { shape, hasCodec: reader.hasCodec, hasOverwrite: reader.hasOverwrite };
}

type Def = $ZodTypes["_zod"]["def"];
type DefOf<T extends Def["type"]> = Extract<Def, { readonly type: T }>;
type Place = readonly string[];
/** Where definitions of zod have functions of the program. */
interface Functions {
  readonly fn?: unknown;
  readonly transform?: unknown;
  readonly reverseTransform?: unknown;
  readonly checks?: readonly {
    readonly _zod: { readonly check?: unknown; readonly def: CheckDef };
  }[];
}
interface CheckDef {
  readonly check?: unknown;
  readonly fn?: unknown;
  readonly tx?: unknown;
}

/** Types that say all by themselves. */
const simpleShapes: Partial<Record<Def["type"], FieldShape>> = {
  number: leafShape("number"),
  boolean: leafShape("boolean"),
  bigint: leafShape("bigint"),
  date: leafShape("date"),
  null: NULL_SHAPE,
  undefined: UNDEFINED_SHAPE,
  void: UNDEFINED_SHAPE,
  never: UNDEFINED_SHAPE,
  any: UNKNOWN_SHAPE,
  unknown: UNKNOWN_SHAPE,
  template_literal: leafShape("string"),
};

class ZodReader {
  hasCodec = false;
  hasOverwrite = false;
  /** The schemas that are being read, outermost first. */
  readonly #open = new Set<$ZodType>();
  /** How many codecs' inputs we are in: nothing of them is stored, but all of it needs a way back. */
  #inputs = 0;

  shape(schema: $ZodType, place: Place): FieldShape {
    if (this.#open.has(schema)) return UNKNOWN_SHAPE;
    this.#open.add(schema);
    const { def } = (schema as $ZodTypes)._zod;
    try {
      this.#look(def, place);
      return this.#read(schema, def, place);
    } finally {
      this.#open.delete(schema);
    }
  }

  /** The functions of the program in a schema: none may be asynchronous. */
  #look(def: Def, place: Place): void {
    const { checks = [], fn, reverseTransform, transform } = def as Functions;
    const inside = checks.flatMap(({ _zod }) => [_zod.check, _zod.def.fn, _zod.def.tx]);
    if ([fn, reverseTransform, transform, ...inside].some(isAsyncFunction))
      unfit(place, "an async function checks or transforms it; check what needs waiting before");
    if (checks.some(({ _zod }) => mayOverwrite(_zod.def))) this.hasOverwrite = true;
  }

  #read(schema: $ZodType, def: Def, place: Place): FieldShape {
    const simple = simpleShapes[def.type];
    if (simple !== undefined) return simple;
    if ("innerType" in def) return this.#wrapper(def, place);
    if (def.type === "string") return stringShape(schema);
    if (def.type === "literal" || def.type === "enum") {
      return literalShape([...(schema._zod.values ?? [])], place);
    }
    if (def.type === "object") return this.#object(def, place);
    if (def.type === "record") return this.#record(def, place);
    if (def.type === "array") return arrayShape(this.shape(def.element, [...place, "[]"]));
    if (def.type === "tuple") return this.#tuple(def, place);
    if (def.type === "union") {
      return unionOf(def.options.map((option) => this.shape(option, place)));
    }
    if (def.type === "intersection") {
      return intersectionOf(this.shape(def.left, place), this.shape(def.right, place));
    }
    if (def.type === "pipe") return this.#pipe(def, place);
    if (def.type === "lazy") return this.shape(def.getter(), place);
    if (def.type === "custom" && this.#inputs === 0) return customShape(schema, place);
    return this.#unfit(def, place);
  }

  /** Schemas around another one. */
  #wrapper(def: Extract<Def, { readonly innerType: unknown }>, place: Place): FieldShape {
    const inner = this.shape(def.innerType, place);
    switch (def.type) {
      case "optional":
        return unionOf([inner, UNDEFINED_SHAPE]);
      case "nullable":
        return unionOf([inner, NULL_SHAPE]);
      case "default":
      case "nonoptional":
        return withoutKind(inner, "undefined") ?? UNDEFINED_SHAPE;
      case "prefault":
      case "catch":
      case "readonly":
        return inner;
      case "promise":
      case "success":
        return this.#unfit(def, place);
    }
  }

  /** What no document can hold; on the input side of a codec it need not. */
  #unfit(def: Def, place: Place): FieldShape {
    if (def.type === "transform" || def.type === "success") {
      return unfit(place, "a transform has no way back; write a codec (z.codec) instead");
    }
    if (def.type === "map") {
      this.shape(def.keyType, place);
      this.shape(def.valueType, place);
      return this.#unstored(place, "a Map cannot be stored; write a record or an array instead");
    }
    if (def.type === "set") {
      this.shape(def.valueType, place);
      return this.#unstored(place, "a Set cannot be stored; write an array instead");
    }
    return this.#unstored(place, `a value of the type ${def.type} cannot be stored`);
  }

  #unstored(place: Place, problem: string): FieldShape {
    return this.#inputs > 0 ? UNKNOWN_SHAPE : unfit(place, problem);
  }

  #object(def: DefOf<"object">, place: Place): FieldShape {
    const fields: [string, FieldShape][] = [];
    const defaults: string[] = [];
    for (const name of Object.keys(def.shape)) {
      const schema = def.shape[name]!;
      checkFieldName(name, place);
      const shape = this.shape(schema, [...place, name]);
      fields.push([name, shape]);
      const mayBeLeftOut = schema._zod.optin !== undefined;
      if (mayBeLeftOut && !mayBe(shape, "undefined")) defaults.push(name);
    }
    const { catchall } = def;
    const closed = catchall === undefined || catchall._zod.def.type === "never";
    const rest = closed ? undefined : this.shape(catchall, [...place, "*"]);
    return objectShape(fields, { rest, defaults });
  }

  #record(def: DefOf<"record">, place: Place): FieldShape {
    const value = this.shape(def.valueType, [...place, "*"]);
    const names = [...(def.keyType._zod.values ?? [])].map(String);
    const loose = "mode" in def && def.mode === "loose";
    if (names.length === 0 || loose)
      return objectShape([], { rest: loose ? UNKNOWN_SHAPE : value });
    for (const name of names) checkFieldName(name, place);
    const partial = "partial" in def && def.partial === true;
    const field = partial ? unionOf([value, UNDEFINED_SHAPE]) : value;
    return objectShape(names.map((name) => [name, field] as const));
  }

  #tuple(def: DefOf<"tuple">, place: Place): FieldShape {
    const schemas = def.rest === null ? def.items : [...def.items, def.rest];
    const elements = schemas.map((schema) => this.shape(schema, [...place, "[]"]));
    return arrayShape(unionOf(elements));
  }

  #pipe(def: DefOf<"pipe">, place: Place): FieldShape {
    const isCodec = def.transform !== undefined && def.reverseTransform !== undefined;
    this.#inputs += isCodec ? 1 : 0;
    const input = this.shape(def.in, place);
    this.#inputs -= isCodec ? 1 : 0;
    const output = this.shape(def.out, place);
    if (isCodec) {
      this.hasCodec = true;
      return output;
    }
    const accepted = new Set(membersOf(input).map((member) => member.kind));
    const goesBack =
      accepted.has("unknown") || membersOf(output).every((member) => accepted.has(member.kind));
    if (!goesBack)
      unfit(place, "a pipe gives what its own input refuses; write a codec (z.codec) instead");
    return output;
  }
}

/** Those of overwrite(); those of check() and superRefine() are handed the value in a place that they may write to. */
function mayOverwrite({ check, fn, tx }: CheckDef): boolean {
  return tx !== undefined || (check === "custom" && fn === undefined);
}

function isAsyncFunction(value: unknown): boolean {
  return Object.prototype.toString.call(value) === "[object AsyncFunction]";
}

function stringShape(schema: $ZodType): FieldShape {
  const collection = referencedCollection(schema);
  return collection === undefined ? leafShape("string") : Object.freeze({ kind: "id", collection });
}

function literalShape(values: readonly unknown[], place: Place): FieldShape {
  const byType = new Map<string, LiteralValue[]>();
  const members: FieldShape[] = [];
  for (const value of values) {
    if (value === null) members.push(NULL_SHAPE);
    else if (value === undefined) members.push(UNDEFINED_SHAPE);
    else if (!isLiteral(value))
      unfit(place, "a literal is NaN, ill-formed, or of a type that cannot be stored");
    else byType.set(typeof value, [...(byType.get(typeof value) ?? []), value]);
  }
  for (const [type, ofType] of byType) {
    members.push(leafShape(type as "string" | "number" | "bigint" | "boolean", ofType));
  }
  return unionOf(members);
}

function isLiteral(value: unknown): value is LiteralValue {
  if (typeof value === "string") return isWellFormed(value);
  if (typeof value === "number") return !Number.isNaN(value);
  return typeof value === "bigint" || typeof value === "boolean";
}

/** z.instanceof says which class it means; of other custom schemas nothing is known. */
function customShape(schema: $ZodType, place: Place): FieldShape {
  const type: unknown = (schema._zod.bag as { readonly Class?: unknown }).Class;
  if (type === undefined) return UNKNOWN_SHAPE;
  if (type === Uint8Array) return leafShape("bytes");
  // oxlint-disable-next-line eslint/no-restricted-globals
  if (type === Date) return leafShape("date");
  const name = typeof type === "function" ? type.name : "an unknown class";
  return unfit(
    place,
    `instances of ${name} cannot be stored; write a codec to plain values instead`,
  );
}

function checkFieldName(name: string, place: Place): void {
  if (name === "__proto__") unfit(place, "a field cannot be called __proto__");
  if (isLongMarked(name))
    unfit(place, "a long name of a field cannot begin with a byte order mark");
  if (!isWellFormed(name)) unfit(place, "a field's name has a lone surrogate");
}

function unfit(place: Place, problem: string): never {
  throw new UnfitSchema(place.length === 0 ? problem : `${place.join(".")}: ${problem}`);
}
