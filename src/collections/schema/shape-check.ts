/**
 * A schema made of a shape alone: for tools, which have a collection's stored shape and not the program's schema. It
 * checks kinds, literals and names; what a schema may check beyond them (lengths, patterns, refinements) no shape shows.
 */
import { isDate } from "../key/value-order.ts";
import { ValidationError } from "../collection-error.ts";
import type { ValidationIssue } from "../collection-error.ts";
import type { DocumentSchema } from "./document-schema.ts";
import { membersOf, UNKNOWN_SHAPE } from "./field-shape.ts";
import type { FieldShape, MemberShape, ObjectShape } from "./field-shape.ts";
import { documentDepthMax, inputIssues, storableCopy } from "./storable.ts";

/** `fingerprint`: the text of the shape. */
export function shapeSchema(
  collection: string,
  shape: ObjectShape,
  fingerprint: string,
): DocumentSchema {
  const validate = (input: unknown): Record<string, unknown> => {
    const issues = inputIssues(input);
    if (issues.length === 0) new ShapeCheck(issues).value(shape, input, []);
    const copy = issues.length === 0 ? storableCopy(input, issues) : undefined;
    if (issues.length > 0) throw new ValidationError(collection, issues);
    return copy as Record<string, unknown>;
  };
  return { shape, fingerprint, validate, revalidate: validate };
}

type Path = readonly PropertyKey[];

/** As many as anyone reads. */
const ISSUES_MAX = 20;

class ShapeCheck {
  readonly #issues: ValidationIssue[];

  constructor(issues: ValidationIssue[]) {
    this.#issues = issues;
  }

  value(shape: FieldShape, value: unknown, path: Path): void {
    if (this.#issues.length >= ISSUES_MAX || path.length > documentDepthMax) return;
    const members = membersOf(shape);
    if (members.some(({ kind }) => kind === "unknown")) return;
    const kinds = kindsOf(value);
    const member = members.find(({ kind }) => kinds.includes(kind));
    if (member === undefined) return this.#refuse(path, unfitting(members, value));
    if (member.kind === "object") this.#fields(member, value as Record<string, unknown>, path);
    else if (member.kind === "array") {
      for (const [i, one] of (value as readonly unknown[]).entries()) {
        this.value(member.element, one, [...path, i]);
      }
    } else if ("values" in member && member.values?.includes(value as string) === false) {
      this.#refuse(path, "is none of the values that the field may have");
    }
  }

  #fields(shape: ObjectShape, fields: Readonly<Record<string, unknown>>, path: Path): void {
    for (const [name, field] of shape.fields) {
      if (Object.hasOwn(fields, name)) continue;
      if (membersOf(field).some(({ kind }) => kind === "undefined" || kind === "unknown")) continue;
      const hint = shape.defaults.has(name) ? "; its default is known to the program alone" : "";
      this.#refuse([...path, name], `is missing${hint}`);
    }
    for (const name of Object.keys(fields)) {
      const field =
        shape.fields.get(name) ?? (shape.open ? (shape.rest ?? UNKNOWN_SHAPE) : undefined);
      if (field === undefined) this.#refuse([...path, name], "is no field of the collection");
      else this.value(field, fields[name], [...path, name]);
    }
  }

  #refuse(path: Path, message: string): void {
    if (this.#issues.length < ISSUES_MAX) this.#issues.push({ path, message });
  }
}

function kindsOf(value: unknown): readonly MemberShape["kind"][] {
  switch (typeof value) {
    case "string":
      return ["string", "id"];
    case "number":
    case "bigint":
    case "boolean":
    case "undefined":
      return [typeof value] as readonly MemberShape["kind"][];
    default:
      if (value === null) return ["null"];
      if (Array.isArray(value)) return ["array"];
      if (isDate(value)) return ["date"];
      return [value instanceof Uint8Array ? "bytes" : "object"];
  }
}

function unfitting(members: readonly MemberShape[], value: unknown): string {
  return `is ${kindsOf(value)[0]!}, not ${members.map(({ kind }) => kind).join(" or ")}`;
}
