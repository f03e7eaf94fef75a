/** What names one document: its id, or the values of all fields of one unique index. Pure. */
import type { CollectionDefinition } from "./collection-definition.ts";
import { InvalidQuery, ValidationError } from "./collection-error.ts";
import type { ValidationIssue } from "./collection-error.ts";
import type { Document } from "./document/document.ts";
import { matches } from "./filter/filter-match.ts";
import type { IndexDefinition } from "./index/index-definition.ts";
import { compareValues, isOrdered, typeClass } from "./key/value-order.ts";
import { valueAt } from "./path/field-path.ts";
import type { Scalar } from "./schema/document-type.ts";
import { typeProblem } from "./schema/shape-lookup.ts";

export type UniqueKey =
  | { readonly id: string }
  | { readonly index: string; readonly values: readonly Scalar[] };

/**
 * Reads `{ id }` or `{ email: "a@x.org" }`, nested fields by their path ("address.zip").
 *
 * @throws InvalidQuery where the fields are not exactly those of a unique index, or a value is null, has no order or is
 *   of a type that its field never has.
 */
export function uniqueKeyIn(
  definition: CollectionDefinition,
  where: Readonly<Record<string, unknown>>,
): UniqueKey {
  const refuse = (problem: string, path?: string): never => {
    throw new InvalidQuery(definition.name, problem, path);
  };
  if (typeof where !== "object" || where === null) return refuse("a key is an object");
  const names = Object.keys(where);
  if (names.length === 1 && names[0] === "id") {
    const { id } = where as { readonly id: unknown };
    return typeof id === "string" ? { id } : refuse("an id is a string", "id");
  }
  const index = definition.indexes.find((candidate) => isKeyOf(candidate, names));
  if (index === undefined) return refuse(shownChoices(definition));
  const values = index.fields.map(({ path }) => {
    const value = where[path.text];
    if (value === undefined || value === null || !isOrdered(value)) {
      const isObject =
        typeof value === "object" && value !== null && typeClass(value) === undefined;
      return refuse(
        isObject
          ? "what names a document is a value, and no operators; those are for where()"
          : "a unique key has no null, undefined or unordered values",
        path.text,
      );
    }
    const problem = typeProblem(definition.schema.shape, path, value);
    if (problem !== undefined) return refuse(problem, path.text);
    return value;
  });
  return { index: index.name, values };
}

/**
 * A document that is created because none has the key must have it itself. It is looked at as it will be stored: a schema
 * may make another value of what both `where` and `create` say, and then it would never be found by it.
 *
 * @throws ValidationError naming the fields in which it differs.
 */
export function requireOwnKey(
  { indexes, name }: CollectionDefinition,
  key: Extract<UniqueKey, { readonly index: string }>,
  document: Document,
): void {
  const { fields, where } = indexes.find((index) => index.name === key.index)!;
  const issues: ValidationIssue[] = [];
  for (const [i, { path }] of fields.entries()) {
    const value = valueAt(document, path);
    if (isOrdered(value) && compareValues(value, key.values[i]!) === 0) continue;
    const message = "`create` has another value than `where`, which would not find it";
    issues.push({ path: path.before, message });
  }
  if (issues.length === 0 && where !== undefined && !matches(where, document)) {
    const message = `\`create\` is none of the documents of the unique index "${key.index}", by which \`where\` looks`;
    issues.push({ path: [], message });
  }
  if (issues.length > 0) throw new ValidationError(name, issues);
}

function isKeyOf(index: IndexDefinition, names: readonly string[]): boolean {
  return (
    index.unique &&
    index.fields.length === names.length &&
    index.fields.every((field) => names.includes(field.path.text))
  );
}

function shownChoices(definition: CollectionDefinition): string {
  const keys = definition.indexes
    .filter((index) => index.unique)
    .map((index) => `{ ${index.fields.map((field) => field.path.text).join(", ")} }`);
  return `a document is named by { id }${keys.map((key) => ` or ${key}`).join("")}; where() takes any other condition`;
}
