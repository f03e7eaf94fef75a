/**
 * Reads declared relations against the collections they are between. All of it is known without a database, so what is
 * wrong is refused before anything is opened.
 */
import type { CollectionDefinition } from "../collection-definition.ts";
import { InvalidDefinition } from "../collection-error.ts";
import type { Def } from "../collection-type.ts";
import type { IndexDefinition } from "../index/index-definition.ts";
import { pathOf } from "../path/field-path.ts";
import { membersOf } from "../schema/field-shape.ts";
import type { FieldShape } from "../schema/field-shape.ts";
import { fieldShape } from "../schema/shape-lookup.ts";
import { isPlainObject } from "../schema/storable.ts";
import { RelationGraph } from "./relation.ts";
import type { OnDelete, Relation } from "./relation.ts";

type Definitions = Readonly<Record<string, Def>>;

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const KNOWN_PARTS = ["one", "many", "via", "onDelete"];
const ON_DELETE: readonly unknown[] = ["restrict", "cascade", "unset"];

/** @throws InvalidDefinition naming the collection, the relation and what is wrong with it. */
export function parseRelations(definitions: Definitions, specs: unknown): RelationGraph {
  if (specs === undefined) return new RelationGraph([]);
  if (!isPlainObject(specs))
    throw new InvalidDefinition("relations", "they are an object: collection to relations by name");
  const relations: Relation[] = [];
  for (const [key, ofCollection] of Object.entries(specs)) {
    const from = definitionOf(definitions, key);
    if (from === undefined)
      throw new InvalidDefinition(key, "it has relations, but is none of the collections");
    if (!isPlainObject(ofCollection))
      throw new InvalidDefinition(from.name, "its relations are an object: name to relation");
    for (const [name, spec] of Object.entries(ofCollection))
      relations.push(new RelationParser(definitions, from, name).parse(spec));
  }
  refuseContradictions(relations);
  return new RelationGraph(relations);
}

function definitionOf(definitions: Definitions, key: unknown): CollectionDefinition | undefined {
  if (typeof key !== "string" || !Object.hasOwn(definitions, key)) return undefined;
  return definitions[key]!.definition;
}

class RelationParser {
  readonly #definitions: Definitions;
  readonly #from: CollectionDefinition;
  readonly #name: string;

  constructor(definitions: Definitions, from: CollectionDefinition, name: string) {
    this.#definitions = definitions;
    this.#from = from;
    this.#name = name;
  }

  parse(spec: unknown): Relation {
    this.#checkName();
    if (!isPlainObject(spec))
      throw this.#refuse("a relation is an object of `one` or `many`, and `via`");
    const unknown = Object.keys(spec).find((part) => !KNOWN_PARTS.includes(part));
    if (unknown !== undefined) throw this.#refuse(`there is no part "${unknown}"`);
    const { one, many, via } = spec as Readonly<Record<string, unknown>>;
    if ((one === undefined) === (many === undefined))
      throw this.#refuse("it has either `one` or `many`");
    const kind = one === undefined ? "many" : "one";
    const to = definitionOf(this.#definitions, one ?? many);
    if (to === undefined) throw this.#refuse(`"${String(one ?? many)}" is none of the collections`);
    const [holder, target] = kind === "one" ? [this.#from, to] : [to, this.#from];
    const shape = this.#referenceShape(holder, target, via);
    const onDelete = this.#onDelete(kind, spec["onDelete"]);
    const kinds = membersOf(shape).map((member) => member.kind);
    const relation: Relation = Object.freeze({
      name: this.#name,
      kind,
      from: this.#from,
      to,
      via: pathOf([via as string]),
      optional: kinds.some((of) => of === "undefined" || of === "null" || of === "unknown"),
      removable: kinds.some((of) => of === "undefined" || of === "unknown"),
      onDelete,
    });
    this.#checkKept(relation);
    return relation;
  }

  #checkName(): void {
    if (!NAME.test(this.#name) || this.#name === "__proto__")
      throw this.#refuse(
        "the name is not a letter or underscore, then at most 63 letters, digits and underscores; nor is it __proto__",
      );
    if (this.#name === "id" || this.#from.schema.shape.fields.has(this.#name))
      throw this.#refuse("the documents have a field of that name");
  }

  /** What the field holds, once it is sure that it holds ids of `target`, as far as the schema of `holder` tells. */
  #referenceShape(
    holder: CollectionDefinition,
    target: CollectionDefinition,
    via: unknown,
  ): FieldShape {
    if (typeof via !== "string") throw this.#refuse("`via` is the name of a field");
    const shape = via === "id" ? undefined : fieldShape(holder.schema.shape, via);
    if (shape === undefined) throw this.#refuse(`"${via}" is no field of "${holder.name}"`);
    const referring = membersOf(shape).filter(
      ({ kind }) => kind !== "undefined" && kind !== "null",
    );
    const isReference = referring.every(
      (member) =>
        member.kind === "unknown" ||
        (member.kind === "id" && "collection" in member && member.collection === target.name),
    );
    if (!isReference || referring.length === 0)
      throw this.#refuse(
        `"${via}" of "${holder.name}" does not hold ids of "${target.name}"; declare it as ref("${target.name}")`,
      );
    return shape;
  }

  #onDelete(kind: Relation["kind"], value: unknown): OnDelete | undefined {
    if (value === undefined) return undefined;
    if (kind === "many")
      throw this.#refuse("`onDelete` stands with the reference itself, in the relation with `one`");
    if (!ON_DELETE.includes(value))
      throw this.#refuse("`onDelete` is 'restrict', 'cascade' or 'unset'");
    return value as OnDelete;
  }

  #checkKept({ onDelete, optional, from, via }: Relation): void {
    if (onDelete === undefined) return;
    if (onDelete === "unset" && !optional)
      throw this.#refuse(`"${via.text}" is required, so that it cannot be unset`);
    if (!from.indexes.some((index) => findsReferences(index, via.text)))
      throw this.#refuse(
        `\`onDelete\` needs an index of "${from.name}" to find what refers to a document: add the index ["${via.text}"]`,
      );
  }

  #refuse(problem: string): InvalidDefinition {
    return new InvalidDefinition(this.#from.name, `relation "${this.#name}": ${problem}`);
  }
}

/** Does the index begin with the field, and have an entry for every document in which it holds something? */
function findsReferences(index: IndexDefinition, via: string): boolean {
  const [first] = index.fields;
  return (
    first!.path.text === via &&
    index.where === undefined &&
    // A list without elements has no entries.
    index.fields.every(({ path }) => !path.each)
  );
}

/** What is deleted cannot do two things to one field. */
function refuseContradictions(relations: readonly Relation[]): void {
  const kept = new Map<string, Relation>();
  const names = new Set<string>();
  for (const relation of relations) {
    const { from, name, onDelete, via } = relation;
    const whole = JSON.stringify([from.name, name]);
    if (names.has(whole))
      throw new InvalidDefinition(
        from.name,
        `relation "${name}": it is declared twice, under two names of the collection`,
      );
    names.add(whole);
    if (onDelete === undefined) continue;
    const field = JSON.stringify([from.name, via.text]);
    const other = kept.get(field);
    if (other !== undefined)
      throw new InvalidDefinition(
        from.name,
        `relation "${name}": "${via.text}" has an \`onDelete\` already, in the relation "${other.name}"`,
      );
    kept.set(field, relation);
  }
}
