/** Importing into a collection without its program: what the command line does. */
import { transact } from "../../transaction/index.ts";
import { Catalog } from "../catalog/catalog.ts";
import type { StoreHost } from "../catalog/catalog.ts";
import type { CollectionDefinition } from "../collection-definition.ts";
import { CollectionStore } from "../collection-store.ts";
import { importDocuments } from "./import-documents.ts";
import type { ImportOptions, ImportResult } from "./import-documents.ts";
import type { TextSource } from "./text-source.ts";

/** `definition`: as StoredDocuments gives it. @throws ImportFailed, and what a transaction may fail with. */
export async function importStored(
  host: StoreHost & { readonly pause: () => Promise<void> },
  definition: CollectionDefinition,
  source: TextSource,
  options: ImportOptions,
): Promise<ImportResult> {
  const store = new CollectionStore(new Catalog(host), definition);
  await store.ready();
  const { engine, pause, transactionHost } = host;
  const ground = {
    collection: definition.name,
    limits: engine.limits,
    documents: store.documentImport(),
    pause,
    write: <A>(work: Parameters<typeof transact<A>>[2]) =>
      transact(transactionHost, engine, work, { runsUserCode: false, timeoutMillis: Infinity }),
  };
  return importDocuments(ground, source, options);
}
