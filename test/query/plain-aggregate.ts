/** The plain evaluator of figures: what aggregate() and groupBy() mean, on a list of documents. */
import { compareValues, parsePath, scalarText, valuesAt } from "../../src/collections/index.ts";
import type { Document, Scalar } from "../../src/collections/index.ts";

export type PlainFigure = Readonly<Record<string, unknown>>;

/** All doubles are whole multiples of this part of 1. */
const PARTS_OF_ONE_LOG = 1_074;

/** The number as a count of the smallest parts. */
function partsOf(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & 0xf_ffff_ffff_ffffn;
  const whole = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return bits >> 63n === 1n ? -whole : whole;
}

/** The nearest number; half-way the one whose last bit is 0. */
function numberOf(parts: bigint): number {
  const size = parts < 0n ? -parts : parts;
  const shift = Math.max(0, size.toString(2).length - 53);
  let kept = size >> BigInt(shift);
  const rest = size - (kept << BigInt(shift));
  const half = shift === 0 ? 0n : 1n << BigInt(shift - 1);
  if (shift > 0 && (rest > half || (rest === half && (kept & 1n) === 1n))) kept++;
  const value = Number(kept) * 2 ** (shift - PARTS_OF_ONE_LOG);
  return parts < 0n ? -value : value;
}

export function plainSum(values: readonly number[]): number {
  return numberOf(values.reduce((sum, value) => sum + partsOf(value), 0n));
}

/** One figure over documents. `empty` is the sum of nothing. */
function plainFigure(
  figure: PlainFigure,
  documents: readonly Document[],
  empty: number | bigint,
): unknown {
  const [[kind, path]] = Object.entries(figure) as [[string, unknown]];
  if (kind === "count") return documents.length;
  const values = documents
    .flatMap((document) => valuesAt(document, parsePath(path as string)!) as Scalar[])
    .filter((value) => value !== null && value !== undefined);
  if (kind === "min" || kind === "max") {
    const sorted = values.toSorted(compareValues);
    return (kind === "min" ? sorted[0] : sorted.at(-1)) ?? null;
  }
  if (values.length === 0) return kind === "sum" ? empty : null;
  if (typeof values[0] === "bigint") {
    const sum = (values as bigint[]).reduce((total, value) => total + value);
    if (kind === "sum") return sum;
    const count = BigInt(values.length);
    return Number(sum / count) + Number(sum % count) / values.length;
  }
  const sum = plainSum(values as number[]);
  return kind === "sum" ? sum : sum / values.length;
}

/** The groups of documents in order, with their figures; without paths all documents are one group. */
export function plainGroups(
  documents: readonly Document[],
  paths: readonly string[],
  figures: Readonly<Record<string, PlainFigure>>,
  emptySumOf: (figure: PlainFigure) => number | bigint,
): Record<string, unknown>[] {
  const groups = new Map<string, { values: Scalar[]; documents: Document[] }>();
  if (paths.length === 0) groups.set("", { values: [], documents: [...documents] });
  else {
    for (const document of documents) {
      for (const values of placesOf(document, paths)) {
        const key = values.map(scalarText).join();
        const group = groups.get(key) ?? { values, documents: [] };
        if (!group.documents.includes(document)) group.documents.push(document);
        groups.set(key, group);
      }
    }
  }
  return [...groups.values()]
    .toSorted((a, b) => compareLists(a.values, b.values))
    .map((group) => ({
      ...Object.fromEntries(paths.map((path, i) => [path, group.values[i]])),
      ...Object.fromEntries(
        Object.entries(figures).map(([name, figure]) => [
          name,
          plainFigure(figure, group.documents, emptySumOf(figure)),
        ]),
      ),
    }));
}

function placesOf(document: Document, paths: readonly string[]): Scalar[][] {
  if (paths.length === 0) return [[]];
  const values = valuesAt(document, parsePath(paths[0]!)!) as Scalar[];
  return values.flatMap((value) =>
    placesOf(document, paths.slice(1)).map((rest) => [value ?? null, ...rest]),
  );
}

function compareLists(a: readonly Scalar[], b: readonly Scalar[]): number {
  const at = a.findIndex((value, i) => compareValues(value, b[i]) !== 0);
  return at === -1 ? 0 : compareValues(a[at], b[at]);
}
