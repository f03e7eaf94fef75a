/** Ways to answer a query, and the laws that rank them whatever the data; the laws are those of plan/choose-plan.ts. */
import type { Candidate } from "../plan/candidate.ts";
import type { ScanDirection } from "../plan/order.ts";
import type { Branch } from "../plan/plan.ts";

/** Which law an answer stands on; the higher the better. */
export const RANK = { ids: 6, single: 5, values: 4, range: 3, order: 2, scan: 1 } as const;

/** A way to answer, with what decides between ways. */
export interface Way {
  readonly branches: readonly Branch[];
  readonly rank: number;
  readonly direction: ScanDirection | undefined;
  /** What the laws alone would have taken, by which the rule for full scans judges; absent: this way. */
  readonly lawful?: Way;
  /** Another way that is taken when this one has read so many keys and is not done. */
  readonly instead?: { readonly way: Way; readonly afterKeys: number } | undefined;
}

export function rankOf(candidate: Candidate): number {
  if (candidate.single) return RANK.single;
  if (worthInFields(candidate) > 0) return RANK.values;
  if (candidate.hasRange) return RANK.range;
  return candidate.direction === undefined ? RANK.scan : RANK.order;
}

/** Law 4. */
function worthInFields({ equalities, access }: Candidate): number {
  return equalities + (access.index.where === undefined ? 0 : 1);
}

/** Laws 3 to 6 and 9: negative where `a` goes first; of equals the one that was declared first does. */
export function compareByLaws(a: Candidate, b: Candidate): number {
  return (
    rankOf(b) - rankOf(a) ||
    worthInFields(b) - worthInFields(a) ||
    Number(b.hasRange) - Number(a.hasRange) ||
    Number(b.direction !== undefined) - Number(a.direction !== undefined) ||
    Number(b.access.covered) - Number(a.access.covered) ||
    a.access.index.fields.length - b.access.index.fields.length
  );
}
