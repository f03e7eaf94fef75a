/** Fields that hold the id of a document in another collection. */
import { string } from "zod";
import type { ZodType } from "zod";
import type { Id } from "./document-type.ts";

const collectionOf = new WeakMap<object, string>();

/**
 * A field that refers to a document of another collection: typed as its id, validated as a string that is not empty.
 * That the document exists is checked only where a relation with `onDelete` says so.
 *
 * @example
 * z.object({ title: z.string(), author: ref("users"), editor: ref("users").optional() })
 */
export function ref<const N extends string>(collection: N): ZodType<Id<N>, Id<N>> {
  const schema = string().min(1);
  collectionOf.set(schema, collection);
  return schema as ZodType<unknown, unknown> as ZodType<Id<N>, Id<N>>;
}

/** The collection that a schema made by ref() points into. */
export function referencedCollection(schema: object): string | undefined {
  return collectionOf.get(schema);
}
