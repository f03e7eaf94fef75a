/**
 * All workloads with one store, in an order in which each finds what it stands on: loaded, read, changed, ingested into,
 * measured on the disk, opened again, changed durably. Whatever was written is looked up at the end of each opening.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Scope } from "../kit/index.ts";
import { bytesOnDisk, rest } from "../keyvalue/ground.ts";
import { amountsOf } from "./amounts.ts";
import type { DocumentStore } from "./document-store.ts";
import type { DocumentEntry } from "./entries.ts";
import { Population } from "./population.ts";
import { readWorkloads } from "./read-workloads.ts";
import type { Ground } from "./read-workloads.ts";
import {
  bulkInsert,
  checkAll,
  concurrentInserts,
  ingest,
  liveFanOut,
  singleWrites,
} from "./write-workloads.ts";

export async function runDocuments(entry: DocumentEntry, scope: Scope): Promise<void> {
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
}

/** The median of five, each with the first document that is read. */
async function openings(entry: DocumentEntry, directory: string, ground: Ground): Promise<void> {
  if (!ground.scope.wants("open")) return;
  const millis: number[] = [];
  for (let n = 0; n < 5; n++) {
    const i = ground.population.pick(n);
    const start = performance.now();
    const store = await entry.open(directory, false);
    const person = await store.get(ground.population.ids[i]!);
    millis.push(performance.now() - start);
    ground.population.check(i, person);
    await store.close();
  }
  ground.scope.recorder.value("open", "ms", millis.toSorted((a, b) => a - b)[2]!, "lower");
}
