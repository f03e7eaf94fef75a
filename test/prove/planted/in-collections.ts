/** Planted defects of collections: indexes and unique keys on each path that writes. */
import { CollectionStore } from "../../../src/collections/collection-store.ts";
import { EntryMaker } from "../../../src/collections/index/index-entries.ts";
import { Transaction } from "../../../src/transaction/transaction.ts";
import { isPromise } from "../../../src/base/index.ts";
import { patched, together } from "./defect.ts";
import type { Defect, Restore } from "./defect.ts";

/** Paths that are running now: others that run beside them do without indexes as well. */
let running = 0;

function writesNoEntries(): Restore {
  return patched(
    EntryMaker.prototype,
    "entriesOf",
    (entriesOf) =>
      function entriesOfMost(this: EntryMaker, documentKey, document) {
        const entries = entriesOf.call(this, documentKey, document);
        return running > 0 ? entries.filter(({ exclusive }) => exclusive) : entries;
      },
  );
}

type Path = "insert" | "insertMany" | "replace" | "upsert" | "delete";
function withoutIndexes(path: Path): Defect {
  const marks = (): Restore =>
    patched(CollectionStore.prototype, path, (original) => {
      const method = original as (this: CollectionStore, ...args: unknown[]) => unknown;
      function marked(this: CollectionStore, ...args: unknown[]): unknown {
        running++;
        let result: unknown;
        try {
          result = method.apply(this, args);
        } catch (error) {
          running--;
          throw error;
        }
        if (isPromise(result)) return result.finally(() => running--);
        running--;
        return result;
      }
      return marked as never;
    });
  return {
    name: `indexes are not kept by ${path}`,
    where: `CollectionStore.${path}`,
    caughtBy: "histories of documents",
    planting: { patch: together(writesNoEntries, marks) },
  };
}

export const inCollections: readonly Defect[] = [
  withoutIndexes("insert"),
  withoutIndexes("insertMany"),
  withoutIndexes("replace"),
  withoutIndexes("upsert"),
  withoutIndexes("delete"),
  {
    name: "indexes are not kept by update",
    where: "EntryMaker.mayDiffer",
    caughtBy: "histories of documents",
    planting: { patch: () => patched(EntryMaker.prototype, "mayDiffer", () => () => false) },
  },
  {
    name: "unique keys are not required to be free",
    where: "Transaction.require",
    caughtBy: "histories of documents",
    planting: { patch: () => patched(Transaction.prototype, "require", () => () => undefined) },
  },
];
