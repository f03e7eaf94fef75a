/**
 * Checks the documents and index entries of a stored collection without its schema: every document decodes, every
 * entry refers to a document that is there, and every cell of an index that counts or sums is a cell. Which entries a
 * document should have and what cells should hold only its program knows; db.verify() checks that.
 */
import { hex } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { CorruptionError } from "../../engine/contract/index.ts";
import type { KeyRange, Page, ReadView } from "../../engine/contract/index.ts";
import { referenceIn } from "../index/index-value.ts";
import { decodeAmount } from "../tally/tally-cells.ts";
import type { StoredDocuments } from "./stored-catalog.ts";

/** More problems of one collection say nothing new. */
const PROBLEMS_MAX = 100;

export interface StoredVerification {
  readonly documents: number;
  /** Entries and cells. */
  readonly entries: number;
  /** In words; none if all is well. */
  readonly problems: readonly string[];
}

/** @throws CorruptionError where the storage below is damaged. */
export async function verifyStored(
  collection: StoredDocuments,
  view: ReadView,
): Promise<StoredVerification> {
  const problems: string[] = [];
  const tell = (text: string): void => {
    if (problems.length < PROBLEMS_MAX) problems.push(`${collection.name}: ${text}`);
  };
  const reader = await collection.reader(view);
  let documents = 0;
  await eachPage(view, collection.documents, (page) => {
    for (let row = 0; row < page.rows; row++) {
      documents++;
      const problem = problemOf(() => reader.documentAt(page, row));
      if (problem !== undefined) tell(`document ${hex(keyAt(page, row))}: ${problem}`);
    }
  });
  let entries = 0;
  for (const index of collection.indexes) {
    await eachPage(view, index.entries, async (page) => {
      const referred: { readonly entry: Bytes; readonly document: Bytes }[] = [];
      for (let row = 0; row < page.rows; row++) {
        entries++;
        const entry = keyAt(page, row);
        const problem = problemOf(() => {
          if (index.cells) {
            decodeAmount(page.buffer, page.valueStart[row]!, page.valueEnd[row]!);
            return;
          }
          const place = referenceIn(page.buffer, page.valueStart[row]!, page.valueEnd[row]!);
          referred.push({ entry, document: page.buffer.slice(place.start, place.end) });
        });
        if (problem !== undefined) tell(`entry ${hex(entry)} of "${index.name}": ${problem}`);
      }
      const found = await view.getMany(referred.map(({ document }) => document));
      for (const [i, { document, entry }] of referred.entries()) {
        if (found[i] !== undefined) continue;
        tell(
          `entry ${hex(entry)} of "${index.name}" refers to ${hex(document)}, which is not there`,
        );
      }
    });
  }
  return { documents, entries, problems };
}

function keyAt(page: Page, row: number): Bytes {
  return page.buffer.slice(page.keyStart[row], page.keyEnd[row]);
}

/** What cannot be decoded is a problem, and no reason to stop looking. */
function problemOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    return `expected ${error.expected}, found ${error.found}`;
  }
}

async function eachPage(
  view: ReadView,
  range: KeyRange,
  visit: (page: Page) => Promise<void> | void,
): Promise<void> {
  const scan = view.scan(range, { expect: "all" });
  try {
    for (let done = false; !done;) {
      const page = await scan.next();
      await visit(page);
      done = page.done;
    }
  } finally {
    scan.close();
  }
}
