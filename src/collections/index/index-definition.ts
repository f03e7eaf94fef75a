/**
 * Indexes as the floors below the types know them, and the reading of their declarations.
 *
 * Always true, of every index that parseIndex() gave:
 * (1) Its fields lead to scalars, as far as the schema tells; they are distinct; at most one goes through the elements of
 *     an array, and then the index is not unique.
 * (2) Equal fingerprints, equal entries: an index whose fingerprint changed is built anew. When its documents expire is
 *     no part of it, for no entry follows from that.
 */
import type { Bytes } from "../../base/index.ts";
import { InvalidDefinition, InvalidQuery } from "../collection-error.ts";
import { filterText } from "../filter/filter-text.ts";
import type { FilterNode } from "../filter/filter.ts";
import { parseFilter } from "../filter/filter-parser.ts";
import { parsePath, pathOf } from "../path/field-path.ts";
import type { FieldPath } from "../path/field-path.ts";
import { membersOf } from "../schema/field-shape.ts";
import type { ObjectShape } from "../schema/field-shape.ts";
import { elementShape, shapeAt, withId } from "../schema/shape-lookup.ts";
import { parseExpiry } from "./expiry.ts";

export interface IndexField {
  readonly path: FieldPath;
  readonly descending: boolean;
}

export interface IndexDefinition {
  readonly name: string;
  /** Outermost first, at least one. */
  readonly fields: readonly IndexField[];
  readonly unique: boolean;
  /** Only documents that match have entries. */
  readonly where: FilterNode | undefined;
  /** Top-level fields that stand in the entry too. */
  readonly include: readonly string[];
  /** What the entries follow from, all of the above but the name, as stable text. */
  readonly fingerprint: string;
  /** So many milliseconds after the date in its only field a document is deleted; undefined: it stays. */
  readonly expireMillis: number | undefined;
}

/** An index of a collection in a database. */
export interface BoundIndex extends IndexDefinition {
  /** The first bytes of all its entries' keys. */
  readonly prefix: Bytes;
  /** Does one of its fields go through the elements of an array, so that a document may have many entries, or none? */
  readonly multiple: boolean;
  /** Does the last field descend, and with it the document's key behind it? */
  readonly lastDescends: boolean;
  /** The top-level fields that its entries follow from: those of the fields, of `where` and of `include`. */
  readonly readFields: readonly string[];
}

export function bindIndex(index: IndexDefinition, prefix: Bytes): BoundIndex {
  return Object.freeze({
    ...index,
    prefix,
    multiple: index.fields.some((field) => field.path.each),
    lastDescends: index.fields.at(-1)!.descending,
    readFields: readFieldsOf(
      index.fields.map(({ path }) => path),
      index.where,
      index.include,
    ),
  });
}

/** The top-level fields that paths, a filter and names of fields look at, each once. */
export function readFieldsOf(
  paths: readonly FieldPath[],
  where: FilterNode | undefined,
  include: readonly string[] = [],
): readonly string[] {
  const names = new Set(include);
  for (const path of paths) names.add(path.before[0]!);
  const visit = (node: FilterNode): void => {
    if ("path" in node) names.add(node.path.before[0]!);
    else if ("nodes" in node) node.nodes.forEach(visit);
    else if (node.kind === "not") visit(node.node);
  };
  if (where !== undefined) visit(where);
  return Object.freeze([...names]);
}

/** Index and collection names are alike; collection-definition.ts checks the latter. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
export const FIELDS_MAX = 16;
const KNOWN_OPTIONS = ["on", "unique", "where", "include", "expire"];

/** One declaration of `indexes`. @throws InvalidDefinition naming the index and what is wrong with it. */
export function parseIndex(
  collection: string,
  shape: ObjectShape,
  name: string,
  spec: unknown,
): IndexDefinition {
  return new IndexParser(collection, shape, name).parse(spec);
}

class IndexParser {
  readonly #collection: string;
  readonly #shape: ObjectShape;
  readonly #name: string;

  constructor(collection: string, shape: ObjectShape, name: string) {
    this.#collection = collection;
    this.#shape = shape;
    this.#name = name;
  }

