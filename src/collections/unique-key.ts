/** What names one document: its id, or the values of all fields of one unique index. Pure. */
import type { CollectionDefinition } from "./collection-definition.ts";
import { InvalidQuery } from "./collection-error.ts";
import type { IndexDefinition } from "./index/index-definition.ts";
import { isOrdered, typeClass } from "./key/value-order.ts";
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
