/**
 * How much memory a process has that does nothing but hold a store open and read from it: one of its own, since what a
 * process once needed for loading it does not give back.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { collectGarbage } from "../kit/index.ts";
import type { DocumentEntry } from "./document-entry.ts";
import { emailOf, scrambled } from "./person.ts";

/** Tells the process of its own what it is for. */
const VARIABLE = "KOTOBADB_BENCH_HOLDING";
const READS = 20_000;

interface Holding {
  readonly directory: string;
  readonly documents: number;
}

/** Bytes resident after reads here and there. Runs this very script again, with the same argument. */
export function heldBytes(directory: string, documents: number): number {
  const holding: Holding = { directory, documents };
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    ["--expose-gc", ...process.argv.slice(1)],
    { env: { ...process.env, [VARIABLE]: JSON.stringify(holding) }, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`the process that holds the store failed: ${stderr}`);
  return Number(stdout);
}

/** In the process of its own: reads, prints the bytes and ends the process. Elsewhere it does nothing. */
export async function holdIfAsked(entry: DocumentEntry): Promise<void> {
  const text = process.env[VARIABLE];
  if (text === undefined) return;
  const { directory, documents } = JSON.parse(text) as Holding;
  const store = await entry.open(directory, false);
  for (let n = 0; n < READS; n++) {
    const email = emailOf(scrambled(n) % documents);
    const person = await store.findByEmail(email);
    if (person?.email !== email) throw new Error(`${email} is not there`);
  }
  await sleep(500);
  collectGarbage();
  process.stdout.write(String(residentBytes()), () => process.exit(0));
  // The process ends in the callback.
  await new Promise(() => {});
}

function residentBytes(): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return Number(kibibytes) * 1_024;
}
