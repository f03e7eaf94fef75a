/**
 * All workloads with one store, in an order in which each finds what it stands on: loaded, read, changed, ingested into,
 * measured on the disk, opened again, changed durably. Whatever was written is looked up at the end of each opening.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { bytesOnDisk, rest } from "../kit/index.ts";
import type { Scope } from "../kit/index.ts";
import { amountsOf } from "./amounts.ts";
import type { Awaitable, DocumentStore } from "./document-store.ts";
import type { DocumentEntry } from "./entries.ts";
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

const HOLDING = "memory, holding the documents";

export async function runDocuments(entry: DocumentEntry, scope: Scope): Promise<void> {
  await holdIfAsked(entry);
  const directory = join(scope.directory, "data");
  mkdirSync(directory, { recursive: true });
  const amounts = amountsOf(entry, scope);
  const population = new Population();
  const groundOn = (store: DocumentStore): Ground => ({ store, population, amounts, scope });
  let ground = groundOn(await entry.open(directory, false));
  await bulkInsert(ground);
  await rest();
  await readWorkloads(ground);
  if (entry.persistent) {
    await ground.store.close();
    scope.recorder.value("size on disk", "bytes", bytesOnDisk(directory), "lower");
    await openings(entry, directory, ground);
    if (isWanted(scope, "hold", HOLDING))
      scope.recorder.value(HOLDING, "bytes", heldBytes(directory, amounts.documents), "lower");
    ground = groundOn(await entry.open(directory, false));
  }
  await liveFanOut(ground);
  await singleWrites(ground, "buffered");
  await rest();
  await ingest(ground);
  await checkAll(ground);
  await ground.store.close();
  if (entry.durability.durable !== undefined) {
    ground = groundOn(await entry.open(directory, true));
    await singleWrites(ground, "durable");
    await concurrentInserts(ground);
    await checkAll(ground);
    await ground.store.close();
  }
  rmSync(directory, { recursive: true, force: true });
  if (scope.size === "full" && entry.isLarge === true && scope.wants("large"))
    await runLarge(entry, scope);
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

async function openings(entry: DocumentEntry, directory: string, ground: Ground): Promise<void> {
  const { population, scope } = ground;
  if (!isWanted(scope, "open", "open")) return;
  const millis = await openMillis(entry, directory, (store, n) =>
    store.get(population.ids[population.pick(n)]!),
  );
  scope.recorder.value("open", "ms", millis, "lower");
}

/** The median of five, each with the first document that is read. */
async function openMillis(
  entry: DocumentEntry,
  directory: string,
  read: (store: DocumentStore, n: number) => Awaitable<Person | undefined>,
): Promise<number> {
  const millis: number[] = [];
  for (let n = 0; n < 5; n++) {
    const start = performance.now();
    const store = await entry.open(directory, false);
    const person = await read(store, n);
    millis.push(performance.now() - start);
    if (person === undefined) throw new Error("a document was lost by closing");
    await store.close();
  }
  return millis.toSorted((a, b) => a - b)[2]!;
}
