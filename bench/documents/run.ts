/**
 * All workloads with one store, in an order in which each finds what it stands on: loaded, read, changed, ingested into,
 * measured on the disk, opened again, changed durably. Whatever was written is looked up at the end of each opening.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { bytesOnDisk, coldImportMillis, collectGarbage, rest, spreadOf } from "../kit/index.ts";
import type { Scope } from "../kit/index.ts";
import { amountsOf } from "./amounts.ts";
import type { Awaitable, DocumentStore } from "./document-store.ts";
import type { DocumentEntry } from "./document-entry.ts";
import { heldBytes, holdIfAsked } from "./holding.ts";
import { personOf } from "./person.ts";
import type { Person } from "./person.ts";
import { Population } from "./population.ts";
import { readWorkloads } from "./read-workloads.ts";
import type { Ground } from "./read-workloads.ts";
import { isWanted } from "./wanted.ts";
import {
  bulkInsert,
  checkAll,
  concurrentInserts,
  ingest,
  liveFanOut,
  singleWrites,
} from "./write-workloads.ts";

export async function runDocuments(entry: DocumentEntry, scope: Scope): Promise<void> {
  await holdIfAsked(entry);
  importCold(entry, scope);
  const directory = join(scope.directory, "data");
  mkdirSync(directory, { recursive: true });
  const amounts = amountsOf(entry, scope);
  const population = new Population();
  const groundOn = (store: DocumentStore): Ground => ({ store, population, amounts, scope });
  const ground = groundOn(await entry.open(directory, false));
  await bulkInsert(ground);
  await rest();
  if (entry.onlyWrites !== true) await readWorkloads(ground);
  if (entry.persistent) await ground.store.close();
  if (entry.persistent && entry.onlyWrites !== true) await atRest(entry, directory, ground);
  // What is kept in memory alone goes on as it is.
  await bufferedWrites(entry.persistent ? groundOn(await entry.open(directory, false)) : ground);
  if (entry.durability.durable !== undefined)
    await durableWrites(groundOn(await entry.open(directory, true)));
  rmSync(directory, { recursive: true, force: true });
  if (scope.size === "full" && entry.isLarge === true && scope.wants("large"))
    await runLarge(entry, scope);
}

const IMPORTS = 5;

function importCold({ specifier }: DocumentEntry, scope: Scope): void {
  const name = "import, cold";
  if (specifier === undefined || !isWanted(scope, "import", name)) return;
  const millis = Array.from({ length: IMPORTS }, () => coldImportMillis(specifier));
  scope.recorder.value(name, "ms", spreadOf(millis).median, "lower");
}

async function bufferedWrites(ground: Ground): Promise<void> {
  await liveFanOut(ground);
  await singleWrites(ground, "buffered");
  await rest();
  await ingest(ground);
  await checkAll(ground);
  await ground.store.close();
}

async function durableWrites(ground: Ground): Promise<void> {
  await singleWrites(ground, "durable");
  await concurrentInserts(ground);
  await checkAll(ground);
  await ground.store.close();
}

/** What a store takes that is closed, is opened, and does nothing but be read. */
async function atRest(entry: DocumentEntry, directory: string, ground: Ground): Promise<void> {
  const { amounts, population, scope } = ground;
  // With fewer documents than the others it would win rows that it should not be in.
  if (entry.documentsMax === amounts.documents) return;
  scope.recorder.value("size on disk", "bytes", bytesOnDisk(directory), "lower");
  if (isWanted(scope, "open", "open")) {
    const millis = await openMillis(entry, directory, (store, n) =>
      store.get(population.ids[population.pick(n)]!),
    );
    scope.recorder.value("open", "ms", millis, "lower");
  }
  const name = "memory, holding the documents";
  if (isWanted(scope, "hold", name))
    scope.recorder.value(name, "bytes", heldBytes(directory, amounts.documents), "lower");
}

const MILLION = 1_000_000;

/** A million documents, as many as nobody keeps in the head: only what opening and holding them costs. */
async function runLarge(entry: DocumentEntry, scope: Scope): Promise<void> {
  const directory = join(scope.directory, "million");
  mkdirSync(directory, { recursive: true });
  const store = await entry.open(directory, false);
  for (let i = 0; i < MILLION; i += 1_000)
    await store.insertMany(Array.from({ length: 1_000 }, (_, n) => personOf(i + n)));
  await rest();
  await store.close();
  scope.recorder.value(
    "size on disk, a million documents",
    "bytes",
    bytesOnDisk(directory),
    "lower",
  );
  const open = await openMillis(entry, directory, (opened, n) =>
    opened.findByEmail(personOf(n * 1_000).email),
  );
  scope.recorder.value("open, a million documents", "ms", open, "lower");
  const held = heldBytes(directory, MILLION);
  scope.recorder.value("memory, holding a million documents", "bytes", held, "lower");
  rmSync(directory, { recursive: true, force: true });
}

/** The median of five, each with the first document that is read. */
async function openMillis(
  entry: DocumentEntry,
  directory: string,
  read: (store: DocumentStore, n: number) => Awaitable<Person | undefined>,
): Promise<number> {
  const millis: number[] = [];
  for (let n = 0; n < 5; n++) {
    // As before every phase: else whoever asks for memory pays for what the loading left.
    collectGarbage();
    const start = performance.now();
    const store = await entry.open(directory, false);
    const person = await read(store, n);
    millis.push(performance.now() - start);
    if (person === undefined) throw new Error("a document was lost by closing");
    await store.close();
  }
  return spreadOf(millis).median;
}
