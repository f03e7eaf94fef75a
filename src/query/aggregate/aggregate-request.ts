/** What aggregate() and groupBy() were handed, looked at before anything is read. */
import { InvalidQuery, membersOf, parsePath, shapeAt, withId } from "../../collections/index.ts";
import type { CollectionDefinition, FieldPath, FieldShape } from "../../collections/index.ts";
import { canBeOrdered, shown } from "../query-request.ts";

/** What a field's numbers are by its schema; undefined: the schema does not say. */
type NumberKind = "number" | "bigint" | undefined;

export type Measure =
  | { readonly kind: "count" }
  | { readonly kind: "sum" | "avg"; readonly path: FieldPath; readonly numbers: NumberKind }
  | { readonly kind: "min" | "max"; readonly path: FieldPath };

export interface AggregateRequest {
  readonly by: readonly FieldPath[];
  /** By their names in the result. */
  readonly measures: readonly (readonly [name: string, measure: Measure])[];
}

const KINDS: readonly string[] = ["count", "sum", "avg", "min", "max"];

/** Of groupBy(). @throws InvalidQuery naming the part that cannot be right. */
export function groupRequest(
  definition: CollectionDefinition,
  by: readonly unknown[],
  spec: unknown,
): AggregateRequest {
  if (by.length === 0)
    throw new InvalidQuery(
      definition.name,
      "groups are by one field at least; figures over all documents are aggregate()'s",
      "groupBy",
    );
  return aggregateRequest(definition, by, spec);
}

/** @throws InvalidQuery naming the part that cannot be right. */
export function aggregateRequest(
  definition: CollectionDefinition,
  by: readonly unknown[],
  spec: unknown,
): AggregateRequest {
  const paths = by.map((path) => groupPath(definition, path));
  const names = paths.map(({ text }) => text);
  const refuse = (problem: string, place?: string): never => {
    throw new InvalidQuery(definition.name, problem, place);
  };
  if (new Set(names).size < names.length) return refuse("a field is grouped by once", "groupBy");
  if (typeof spec !== "object" || spec === null || Array.isArray(spec))
    return refuse(`aggregate takes an object of figures by name, not ${shown(spec)}`);
  const measures = Object.entries(spec).map(([name, figure]): readonly [string, Measure] => {
    if (name === "__proto__" || names.includes(name))
      return refuse("a figure cannot have this name", name);
    return [name, measureOf(definition, name, figure)];
  });
  if (measures.length === 0) return refuse("aggregate takes one figure at least");
  return { by: paths, measures };
}

function measureOf(definition: CollectionDefinition, name: string, figure: unknown): Measure {
  const refuse = (problem: string): never => {
    throw new InvalidQuery(definition.name, problem, name);
  };
  if (typeof figure !== "object" || figure === null) return refuse(howTo(figure));
  const entries = Object.entries(figure);
  const [entry] = entries;
  if (entry === undefined || entries.length > 1 || !KINDS.includes(entry[0]))
    return refuse(howTo(figure));
  const [kind, value] = entry as [Measure["kind"], unknown];
  if (kind === "count") return value === true ? { kind } : refuse("a count is { count: true }");
  const { path, shape } = fieldAt(definition, value, name);
  if (kind === "min" || kind === "max") {
    if (canBeOrdered(shape)) return { kind, path };
    return refuse(`objects and lists have no ${kind}`);
  }
  const kinds = new Set(membersOf(shape).map((member) => member.kind));
  for (const absent of ["null", "undefined"] as const) kinds.delete(absent);
  if (kinds.has("unknown")) return { kind, path, numbers: undefined };
  const [numbers] = kinds;
  if (kinds.size === 1 && (numbers === "number" || numbers === "bigint"))
    return { kind, path, numbers };
  return refuse(`${kind} takes a field of numbers or one of bigints`);
}

function howTo(figure: unknown): string {
  const found =
    typeof figure === "object" && figure !== null
      ? `{ ${Object.keys(figure).join(", ")} }`
      : shown(figure);
  return `a figure is an object with one of ${KINDS.join(", ")}, not ${found}`;
}

function groupPath(definition: CollectionDefinition, text: unknown): FieldPath {
  const { path, shape } = fieldAt(definition, text, "groupBy");
  if (canBeOrdered(shape)) return path;
  throw new InvalidQuery(definition.name, "objects and lists make no groups", path.text);
}

function fieldAt(
  definition: CollectionDefinition,
  text: unknown,
  place: string,
): { readonly path: FieldPath; readonly shape: FieldShape } {
  const path = typeof text === "string" ? parsePath(text) : undefined;
  if (path === undefined)
    throw new InvalidQuery(definition.name, `this is no path of a field: ${shown(text)}`, place);
  const shape = shapeAt(withId(definition.schema.shape), path);
  if (shape === undefined)
    throw new InvalidQuery(definition.name, "there is no such field", path.text);
  return { path, shape };
}
