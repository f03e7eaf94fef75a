/**
 * Documents as JSON that can be read back without loss. JSON has strings, numbers, booleans, null, arrays and objects; a
 * document may hold more. What else there is becomes a string where the collection's shape leaves no doubt what that
 * string is, and a tag elsewhere: an object of one field whose name begins with "$".
 *
 *   value               where the shape says so       elsewhere
 *   date                "2026-01-31T12:00:00.000Z"    {"$date":"2026-01-31T12:00:00.000Z"}
 *   bigint              "9007199254740993"            {"$bigint":"9007199254740993"}
 *   bytes               "AQL+" (base64)               {"$bytes":"AQL+"}
 *   undefined           the field is left out         {"$undefined":true}
 *   -0, Infinity        -                             {"$number":"-0"}, {"$number":"-Infinity"}
 *   {"$date":1}         -                             {"$$date":1}
 *
 * Always true:
 * (1) What documentJson() writes, documentOfJson() reads back equal, for the same shape. A field whose shape allows
 *     undefined, and which holds it, comes back as a missing field: to the database both are the same.
 * (2) A tag may stand where the short form could; who writes JSON by hand needs neither more often than the table says.
 * (3) An object with one field whose name begins with "$" gets one "$" more, so that no data looks like a tag. A tag that
 *     is not known is refused, never taken for data. The document itself is never a tag.
 * (4) Of a field that stands twice in an object the last one counts, as JavaScript reads JSON.
 * (5) A string stands for a date (a bigint, bytes) where the shape allows no other value that is written as a string.
 */
import { membersOf, UNKNOWN_SHAPE } from "../schema/field-shape.ts";
import type { FieldShape, MemberShape, ObjectShape } from "../schema/field-shape.ts";
import { elementShape, fieldShape, mayBe } from "../schema/shape-lookup.ts";
import { documentDepthMax, isPlainObject } from "../schema/storable.ts";
import { bytesOfBase64, base64OfBytes, dateOfText, bigintOfText } from "./scalar-text.ts";
import { Unreadable } from "./unreadable.ts";

/** What a string stands for at a place; "text" is itself. */
type StringMeaning = "text" | "date" | "bigint" | "bytes";

const meanings = new WeakMap<FieldShape, StringMeaning>();

function meaningOfStrings(shape: FieldShape): StringMeaning {
  let meaning = meanings.get(shape);
  if (meaning === undefined) meanings.set(shape, (meaning = readMeaning(shape)));
  return meaning;
}

function readMeaning(shape: FieldShape): StringMeaning {
  let found: StringMeaning | undefined;
  for (const { kind } of membersOf(shape)) {
    if (kind === "unknown" || kind === "string" || kind === "id") return "text";
    if (kind !== "date" && kind !== "bigint" && kind !== "bytes") continue;
    if (found !== undefined) return "text";
    found = kind;
  }
  return found ?? "text";
}

/** May a JSON number stand for a bigint here? Only where no number can be meant. */
function numbersAreBigints(shape: FieldShape): boolean {
  return meaningOfStrings(shape) === "bigint" && !mayBe(shape, "number");
}

function fieldOf(shape: FieldShape, name: string): FieldShape {
  return fieldShape(shape, name) ?? UNKNOWN_SHAPE;
}

function elementOf(shape: FieldShape): FieldShape {
  return elementShape(shape) ?? UNKNOWN_SHAPE;
}

// ---------------------------------------------------------------- writing

/** One document as one line of JSON, without its end, or indented by so many spaces; `id` first. */
export function documentJson(
  document: Readonly<Record<string, unknown>> & { readonly id: string },
  shape: ObjectShape,
  spaces?: number,
): string {
  const { id, ...fields } = document;
  return JSON.stringify({ id, ...jsonFields(fields, shape) }, undefined, spaces);
}

function jsonOf(value: unknown, shape: FieldShape): unknown {
  switch (typeof value) {
    case "string":
      return meaningOfStrings(shape) === "text" ? value : { $string: value };
    case "number":
      return isJsonNumber(value) && !numbersAreBigints(shape)
        ? value
        : { $number: Object.is(value, -0) ? "-0" : String(value) };
    case "bigint":
      return short(shape, "bigint") ? String(value) : { $bigint: String(value) };
    case "undefined":
      return { $undefined: true };
    case "object":
      return value === null ? null : jsonOfObject(value, shape);
    default:
      return value;
  }
}

function isJsonNumber(value: number): boolean {
  return Number.isFinite(value) && !Object.is(value, -0);
}

function short(shape: FieldShape, kind: StringMeaning): boolean {
  return meaningOfStrings(shape) === kind;
}

function jsonOfObject(value: object, shape: FieldShape): unknown {
  if (Array.isArray(value)) {
    const element = elementOf(shape);
    return value.map((one) => jsonOf(one, element));
  }
  if (value instanceof Date) {
    const text = value.toISOString();
    return short(shape, "date") ? text : { $date: text };
  }
  if (value instanceof Uint8Array) {
    const text = base64OfBytes(value);
    return short(shape, "bytes") ? text : { $bytes: text };
  }
  const fields = jsonFields(value as Readonly<Record<string, unknown>>, shape);
  const [name, second] = Object.keys(fields);
  if (name === undefined || second !== undefined || !name.startsWith("$")) return fields;
  return { [`$${name}`]: fields[name] };
}

