/**
 * Count and sum indexes ("tallies") as the floors below the types know them, and the reading of their declarations.
 *
 * A tally has no entries. For each group of documents with equal values of its `by` fields it keeps number cells
 * (tally-cells.ts), which every write of a document changes in the same commit by merges, without reading them.
 *
 * Always true, of every tally that parseTally() gave:
 * (1) Its `by` fields are distinct, at most 16, and lead to one scalar each, as far as the schema tells: no element of an
 *     array, so a document is in one group, or in none where it does not match `where`.
 * (2) What is summed is a number in every document that has it, or a bigint in every one, never either.
 * (3) Equal fingerprints, equal cells.
 */
import type { Bytes } from "../../base/index.ts";
import { filterText } from "../filter/filter-text.ts";
import type { FilterNode } from "../filter/filter.ts";
import {
  FIELDS_MAX,
  indexNameProblem,
  parseIndexFilter,
  pathProblem,
  readFieldsOf,
  wrongIndex,
} from "../index/index-definition.ts";
import { parsePath } from "../path/field-path.ts";
import type { FieldPath } from "../path/field-path.ts";
import type { InvalidDefinition } from "../collection-error.ts";
import { membersOf } from "../schema/field-shape.ts";
import type { ObjectShape } from "../schema/field-shape.ts";
import { shapeAt, withId } from "../schema/shape-lookup.ts";

/** What is summed. */
export interface SummedField {
  readonly path: FieldPath;
  readonly type: "number" | "bigint";
}

export interface TallyDefinition {
  readonly name: string;
  /** Outermost first; none: all documents are one group. */
  readonly by: readonly FieldPath[];
  /** Undefined: documents are counted, and nothing else. */
  readonly sum: SummedField | undefined;
  /** Only documents that match are counted. */
  readonly where: FilterNode | undefined;
  /** All of the above but the name, as stable text. */
  readonly fingerprint: string;
}

/** A tally of a collection in a database. */
export interface BoundTally extends TallyDefinition {
  /** The first bytes of all its cells' keys. */
  readonly prefix: Bytes;
  /** The top-level fields that its cells follow from. */
  readonly readFields: readonly string[];
}

export function bindTally(tally: TallyDefinition, prefix: Bytes): BoundTally {
  const paths = tally.sum === undefined ? tally.by : [...tally.by, tally.sum.path];
  return Object.freeze({ ...tally, prefix, readFields: readFieldsOf(paths, tally.where) });
}

const KNOWN_OPTIONS = ["count", "sum", "by", "where"];

/** Is this the declaration of a tally, be it right or wrong? */
export function isTallySpec(spec: unknown): spec is Readonly<Record<string, unknown>> {
  if (typeof spec !== "object" || spec === null || Array.isArray(spec)) return false;
  return Object.hasOwn(spec, "count") || Object.hasOwn(spec, "sum");
}

/** One declaration. @throws InvalidDefinition naming the index and what is wrong with it. */
export function parseTally(
  collection: string,
  shape: ObjectShape,
  name: string,
  spec: Readonly<Record<string, unknown>>,
): TallyDefinition {
  return new TallyParser(collection, shape, name).parse(spec);
}

class TallyParser {
  readonly #collection: string;
  readonly #shape: ObjectShape;
  readonly #name: string;

  constructor(collection: string, shape: ObjectShape, name: string) {
    this.#collection = collection;
    this.#shape = shape;
    this.#name = name;
  }

  parse(spec: Readonly<Record<string, unknown>>): TallyDefinition {
    const nameProblem = indexNameProblem(this.#name);
    if (nameProblem !== undefined) throw this.#refuse(nameProblem);
    const unknown = Object.keys(spec).find((key) => !KNOWN_OPTIONS.includes(key));
    if (unknown !== undefined) {
      throw this.#refuse(`there is no option "${unknown}" of an index that counts or sums`);
    }
    if (spec["count"] !== undefined && spec["count"] !== true) {
      throw this.#refuse("`count` is true");
    }
    if (spec["count"] !== undefined && spec["sum"] !== undefined) {
      throw this.#refuse("it counts or it sums; an index that sums counts its documents too");
    }
    const sum = spec["count"] === true ? undefined : this.#sum(spec["sum"]);
    const by = this.#by(spec["by"]);
    const where = parseIndexFilter(this.#collection, this.#shape, this.#name, spec["where"]);
    const fingerprint = JSON.stringify({
      ...(sum === undefined ? { count: true } : { sum: sum.path.text, of: sum.type }),
      by: by.map((path) => path.text),
      where: where === undefined ? null : filterText(where),
    });
    return Object.freeze({ name: this.#name, by, sum, where, fingerprint });
  }

  #sum(text: unknown): SummedField {
    const path = this.#path("sum", text);
    const kinds = membersOf(shapeAt(withId(this.#shape), path)!)
      .map((member) => member.kind)
      .filter((kind) => kind !== "null" && kind !== "undefined");
    const [type] = kinds;
    if (kinds.length === 1 && (type === "number" || type === "bigint")) {
      return Object.freeze({ path, type });
    }
    const found = kinds.length === 0 ? "has no value" : `is ${kinds.join(" or ")}`;
    throw this.#refuse(
      `"${path.text}" cannot be summed: it ${found}, and must be number or bigint, always the same`,
    );
  }

  #by(by: unknown): readonly FieldPath[] {
    if (by === undefined) return Object.freeze([]);
    if (!Array.isArray(by)) throw this.#refuse("`by` is a list of paths");
    if (by.length > FIELDS_MAX) throw this.#refuse(`an index has at most ${FIELDS_MAX} fields`);
    // Not map(), which would step over holes.
    const paths = Array.from(by as readonly unknown[], (text) => this.#path("by", text));
    const texts = paths.map((path) => path.text);
    const repeated = texts.find((text, i) => texts.indexOf(text) < i);
    if (repeated !== undefined) throw this.#refuse(`"${repeated}" stands there twice`);
    return Object.freeze(paths);
  }

  #path(option: "sum" | "by", text: unknown): FieldPath {
    if (typeof text !== "string") throw this.#refuse("a path is a string");
    if (text.startsWith("-")) {
      throw this.#refuse(`\`${option}\` has no direction: write "${text.slice(1)}"`);
    }
    const path = parsePath(text);
    if (path === undefined) throw this.#refuse(`"${text}" is no path`);
    if (path.each) throw this.#refuse(`"${text}" goes through the elements of an array ([])`);
    const problem = pathProblem(this.#shape, path);
    if (problem !== undefined) {
      throw this.#refuse(
        `"${text}" ${problem.startsWith("is an array") ? "is an array" : problem}`,
      );
    }
    return path;
  }

  #refuse(problem: string): InvalidDefinition {
    return wrongIndex(this.#collection, this.#name, problem);
  }
}
