/** How many rows ranges have, as far as the engine can tell: asked when it is needed, and each access once. */
import type { KeyRange } from "../../engine/contract/index.ts";
import type { Access } from "../plan/plan.ts";

/** About how many rows a scan of the range would pass. */
export type Estimate = (range: KeyRange) => number;

/** Of a long list of ranges so many are asked for, evenly spread, and stand for the others. */
const RANGES_ASKED_MAX = 16;

export class Scales {
  readonly #estimate: Estimate;
  readonly #known = new Map<Access, number>();

  constructor(estimate: Estimate) {
    this.#estimate = estimate;
  }

  /** About how many rows the access reads: documents, or entries of an index. */
  rowsOf(access: Access): number {
    if (access.kind === "get") return access.ids.length;
    let rows = this.#known.get(access);
    if (rows === undefined) {
      rows = this.#asked(access.bounds.map(({ range }) => range));
      this.#known.set(access, rows);
    }
    return rows;
  }

  #asked(ranges: readonly KeyRange[]): number {
    const asked = Math.min(ranges.length, RANGES_ASKED_MAX);
    let rows = 0;
    for (let i = 0; i < asked; i++)
      rows += this.#estimate(ranges[Math.floor((i * ranges.length) / asked)]!);
    return asked === 0 ? 0 : Math.round((rows * ranges.length) / asked);
  }
}
