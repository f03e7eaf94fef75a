/** Which program may not open a database, by the model: what it is refused with, and what it leaves behind. */
import { indexesOf, inEdition } from "./collections.ts";
import type { Edition } from "./collections.ts";
import { collectionNames, PlainCollection, Refused } from "./plain.ts";
import type { Model } from "./plain.ts";
import type { Failing } from "./versions.ts";

export interface Refusal {
  readonly tag: string;
  readonly reason?: string;
  /** What it leaves of the program that is refused: nothing, or all but its indexes. */
  readonly changes: "nothing" | "indexes";
}

/** Of a program of the edition `next`, where one of `before` has left what is in the model. */
export function refusalOf(
  model: Model,
  before: Edition,
  next: Edition,
  failing: Failing | undefined,
): Refusal | undefined {
  const { schema, version } = before;
  if (next.version < version) return { tag: "SchemaMismatch", reason: "newer", changes: "nothing" };
  if (next.schema < schema) return { tag: "SchemaMismatch", changes: "nothing" };
  const things = [...model.things.documents.values()];
  if (failing !== undefined && things.some(({ flag }) => flag === true))
    return { tag: "EvolutionFailed", changes: "nothing" };
  const moved = inEdition(model, next, version);
  for (const name of collectionNames) {
    const documents = [...moved[name].documents.values()];
    try {
      new PlainCollection(indexesOf(name, next)).check(documents);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const isTried = name === "things" && next.version > version;
      return { tag: error.tag, changes: isTried ? "nothing" : "indexes" };
    }
  }
  return undefined;
}
