/**
 * From the groups of a tally to those that are asked for, which may be coarser: pure.
 *
 * Always true: counts and sums of the groups together are those of the groups they were made of, for sums are exact and
 * rounded last.
 */
import { PartSum, KeyWriter, compareValues } from "../../collections/index.ts";
import type { BoundTally, FieldPath, Scalar } from "../../collections/index.ts";
import { hex } from "../../base/index.ts";
import type { TallyGroup } from "./read-tally.ts";

/** The groups by `groupBy`, whose fields are all among the tally's, in the order of their values. None: all as one. */
export function foldGroups(
  groups: readonly TallyGroup[],
  { by, sum }: BoundTally,
  groupBy: readonly FieldPath[],
): TallyGroup[] {
  const places = groupBy.map(({ text }) => by.findIndex((path) => path.text === text));
  const writer = new KeyWriter();
  const folded = new Map<
    string,
    { values: Scalar[]; count: number; numbers: number; sum: PartSum | undefined }
  >();
  for (const group of groups) {
    const values = places.map((place) => group.values[place]);
    for (const value of values) writer.value(value);
    const key = hex(writer.finish(), Infinity);
    let wide = folded.get(key);
    if (wide === undefined) {
      wide = { values, count: 0, numbers: 0, sum: sum && new PartSum(sum.type) };
      folded.set(key, wide);
    }
    wide.count += group.count;
    wide.numbers += group.numbers;
    if (group.sum !== undefined) wide.sum?.addSum(group.sum);
  }
  return [...folded.values()].toSorted((a, b) => compareLists(a.values, b.values));
}

/** By the first values that differ. */
export function compareLists(a: readonly Scalar[], b: readonly Scalar[]): number {
  for (let i = 0; i < a.length; i++) {
    const order = compareValues(a[i], b[i]);
    if (order !== 0) return order;
  }
  return 0;
}
