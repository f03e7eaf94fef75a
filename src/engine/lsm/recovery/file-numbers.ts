/** The one counter that all files of a database draw their numbers from; none is used twice, also not by a crashed run. */

export class FileNumbers {
  #next: number;

  constructor(next: number) {
    this.#next = next;
  }

  /** No file has this number or a higher one. */
  get next(): number {
    return this.#next;
  }

  take(): number {
    return this.#next++;
  }
}
