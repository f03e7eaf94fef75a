/** import() of a collection's handle: the text's documents, in transactions of their own or in the one that is open. */
import { importDocuments } from "../../collections/index.ts";
import type {
  CollectionStore,
  ImportOptions,
  ImportResult,
  TextSource,
} from "../../collections/index.ts";
import { TransactionAccess } from "../access.ts";
import type { Access } from "../access.ts";
import type { DatabaseCore } from "../database-core.ts";
import { InvalidOption } from "../options.ts";
import { checkImport } from "./transfer-options.ts";

interface ImportPlace {
  readonly core: DatabaseCore;
  readonly store: CollectionStore;
  readonly access: Access;
}

/** @throws InvalidOption, ImportFailed, and what a write may fail with. */
export function importText(
  ground: ImportPlace,
  source: TextSource,
  options: ImportOptions,
): Promise<ImportResult> {
  const { access } = ground;
  const work = (): Promise<ImportResult> => importInto(ground, source, options);
  return access instanceof TransactionAccess ? access.whole(work) : work();
}

async function importInto(
  ground: ImportPlace,
  source: TextSource,
  options: ImportOptions,
): Promise<ImportResult> {
  checkImport(source, options);
  const { access, core, store } = ground;
  const { partial, signal } = options;
  if (partial === true && access instanceof TransactionAccess)
    throw new InvalidOption("partial", "absent in a transaction, which is all or nothing", partial);
  signal?.throwIfAborted();
  // Where nothing may be written, this says so before the text is read.
  await access.write(store, () => undefined);
  const patience = { timeoutMillis: Infinity, ...(signal === undefined ? {} : { signal }) };
  return importDocuments(
    {
      collection: store.definition.name,
      limits: core.engine.limits,
      documents: store.documentImport(),
      write: (work) => access.write(store, work, patience),
      pause: () => core.host.timers.pause(),
    },
    source,
    options,
  );
}
