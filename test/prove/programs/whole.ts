/** All that a database holds, beside all of the model. */
import { expectSame } from "./compare.ts";
import type { Loose } from "./loose.ts";
import { collectionNames } from "./plain.ts";
import type { Model } from "./plain.ts";
import { same } from "./values.ts";
import type { Doc } from "./values.ts";

interface Found {
  readonly things: readonly Doc[];
  readonly others: readonly Doc[];
}
export function holds(model: Model, found: Found): boolean {
  return collectionNames.every(
    (name) =>
      found[name].length === model[name].documents.size &&
      found[name].every((document) => same(model[name].documents.get(document.id), document)),
  );
}

export async function documentsOf(on: Loose): Promise<Found> {
  const [things, others] = [await on.things.all(), await on.others.all()];
  return { things, others };
}

export async function compareWith(model: Model, on: Loose): Promise<void> {
  for (const name of collectionNames) {
    const found = (await on[name].all()).sort((a, b) => (a.id < b.id ? -1 : 1));
    const wanted = model[name].list().sort((a, b) => (a.id < b.id ? -1 : 1));
    expectSame(found, wanted, `all of ${name}`);
    expectSame(await on[name].count(), wanted.length, `count of ${name}`);
  }
}
