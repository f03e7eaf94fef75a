/**
 * Relations as the floors below the types know them.
 *
 * Always true, of every relation that parseRelations() gave:
 * (1) `via` is a declared field at the top of the documents that hold the reference, and holds ids of the other collection,
 *     as far as the schema tells.
 * (2) A relation with `onDelete` is of the kind `one`, and an index of its collection has an entry for every document that
 *     holds a reference, with `via` as its first field.
 */
import type { CollectionDefinition } from "../collection-definition.ts";
import type { FieldPath } from "../path/field-path.ts";

export type OnDelete = "restrict" | "cascade" | "unset";

export interface Relation {
  readonly name: string;
  /** one: `from` holds the reference. many: `to` does. */
  readonly kind: "one" | "many";
  /** Whose relation it is. */
  readonly from: CollectionDefinition;
  /** Whose documents it leads to. */
  readonly to: CollectionDefinition;
  /** The field that holds the reference. */
  readonly via: FieldPath;
  /** The reference may be missing or null. */
  readonly optional: boolean;
  /** Without the field a document is whole; else it can only become null. */
  readonly removable: boolean;
  readonly onDelete: OnDelete | undefined;
}

/** The relations of a database. */
export class RelationGraph {
  readonly #ofCollection = new Map<string, Map<string, Relation>>();
  /** The references that the database keeps whole: those with `onDelete`. */
  readonly kept: readonly Relation[];

  constructor(relations: readonly Relation[]) {
    this.kept = relations.filter(({ onDelete }) => onDelete !== undefined);
    for (const relation of relations) {
      const { name } = relation.from;
      const known = this.#ofCollection.get(name) ?? new Map<string, Relation>();
      this.#ofCollection.set(name, known.set(relation.name, relation));
    }
  }

  /** The relation of a collection, by both names. */
  find(collection: string, relation: string): Relation | undefined {
    return this.#ofCollection.get(collection)?.get(relation);
  }

  /** The names of a collection's relations. */
  namesOf(collection: string): readonly string[] {
    return [...(this.#ofCollection.get(collection)?.keys() ?? [])];
  }

  /** The references that a collection's documents hold and the database keeps whole. */
  keptFrom(collection: string): readonly Relation[] {
    return this.kept.filter(({ from }) => from.name === collection);
  }

  /** The references to a collection's documents that the database keeps whole. */
  keptTo(collection: string): readonly Relation[] {
    return this.kept.filter(({ to }) => to.name === collection);
  }

  /** The collections that a write to this one may have to read or change, itself included, if there is any other or itself. */
  reachOf(collection: string): readonly CollectionDefinition[] {
    const reached = new Map<string, CollectionDefinition>();
    const visit = (name: string): void => {
      for (const { from, to } of this.kept) {
        if (from.name !== name && to.name !== name) continue;
        for (const definition of [from, to]) {
          if (reached.has(definition.name)) continue;
          reached.set(definition.name, definition);
          visit(definition.name);
        }
      }
    };
    visit(collection);
    return [...reached.values()];
  }
}

export const NO_RELATIONS: RelationGraph = new RelationGraph([]);
