/** What the search for unions may still cost; the only thing of a planning that changes. */

/**
 * How much work unions may cost, in looks: one look is one node or value of a filter, held against one index. Any plan
 * that people write by hand takes some hundreds. The free ones take less than 100 ms; the others let a filter of
 * thousands of conditions have a union too, and keep the whole in proportion to the filter.
 */
const LOOKS_FREE = 50_000;
const LOOKS_FOR_EACH = 16;

export class Effort {
  #looks: number;

  private constructor(looks: number) {
    this.#looks = looks;
  }

  /** For a filter that takes so many looks by itself. */
  static of(looks: number): Effort {
    return new Effort(LOOKS_FREE + LOOKS_FOR_EACH * looks);
  }

  /** Takes the looks; false if they are not there. */
  take(looks: number): boolean {
    if (looks > this.#looks) return false;
    this.#looks -= looks;
    return true;
  }

  /** Does a piece of work with one of `parts` equal parts; what it leaves over comes back. */
  lend<A>(parts: number, work: (effort: Effort) => A): A {
    const lent = Math.floor(this.#looks / parts);
    const effort = new Effort(lent);
    const result = work(effort);
    this.#looks -= lent - effort.#looks;
    return result;
  }
}
