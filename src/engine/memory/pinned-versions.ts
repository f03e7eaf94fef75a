/**
 * Which versions open views look at, so that older ones can be let go.
 *
 * Always true:
 * (1) `#versions` ascends strictly: a view is always opened at the newest version.
 * (2) Each version listed has at least one open view.
 */
import { assert } from "../../base/index.ts";

export class PinnedVersions {
  readonly #versions: number[] = [];
  readonly #views: number[] = [];
  #total = 0;

  /** How many views are open. */
  get total(): number {
    return this.#total;
  }

  /** The oldest version that a view looks at; undefined if no view is open. */
  get oldest(): number | undefined {
    return this.#versions[0];
  }

  pin(version: number): void {
    const last = this.#versions.length - 1;
    this.#total++;
    if (last >= 0 && this.#versions[last] === version) {
      this.#views[last]!++;
      return;
    }
    assert(last < 0 || this.#versions[last]! < version, "a view opens at the newest version");
    this.#versions.push(version);
    this.#views.push(1);
  }

  unpin(version: number): void {
    const at = this.#lowerBound(version);
    assert(this.#versions[at] === version, "a view that closes was open");
    this.#total--;
    if (--this.#views[at]! > 0) return;
    this.#versions.splice(at, 1);
    this.#views.splice(at, 1);
  }

  /** Whether a view looks at a version of [start, end). */
  anyIn(start: number, end: number): boolean {
    const version = this.#versions[this.#lowerBound(start)];
    return version !== undefined && version < end;
  }

  #lowerBound(version: number): number {
    let start = 0;
    let end = this.#versions.length;
    while (start < end) {
      const middle = (start + end) >>> 1;
      if (this.#versions[middle]! < version) start = middle + 1;
      else end = middle;
    }
    return start;
  }
}
