/** kotoba export: the documents of a collection as text that import reads back. */
import { EXPORT_FORMATS, exportCursor } from "../../collections/index.ts";
import type { ExportFormat, StoredDocuments } from "../../collections/index.ts";
import type { ReadView } from "../../engine/index.ts";
import { withReader } from "../command.ts";
import type { Command, CommonOptions } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { progressBar } from "../print/progress-bar.ts";
import { countText } from "../print/table-text.ts";
import { requireCollection } from "./get.ts";
import { oneOf } from "./import.ts";

export interface ExportCommandOptions extends CommonOptions {
  readonly format?: string;
}

export const exportDocuments: Command<
  [path: string, collection: string],
  ExportCommandOptions
> = async (context, [path, collection], { format }) => {
  const chosen = oneOf<ExportFormat>("format", format ?? "ndjson", EXPORT_FORMATS);
  const { terminal } = context;
  // Not where it would stand among the text itself.
  const isShown = terminal.progress !== undefined && terminal.printsToScreen !== true;
  const bar = progressBar(terminal, "exporting", isShown, (count) => countText(count, "document"));
  await withReader(context, path, async (engine) => {
    const view = engine.snapshot();
    const stored = await requireCollection(view, collection);
    const reader = await stored.reader(view);
    const total = isShown ? await countOf(view, stored) : 0;
    const cursor = exportCursor({
      scan: view.scan(stored.documents),
      documentAt: (page, row) => reader.documentAt(page, row),
      shape: stored.shape,
      format: chosen,
      onPage: (documents) => bar.update(documents, total),
    });
    try {
      for (;;) {
        const chunks = await cursor.next();
        if (chunks === undefined || terminal.isClosed) break;
        for (const chunk of chunks) await terminal.out(chunk);
      }
    } finally {
      cursor.close();
    }
  }).finally(() => bar.stop());
  return EXIT.fine;
};

async function countOf(view: ReadView, { documents }: StoredDocuments): Promise<number> {
  const scan = view.scan(documents, { expect: "all", keysOnly: true });
  let count = 0;
  try {
    for (let done = false; !done;) {
      const page = await scan.next();
      count += page.rows;
      done = page.done;
    }
  } finally {
    scan.close();
  }
  return count;
}
