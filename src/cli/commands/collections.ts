/** kotoba collections: what the catalog lists, without the program's schemas. */
import { storedCollections } from "../../collections/index.ts";
import type { KeyRange, ReadView } from "../../engine/index.ts";
import { withReader } from "../command.ts";
import type { Command, CommonOptions } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { tableText } from "../print/table-text.ts";

export const collections: Command<[path: string], CommonOptions> = async (
  context,
  [path],
  { json },
) => {
  const found = await withReader(context, path, async (engine) => {
    const view = engine.snapshot();
    const stored = await storedCollections(view);
    return Promise.all(
      stored.map(async ({ documents, indexes, name, number, state, version }) => ({
        name,
        number,
        version,
        state,
        documents: await countRows(view, documents),
        indexes: await Promise.all(
          indexes.map(async (index) => ({
            name: index.name,
            state: index.state,
            entries: await countRows(view, index.entries),
          })),
        ),
      })),
    );
  });
  if (json === true) {
    await context.terminal.out(`${JSON.stringify({ collections: found })}\n`);
    return EXIT.fine;
  }
  const rows = found.map(({ documents, indexes, name, state, version }) => [
    name,
    documents,
    version,
    state,
    indexes
      .map((index) => (index.state === "ready" ? index.name : `${index.name} (${index.state})`))
      .join(", "),
  ]);
  const table = tableText(["collection", "documents", "version", "state", "indexes"], rows);
  await context.terminal.out(rows.length === 0 ? "no collections\n" : table);
  return EXIT.fine;
};

async function countRows(view: ReadView, range: KeyRange): Promise<number> {
  const scan = view.scan(range, { keysOnly: true, expect: "all" });
  let rows = 0;
  try {
    for (let done = false; !done;) {
      const page = await scan.next();
      rows += page.rows;
      done = page.done;
    }
  } finally {
    scan.close();
  }
  return rows;
}
