/** Opens what a power cut left, and holds it to what was promised. */
import { open, UniqueViolation } from "kotobadb";
import { openLsmEngine } from "kotobadb/engine";
import type { SimulatedHost } from "kotobadb/testing";
import { VerifyFound } from "../../engine/lsm/workload.ts";
import { inVersion, versionOne, versionTwo } from "./collections.ts";
import type { CollectionName, One, Stored, Version } from "./collections.ts";
import { documentsOf, rowKey, TINY } from "./workload.ts";
import type { Reader, State } from "./workload.ts";

export interface Cut {
  /** What the power cut left. */
  readonly disk: SimulatedHost;
  readonly where: string;
  /** The version of the program that was running. */
  readonly version: Version;
  /** So many commits had been acknowledged, or shown by a snapshot: they must be there. */
  readonly fewest: number;
}

/** What the commits led to, one state after the other. */
export class History {
  readonly #sequences: readonly number[];
  readonly #states: readonly State[];
  readonly #texts = new Map<string, string>();
  readonly #rows = new WeakMap<Stored, string>();

  /** states[k] is what is there after the commits sequences[0, k). */
  constructor(sequences: readonly number[], states: readonly State[]) {
    this.#sequences = sequences;
    this.#states = states;
  }

  /** How many commits were acknowledged when this sequence was. */
  countUpTo(sequence: number): number {
    const after = this.#sequences.findIndex((one) => one > sequence);
    return after === -1 ? this.#sequences.length : after;
  }

  /** Which state this is, of those from `fewest` commits on; undefined if none. */
  find(text: string, version: Version, fewest: number): number | undefined {
    for (let k = fewest; k < this.#states.length; k++) if (this.text(k, version) === text) return k;
    return undefined;
  }

  text(k: number, version: Version): string {
    const key = `${version} ${k}`;
    let text = this.#texts.get(key);
    if (text === undefined) {
      const rows = [...this.#states[k]!].map(([row, document]) => {
        const collection = row.split(" ")[1] as CollectionName;
        if (version === 2) return rowText(row, inVersion(2, collection, document));
        let known = this.#rows.get(document);
        if (known === undefined) this.#rows.set(document, (known = rowText(row, document)));
        return known;
      });
      text = rows.sort().join("\n");
      this.#texts.set(key, text);
    }
    return text;
  }

  /** In words: how the state found differs from the nearest that would be right. */
  difference(text: string, version: Version, fewest: number): string {
    const found = new Set(text.split("\n"));
    let best: string[] | undefined;
    let nearest = fewest;
    for (let k = 0; k < this.#states.length; k++) {
      const wanted = new Set(this.text(k, version).split("\n"));
      const missing = [...wanted].filter((row) => !found.has(row)).map((row) => `  missing ${row}`);
      const excess = [...found].filter((row) => !wanted.has(row)).map((row) => `  excess ${row}`);
      if (best !== undefined && best.length <= missing.length + excess.length) continue;
      best = [...missing, ...excess];
      nearest = k;
    }
    return `at least ${fewest} commits must be there; nearest is the state after ${nearest}:\n${best!.join("\n")}`;
  }
}

function rowText(row: string, document: Stored): string {
  return `${row} ${JSON.stringify(document, (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )}`;
}

export async function openVersion(host: SimulatedHost, version: Version): Promise<One> {
  const engine = await openLsmEngine({ ...TINY, host });
  const db =
    version === 1
      ? await open({ engine }, { collections: versionOne, host })
      : await open({ engine }, { collections: versionTwo, host });
  await db.ready();
  return db as One;
}

export function textOf(documents: ReadonlyMap<string, Stored>): string {
  return [...documents]
    .map(([row, document]) => rowText(row, document))
    .sort()
    .join("\n");
}

/**
 * Fails unless the disk holds exactly the first k commits, all acknowledged ones among them; gives k. `goesOn`: writes
 * to it, too, and opens it once more.
 */
export async function checkSurvivor(
  cut: Cut,
  version: Version,
  history: Pick<History, "find" | "difference">,
  goesOn = true,
): Promise<number> {
  const { fewest } = cut;
  const db = await openVersion(cut.disk, version);
  const documents = await documentsOf(db as unknown as Reader);
  const text = textOf(documents);
  const k = history.find(text, version, fewest);
  if (k === undefined) throw new Error(history.difference(text, version, fewest));
  await checkWhole(db);
  if (!goesOn) {
    await db.close();
    return k;
  }
  const after = await checkGoesOn(db, documents);
  await db.close();
  const again = await openVersion(cut.disk, version);
  if (textOf(await documentsOf(again as unknown as Reader)) !== textOf(after))
    throw new Error("what was written after the power cut is not there after closing and opening");
  await checkWhole(again);
  await again.close();
  return k;
}

async function checkWhole(db: One): Promise<void> {
  const { problems } = await db.verify();
  if (problems.length > 0) throw new VerifyFound(problems.join("\n"));
}

/** Writes of each kind after the power cut: unique keys are still taken, new shapes and new documents are kept. */
async function checkGoesOn(
  db: One,
  documents: ReadonlyMap<string, Stored>,
): Promise<Map<string, Stored>> {
  const after = new Map(documents);
  const accounts = [...documents].filter(([row]) => row.includes(" accounts "));
  const entry = await db.entries.insert({ lane: 9, n: 1, h: 1, a: 2, g: 3, b: 4 });
  after.set(rowKey("entries", entry.id), entry as unknown as Stored);
  const fresh = { lane: 9, email: "after@x.org", balance: 0, city: "Oslo", handle: "after" };
  const made = await db.accounts.insert(fresh);
  after.set(rowKey("accounts", made.id), made as unknown as Stored);
  for (const [, { email, id }] of accounts.slice(-3)) {
    const taken = email as string;
    const refused = await db.accounts.insert({ ...fresh, email: taken }).catch((e: unknown) => e);
    if (!(refused instanceof UniqueViolation) || refused.existingId !== id)
      throw new Error(`the key ${taken} of ${id} was given away: ${String(refused)}`);
    const found = await db.accounts.find({ email: taken });
    if (found?.id !== id) throw new Error(`the key ${taken} leads to ${found?.id}, not to ${id}`);
    const updated = await db.accounts.update(id as never, { email: `new-${taken}`, balance: -1 });
    after.set(rowKey("accounts", id), updated as unknown as Stored);
  }
  return after;
}
