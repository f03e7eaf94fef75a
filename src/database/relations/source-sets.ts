/**
 * Several collections as the source of one operation: it waits for all of them. The same collections give the same object,
 * so that whoever remembers what was complete in a snapshot remembers it once for each set that the program asks for.
 */
import { andThen } from "../../base/index.ts";
import type { Awaitable } from "../../base/index.ts";
import type { CollectionStore } from "../../collections/index.ts";
import type { ReadView } from "../../engine/contract/index.ts";
import type { Source } from "../access.ts";

export class SourceSets {
  readonly #known = new Map<string, Source>();

  of(stores: readonly CollectionStore[]): Source {
    const distinct = [...new Set(stores)];
    const [only] = distinct;
    if (distinct.length === 1) return only!;
    const key = JSON.stringify(distinct.map(({ definition }) => definition.name).toSorted());
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const source: Source = {
      ready: () => each(distinct, (store) => store.ready()),
      readyAlone: () => each(distinct, (store) => store.readyAlone()),
      requireCompleteIn: (view: ReadView) =>
        each(distinct, (store) => store.requireCompleteIn(view)),
      builtFor: (missing) => each(distinct, (store) => store.builtFor(missing)),
      get isChanging() {
        return distinct.some((store) => store.isChanging);
      },
      get hasChanged() {
        return distinct.some((store) => store.hasChanged);
      },
    };
    this.#known.set(key, source);
    return source;
  }
}

/** One after the other. */
function each<A>(list: readonly A[], work: (item: A) => Awaitable<void>, at = 0): Awaitable<void> {
  if (at === list.length) return undefined;
  return andThen(work(list[at]!), () => each(list, work, at + 1));
}
