/**
 * kotoba verify: the manifest, every block of every table and every record of every log; then, where the files are in
 * order, whether documents can be read and index entries refer to some.
 */
import { storedCollections, verifyStored } from "../../collections/index.ts";
import { verifyDatabase } from "../../engine/index.ts";
import { withReader } from "../command.ts";
import type { Command, CommandContext, CommonOptions } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { progressBar } from "../print/progress-bar.ts";
import { countText, sizeText } from "../print/table-text.ts";

export const verify: Command<[path: string], CommonOptions> = async (context, [path], { json }) => {
  const { host, terminal } = context;
  const bar = progressBar(terminal, "verifying", json !== true);
  const files = await verifyDatabase({
    path,
    host,
    onProgress: ({ bytesDone, bytesTotal }) => bar.update(bytesDone, bytesTotal),
  }).finally(() => bar.stop());
  const rows = files.problems.length === 0 ? await verifyRows(context, path) : undefined;
  const problems = [...files.problems, ...(rows?.problems ?? [])];
  const { bytes, logs, tables } = files;
  const isFine = problems.length === 0;
  if (json === true) {
    const { documents, entries } = rows ?? { documents: null, entries: null };
    const figures = { ok: isFine, tables, logs, bytes, documents, entries, problems };
    await terminal.out(`${JSON.stringify(figures)}\n`);
  } else {
    for (const problem of problems) await terminal.out(`${problem}\n`);
    const found = isFine ? "all is well" : countText(problems.length, "problem");
    const read = `${countText(tables, "table")}, ${countText(logs, "log")}, ${sizeText(bytes)}`;
    const also =
      rows === undefined
        ? ""
        : `, ${countText(rows.documents, "document")}, ${countText(rows.entries, "index entry", "index entries")}`;
    await terminal.out(`${found}: ${read}${also} checked\n`);
  }
  return isFine ? EXIT.fine : EXIT.problems;
};

interface Rows {
  readonly documents: number;
  readonly entries: number;
  readonly problems: readonly string[];
}

async function verifyRows(context: CommandContext, path: string): Promise<Rows> {
  return withReader(context, path, async (engine) => {
    const view = engine.snapshot();
    const problems: string[] = [];
    let documents = 0;
    let entries = 0;
    for (const collection of await storedCollections(view)) {
      const found = await verifyStored(collection, view);
      problems.push(...found.problems);
      documents += found.documents;
      entries += found.entries;
    }
    return { documents, entries, problems };
  });
}
