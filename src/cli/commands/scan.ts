/** kotoba scan: the documents of a collection, or raw keys and values, one a line. */
import { prefixRange } from "../../engine/index.ts";
import type { Page, ReadView } from "../../engine/index.ts";
import { documentJson } from "../../collections/index.ts";
import { bytesOfHex, hexOf, shownHex, withReader } from "../command.ts";
import type { Command, CommonOptions } from "../command.ts";
import { EXIT, WrongUsage } from "../exit-code.ts";
import { requireCollection } from "./get.ts";

export interface ScanCommandOptions extends CommonOptions {
  readonly prefix?: string;
  readonly limit?: string;
  readonly reverse?: boolean;
}

export const scan: Command<
  [path: string, collection: string | undefined],
  ScanCommandOptions
> = async (context, [path, collection], { json, limit, prefix, reverse }) => {
  if (collection !== undefined && prefix !== undefined) {
    throw new WrongUsage("A prefix is one of raw keys; leave out the collection.", { prefix });
  }
  const rowsMax = limitOf(limit);
  const { terminal } = context;
  await withReader(context, path, async (engine) => {
    const view = engine.snapshot();
    const rows = await rowsOf(view, collection, prefix, json === true);
    const options = { limit: rowsMax, reverse: reverse ?? false };
    const running = view.scan(rows.range, options);
    try {
      for (let done = rowsMax === 0; !done && !terminal.isClosed;) {
        const page = await running.next();
        let text = "";
        for (let row = 0; row < page.rows; row++) text += `${rows.line(page, row)}\n`;
        if (text !== "") await terminal.out(text);
        done = page.done;
      }
    } finally {
      running.close();
    }
  });
  return EXIT.fine;
};

interface Rows {
  readonly range: ReturnType<typeof prefixRange>;
  readonly line: (page: Page, row: number) => string;
}

async function rowsOf(
  view: ReadView,
  collection: string | undefined,
  prefix: string | undefined,
  json: boolean,
): Promise<Rows> {
  if (collection === undefined) {
    return {
      range: prefixRange(bytesOfHex("prefix", prefix ?? "")),
      line: json ? rawJson : rawText,
    };
  }
  const stored = await requireCollection(view, collection);
  const reader = await stored.reader(view);
  const { shape } = stored;
  return {
    range: stored.documents,
    line: (page, row) => documentJson(reader.documentAt(page, row), shape),
  };
}

function keyAt(page: Page, row: number): Uint8Array {
  return page.buffer.subarray(page.keyStart[row], page.keyEnd[row]);
}
function valueAt(page: Page, row: number): Uint8Array {
  return page.buffer.subarray(page.valueStart[row], page.valueEnd[row]);
}
function rawText(page: Page, row: number): string {
  return `${shownHex(keyAt(page, row))}  ${shownHex(valueAt(page, row))}`;
}
function rawJson(page: Page, row: number): string {
  return JSON.stringify({ key: hexOf(keyAt(page, row)), value: hexOf(valueAt(page, row)) });
}

function limitOf(limit: string | undefined): number {
  if (limit === undefined) return Infinity;
  if (!/^\d{1,15}$/.test(limit)) throw new WrongUsage("A limit is a number from 0 on.", { limit });
  return Number(limit);
}
