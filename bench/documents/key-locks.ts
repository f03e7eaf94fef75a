/**
 * Turns by key, for stores without transactions: what reads in order to write must have its document to itself, and two
 * inserts of one email must not both find it free. Only those that ask for one key wait for each other.
 */
export class KeyLocks {
  readonly #last = new Map<string | number, Promise<unknown>>();

  async hold<T>(key: string | number, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const mine = before === undefined ? work() : before.then(work, work);
    this.#last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    }
  }
}
