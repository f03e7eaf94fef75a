/**
 * All reapers of one database: one for each collection that has an index with `expire`.
 *
 * Always true: of the documents of a collection that is declared somewhere in the program, in the options of open() or by
 * collection(), those that are due are deleted without anybody asking, until stop().
 */
import type { CollectionStore } from "../../collections/index.ts";
import { refuseNested } from "../../transaction/index.ts";
import { Reaper } from "./reaper.ts";
import type { ReaperGround } from "./reaper.ts";

export class Reapers {
  readonly #ground: ReaperGround;
  readonly #isAutomatic: boolean;
  readonly #reapers: Reaper[] = [];

  /** With `isAutomatic` false documents are deleted by expire() alone. */
  constructor(ground: ReaperGround, isAutomatic: boolean) {
    this.#ground = ground;
    this.#isAutomatic = isAutomatic;
  }

  /** Called once for each collection. */
  watch(store: CollectionStore): void {
    if (store.definition.indexes.every(({ expireMillis }) => expireMillis === undefined)) return;
    const reaper = new Reaper(this.#ground, store);
    this.#reapers.push(reaper);
    if (this.#isAutomatic) reaper.start();
  }

  /** Deletes what is due now. @throws NestedTransaction in the body of a transaction, which it could have to wait for. */
  async expire(): Promise<number> {
    refuseNested(this.#ground.engine);
    let deleted = 0;
    for (const reaper of this.#reapers) deleted += await reaper.reap();
    return deleted;
  }

  /** Nothing is begun after this, and nobody waits for a visit any more when it resolves. */
  async stop(): Promise<void> {
    await Promise.all(this.#reapers.map((reaper) => reaper.stop()));
  }
}
