/**
 * Figures over documents, group by group.
 *
 * Always true:
 * (1) The result does not depend on the order in which documents come.
 * (2) Null and missing are the same: no figure counts them, and they make one group. Only { count: true } counts documents.
 * (3) A document whose list is grouped by is in the group of each different element once; with an empty list in none.
 */
import {
  InvalidQuery,
  compareValues,
  isOrdered,
  scalarText,
  valuesAt,
} from "../../collections/index.ts";
import type { Document, FieldPath, Scalar } from "../../collections/index.ts";
import type { AggregateRequest, Measure } from "./aggregate-request.ts";
import { compareLists } from "../tally/fold-groups.ts";
import { ExactSum } from "./exact-sum.ts";

type Row = Record<string, unknown>;

export class AggregateGroups {
  readonly #collection: string;
  readonly #request: AggregateRequest;
  /** By the texts of the values, which tell their types. */
  readonly #groups = new Map<string, Group>();

  constructor(collection: string, request: AggregateRequest) {
    this.#collection = collection;
    this.#request = request;
    // Without groups there is one, also over no documents.
    if (request.by.length === 0) this.#groupOf([]);
  }

  add(document: Document): void {
    for (const values of this.#placesOf(document)) this.#groupOf(values).add(document);
  }

  /** In the order of the values that are grouped by. */
  finish(): Row[] {
    const groups = [...this.#groups.values()].sort((a, b) => compareLists(a.values, b.values));
    return groups.map((group) => {
      const row: Row = {};
      for (const [i, { text }] of this.#request.by.entries()) row[text] = group.values[i];
      return Object.assign(row, group.finish());
    });
  }

  /** The groups of a document: one for each combination of what stands at the paths. */
  #placesOf(document: Document): readonly (readonly Scalar[])[] {
    let places: (readonly Scalar[])[] = [[]];
    for (const path of this.#request.by) {
      const values = this.#valuesAt(document, path);
      places = places.flatMap((place) => values.map((value) => [...place, value]));
    }
    return places;
  }

  #valuesAt(document: Document, path: FieldPath): readonly Scalar[] {
    const different = new Map<string, Scalar>();
    for (const value of valuesAt(document, path)) {
      if (!isOrdered(value))
        throw new InvalidQuery(this.#collection, "objects and lists make no groups", path.text);
      different.set(scalarText(value), value ?? null);
    }
    return [...different.values()];
  }

  #groupOf(values: readonly Scalar[]): Group {
    const key = values.map(scalarText).join();
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = new Group(values, this.#collection, this.#request.measures);
      this.#groups.set(key, group);
    }
    return group;
  }
}

class Group {
  readonly values: readonly Scalar[];
  readonly #figures: readonly (readonly [string, Figure])[];

  constructor(
    values: readonly Scalar[],
    collection: string,
    measures: AggregateRequest["measures"],
  ) {
    this.values = values;
    this.#figures = measures.map(([name, measure]) => [name, figureOf(collection, measure)]);
  }

  add(document: Document): void {
    for (const [, figure] of this.#figures) figure.add(document);
  }

  finish(): Row {
    return Object.fromEntries(this.#figures.map(([name, figure]) => [name, figure.value]));
  }
}

interface Figure {
  add(document: Document): void;
  readonly value: unknown;
}

function figureOf(collection: string, measure: Measure): Figure {
  switch (measure.kind) {
    case "count":
      return new Count();
    case "min":
      return new Extreme(measure.path, -1);
    case "max":
      return new Extreme(measure.path, 1);
    case "sum":
    case "avg":
      return new Total(collection, measure);
  }
}

class Count implements Figure {
  value = 0;
  add(): void {
    this.value++;
  }
}

class Extreme implements Figure {
  readonly #path: FieldPath;
  readonly #sign: number;
  value: unknown = null;

  constructor(path: FieldPath, sign: number) {
    this.#path = path;
    this.#sign = sign;
  }

  add(document: Document): void {
    for (const value of valuesAt(document, this.#path)) {
      if (value === null || value === undefined || !isOrdered(value)) continue;
      const isFirst = this.value === null;
      if (isFirst || this.#sign * compareValues(value, this.value as Scalar) > 0)
        this.value = value;
    }
  }
}

class Total implements Figure {
  readonly #collection: string;
  readonly #measure: Measure & { readonly kind: "sum" | "avg" };
  readonly #sum = new ExactSum();
  #whole = 0n;
  #numbers: number = 0;
  #bigints: number = 0;

  constructor(collection: string, measure: Measure & { readonly kind: "sum" | "avg" }) {
    this.#collection = collection;
    this.#measure = measure;
  }

  add(document: Document): void {
    for (const value of valuesAt(document, this.#measure.path)) {
      if (value === null || value === undefined) continue;
      if (typeof value === "number") {
        this.#sum.add(value);
        this.#numbers++;
      } else if (typeof value === "bigint") {
        this.#whole += value;
        this.#bigints++;
      } else this.#refuse(`the document "${document.id}" holds a ${typeof value}`);
    }
    if (this.#numbers > 0 && this.#bigints > 0) this.#refuse("it holds numbers and bigints");
  }

  #refuse(problem: string): never {
    const { kind, path } = this.#measure;
    throw new InvalidQuery(
      this.#collection,
      `${kind} takes a field of numbers or one of bigints: ${problem}`,
      path.text,
    );
  }

  get value(): number | bigint | null {
    const { kind, numbers } = this.#measure;
    const count = this.#numbers + this.#bigints;
    const isWhole = this.#bigints > 0 || (count === 0 && numbers === "bigint");
    const sum = isWhole ? this.#whole : this.#sum.value;
    if (kind === "sum") return sum;
    return count === 0 ? null : average(sum, count);
  }
}

/** A bigint may be far above what a number holds, and its average not. */
export function average(sum: number | bigint, count: number): number {
  if (typeof sum === "number") return sum / count;
  const of = BigInt(count);
  return Number(sum / of) + Number(sum % of) / count;
}