function jsonFields(
  fields: Readonly<Record<string, unknown>>,
  shape: FieldShape,
): Record<string, unknown> {
  const written: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (value === undefined && mayBeMissing(shape, name)) continue;
    written[name] = jsonOf(value, fieldOf(shape, name));
  }
  return written;
}

/** Is a missing field the same as one that is undefined? Not where a default would come in its place. */
function mayBeMissing(shape: FieldShape, name: string): boolean {
  const object = membersOf(shape).find(
    (member: MemberShape): member is ObjectShape => member.kind === "object",
  );
  const field = object?.fields.get(name);
  return (
    field !== undefined &&
    !object!.defaults.has(name) &&
    membersOf(field).some(({ kind }) => kind === "undefined")
  );
}

// ---------------------------------------------------------------- reading

/**
 * The document that a JSON text describes; its `id`, if there is one, among the fields and not looked at.
 *
 * @throws Unreadable naming the field and what is wrong with it.
 */
export function documentOfJson(text: string, shape: ObjectShape): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Unreadable([], `it is no JSON: ${cause instanceof Error ? cause.message : ""}`);
  }
  if (!isPlainObject(json)) throw new Unreadable([], "it is no JSON object");
  return new Reading().fields(json, shape);
}

class Reading {
  /** Where the value stands that is being read. */
  readonly #path: (string | number)[] = [];

  fields(json: Readonly<Record<string, unknown>>, shape: FieldShape): Record<string, unknown> {
    const fields: Record<string, unknown> = {};
    for (const name of Object.keys(json)) {
      this.#path.push(name);
      if (name === "__proto__") throw this.#refuse("a field called __proto__ cannot be stored");
      fields[name] = this.#value(json[name], fieldOf(shape, name));
      this.#path.pop();
    }
    return fields;
  }

  #value(json: unknown, shape: FieldShape): unknown {
    if (typeof json === "string") {
      const meaning = meaningOfStrings(shape);
      return meaning === "text" ? json : this.#scalar(meaning, json);
    }
    if (typeof json === "number") return this.#number(json, shape);
    if (typeof json !== "object" || json === null) return json;
    if (this.#path.length >= documentDepthMax) {
      throw this.#refuse(`a value is nested more than ${documentDepthMax} deep`);
    }
    if (Array.isArray(json)) return this.#elements(json, shape);
    const [name, second] = Object.keys(json);
    if (name === undefined || second !== undefined || !name.startsWith("$")) {
      return this.fields(json as Readonly<Record<string, unknown>>, shape);
    }
    const value = (json as Readonly<Record<string, unknown>>)[name];
    if (name.startsWith("$$")) return this.fields({ [name.slice(1)]: value }, shape);
    return this.#tagged(name, value);
  }

  #elements(json: readonly unknown[], shape: FieldShape): unknown[] {
    const element = elementOf(shape);
    return json.map((one, i) => {
      this.#path.push(i);
      const value = this.#value(one, element);
      this.#path.pop();
      return value;
    });
  }

  #number(json: number, shape: FieldShape): unknown {
    if (!Number.isFinite(json)) throw this.#refuse("a number is too large for JavaScript");
    if (!numbersAreBigints(shape)) return json;
    if (Number.isSafeInteger(json)) return BigInt(json);
    throw this.#refuse("a bigint is written as a string of digits, or as a safe integer");
  }

  #scalar(meaning: Exclude<StringMeaning, "text">, text: string): unknown {
    if (meaning === "date") {
      return dateOfText(text) ?? this.#fail("a date is written as 2026-01-31T12:00:00.000Z");
    }
    if (meaning === "bigint") {
      return bigintOfText(text) ?? this.#fail("a bigint is written as decimal digits");
    }
    return bytesOfBase64(text) ?? this.#fail("bytes are written as base64");
  }

  #tagged(tag: string, value: unknown): unknown {
    if (tag === "$undefined" && value === true) return undefined;
    if (typeof value === "string") {
      if (tag === "$string") return value;
      if (tag === "$date" || tag === "$bigint" || tag === "$bytes") {
        return this.#scalar(tag.slice(1) as "date" | "bigint" | "bytes", value);
      }
      if (tag === "$number") return this.#taggedNumber(value);
    }
    throw this.#refuse(
      `"${tag}" is no tag that is known with such a value; an object with this one field is written with "$${tag}"`,
    );
  }

  #taggedNumber(text: string): number {
    const number = Number(text);
    // The spelling that the number itself has, so that nothing is rounded in silence.
    if (text === "-0" || String(number) === text) return number;
    throw this.#refuse("a $number is written as JavaScript writes it");
  }

  #fail(what: string): never {
    throw this.#refuse(what);
  }

  #refuse(what: string): Unreadable {
    return new Unreadable([...this.#path], what);
  }
}
