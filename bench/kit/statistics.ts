/**
 * What is said of the figures of several rounds: the middle one with the least and the largest, and whether two sets of
 * them differ by more than their order can do by chance.
 */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    median: median(sorted),
    min: sorted[0] ?? NaN,
    max: sorted.at(-1) ?? NaN,
    rounds: sorted.length,
  };
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return sorted.length === 0 ? NaN : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The chance that `lower` would come out as far below `higher` as it did, or further, if both were drawn from one bag:
 * the rank-sum test (Mann and Whitney), one-sided and exact, by counting all ways to deal the ranks. Equal values share
 * half a point, which keeps the count conservative.
 */
export function chanceOfLower(lower: readonly number[], higher: readonly number[]): number {
  let points = 0;
  for (const a of lower) for (const b of higher) points += a > b ? 1 : a === b ? 0.5 : 0;
  const name = `${lower.length}/${higher.length}`;
  const ways = waysKnown.get(name) ?? waysToScore(lower.length, higher.length);
  waysKnown.set(name, ways);
  const all = ways.reduce((sum, count) => sum + count, 0);
  const asFar = ways.slice(0, Math.ceil(points) + 1).reduce((sum, count) => sum + count, 0);
  return asFar / all;
}

/** By the two counts; the same few are asked for again and again. */
const waysKnown = new Map<string, readonly number[]>();

/** In how many orders of m and n different values exactly u pairs have the first above the second, for each u. */
function waysToScore(m: number, n: number): number[] {
  // ways[j][u] for the values of the first set dealt so far; one more of them beats 0…n of the second.
  let ways: number[][] = Array.from({ length: n + 1 }, () => [1]);
  for (let i = 1; i <= m; i++) {
    const next: number[][] = [[1]];
    for (let j = 1; j <= n; j++) {
      // The largest value is of the first set, and beats all j, or of the second, and beats none.
      const row: number[] = Array.from({ length: i * j + 1 }, () => 0);
      ways[j]!.forEach((count, u) => (row[u + j]! += count));
      next[j - 1]!.forEach((count, u) => (row[u]! += count));
      next.push(row);
    }
    ways = next;
  }
  return ways[n]!;
}