  parse(spec: unknown): IndexDefinition {
    const nameProblem = indexNameProblem(this.#name);
    if (nameProblem !== undefined) throw this.#refuse(nameProblem);
    const options = this.#options(spec);
    const fields = this.#fields(options["on"]);
    const unique = this.#flag("unique", options["unique"]);
    const where = parseIndexFilter(this.#collection, this.#shape, this.#name, options["where"]);
    const include = this.#include(options["include"]);
    if (unique && fields.some((field) => field.path.each)) {
      throw this.#refuse("a unique index has no field that goes through the elements of an array");
    }
    const expireMillis = this.#expiry(fields, options["expire"]);
    const fingerprint = JSON.stringify({
      on: fields.map(fieldText),
      unique,
      where: where === undefined ? null : filterText(where),
      include,
    });
    const name = this.#name;
    return Object.freeze({ name, fields, unique, where, include, fingerprint, expireMillis });
  }

  #expiry(fields: readonly IndexField[], expire: unknown): number | undefined {
    if (expire === undefined) return undefined;
    const paths = fields.map(({ path }) => path);
    const found = parseExpiry(this.#shape, paths, expire);
    if ("problem" in found) throw this.#refuse(found.problem);
    return found.millis;
  }

  #options(spec: unknown): Readonly<Record<string, unknown>> {
    if (Array.isArray(spec)) return { on: spec };
    if (typeof spec !== "object" || spec === null) {
      throw this.#refuse("an index is a list of paths, or an object with `on`");
    }
    const unknown = Object.keys(spec).find((key) => !KNOWN_OPTIONS.includes(key));
    if (unknown !== undefined) throw this.#refuse(`there is no option "${unknown}"`);
    return spec as Readonly<Record<string, unknown>>;
  }

  #fields(on: unknown): readonly IndexField[] {
    if (!Array.isArray(on) || on.length === 0) throw this.#refuse("`on` is a list of paths");
    if (on.length > FIELDS_MAX) throw this.#refuse(`an index has at most ${FIELDS_MAX} fields`);
    const fields = on.map((text) => this.#field(text));
    const repeated = fields.find((field, i) =>
      fields.slice(0, i).some((before) => before.path.text === field.path.text),
    );
    if (repeated !== undefined) throw this.#refuse(`"${repeated.path.text}" stands there twice`);
    if (fields.filter((field) => field.path.each).length > 1) {
      throw this.#refuse("at most one field goes through the elements of an array ([])");
    }
    return Object.freeze(fields);
  }

  #field(text: unknown): IndexField {
    if (typeof text !== "string") throw this.#refuse("a path is a string");
    const descending = text.startsWith("-");
    const path = parsePath(descending ? text.slice(1) : text);
    if (path === undefined) throw this.#refuse(`"${text}" is no path`);
    const problem = pathProblem(this.#shape, path);
    if (problem !== undefined) throw this.#refuse(`"${path.text}" ${problem}`);
    return Object.freeze({ path, descending });
  }

  #flag(name: string, value: unknown): boolean {
    if (value !== undefined && typeof value !== "boolean") {
      throw this.#refuse(`\`${name}\` is true or false`);
    }
    return value ?? false;
  }

  #include(include: unknown): readonly string[] {
    if (include === undefined) return Object.freeze([]);
    if (!Array.isArray(include)) throw this.#refuse("`include` is a list of fields");
    for (const field of include as readonly unknown[]) {
      if (typeof field !== "string" || !isField(this.#shape, field)) {
        throw this.#refuse(`\`include\` names an unknown field, "${String(field)}"`);
      }
    }
    const fields = include as readonly string[];
    if (new Set(fields).size < fields.length) throw this.#refuse("`include` names a field twice");
    // The id stands in every entry.
    return Object.freeze(fields.filter((field) => field !== "id"));
  }

  #refuse(problem: string): InvalidDefinition {
    return wrongIndex(this.#collection, this.#name, problem);
  }
}

/** The error that names the index. */
export function wrongIndex(collection: string, name: string, problem: string): InvalidDefinition {
  return new InvalidDefinition(collection, `index "${name}": ${problem}`);
}

/** Why no index may have the name; undefined if one may. */
export function indexNameProblem(name: string): string | undefined {
  if (NAME.test(name) && name !== "__proto__") return undefined;
  return "the name is not a letter or underscore, then at most 63 letters, digits and underscores; nor is it __proto__";
}

/** The filter of a partial index. @throws InvalidDefinition naming the index and the place in the filter. */
export function parseIndexFilter(
  collection: string,
  shape: ObjectShape,
  name: string,
  filter: unknown,
): FilterNode | undefined {
  if (filter === undefined) return undefined;
  try {
    return parseFilter(collection, shape, filter);
  } catch (cause) {
    if (!(cause instanceof InvalidQuery)) throw cause;
    const { problem, path } = cause.details as {
      readonly problem: string;
      readonly path?: string;
    };
    const at = path === undefined ? "" : ` at ${path}`;
    throw wrongIndex(collection, name, `its filter is wrong${at}: ${problem}`);
  }
}

/** 'age', '-createdAt', 'tags[]'. */
export function fieldText(field: IndexField): string {
  return `${field.descending ? "-" : ""}${field.path.text}`;
}

function isField(shape: ObjectShape, name: string): boolean {
  return name === "id" || shape.fields.has(name) || shape.open;
}

/** What hinders an index over this path; undefined if nothing does. */
export function pathProblem(shape: ObjectShape, path: FieldPath): string | undefined {
  const found = shapeAt(withId(shape), path);
  if (found === undefined) {
    const array = path.each ? shapeAt(withId(shape), pathOf(path.before)) : undefined;
    return array !== undefined && elementShape(array) === undefined
      ? "has [] behind a field that is no array"
      : "is no field of the documents";
  }
  // What may be a scalar or an object is refused too: its objects could have no entry.
  const kinds = membersOf(found).map((member) => member.kind);
  if (kinds.includes("object")) return "is an object: name a field in it";
  if (kinds.includes("array")) return "is an array: write [] behind it";
  return undefined;
}
