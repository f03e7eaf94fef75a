/** kotoba import: documents from a file or the standard input, checked against the stored shape of their collection. */
import { importStored } from "../../collections/index.ts";
import type { CollectionDefinition, ImportOptions, ImportResult } from "../../collections/index.ts";
import type { Host } from "../../engine/index.ts";
import { withReader, withWriter } from "../command.ts";
import type { Command, CommandContext, CommonOptions } from "../command.ts";
import { EXIT, NeedsProgram, WrongUsage } from "../exit-code.ts";
import { progressBar } from "../print/progress-bar.ts";
import { countText } from "../print/table-text.ts";
import { storeHost } from "../store-host.ts";
import { requireCollection } from "./get.ts";

export interface ImportCommandOptions extends CommonOptions {
  readonly onExisting?: string;
  readonly onBadLine?: string;
  readonly partial?: boolean;
}

const CHUNK_BYTES = 1 << 18;
/** In the place of a file: the standard input. */
const STANDARD_INPUT = "-";
/** What only the program knows. */
const UNCHECKED =
  "Checked against the stored shape: kinds, names and unique keys. What the schema in the program\n" +
  "checks beyond it (lengths, patterns, refinements, references) was not.\n";

export const importFile: Command<
  [path: string, collection: string, file: string],
  ImportCommandOptions
> = async (context, [path, collection, file], { json, onBadLine, onExisting, partial }) => {
  const options: ImportOptions = {
    onExisting: oneOf("on-existing", onExisting ?? "error", ["error", "replace", "skip"]),
    onBadLine: oneOf("on-bad-line", onBadLine ?? "error", ["error", "skip"]),
    partial: partial === true,
  };
  const definition = await withReader(context, path, async (engine) => {
    const stored = await requireCollection(engine.snapshot(), collection);
    const found = stored.definition();
    if ("problem" in found) throw new NeedsProgram({ collection, reason: found.problem });
    return found.definition;
  });
  const { host, terminal } = context;
  const isFile = file !== STANDARD_INPUT;
  // How much is still to come of a standard input, nobody knows.
  const bytesTotal = isFile ? host.files.size(file) : 0;
  const bar = progressBar(terminal, "importing", isFile && json !== true);
  const onProgress = ({ bytesRead }: { readonly bytesRead: number }): void =>
    bar.update(bytesRead, bytesTotal);
  const source = isFile ? chunksOf(host, file) : terminal.input;
  const result = await imported(context, path, definition, source, {
    ...options,
    onProgress,
  }).finally(() => bar.stop());
  await terminal.out(json === true ? `${JSON.stringify(result)}\n` : textOf(collection, result));
  return result.badCount === 0 ? EXIT.fine : EXIT.problems;
};

function imported(
  context: CommandContext,
  path: string,
  definition: CollectionDefinition,
  source: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<ImportResult> {
  return withWriter(context, path, (engine) =>
    importStored(storeHost(context.host, engine), definition, source, options),
  );
}

async function* chunksOf({ files }: Host, path: string): AsyncGenerator<Uint8Array> {
  const file = files.open(path, "read");
  try {
    for (let offset = 0; ;) {
      const chunk = new Uint8Array(CHUNK_BYTES);
      const count = await file.readAsync(chunk, 0, CHUNK_BYTES, offset);
      if (count === 0) return;
      offset += count;
      yield chunk.subarray(0, count);
    }
  } finally {
    file.close();
  }
}

function textOf(collection: string, result: ImportResult): string {
  const { bad, badCount, imported: fresh, replaced, skipped } = result;
  const counts = `${fresh} imported, ${replaced} replaced, ${skipped} skipped`;
  const lines = bad.map(({ line, reason }) => `  line ${line}: ${reason}\n`).join("");
  const more = badCount > bad.length ? `  and ${badCount - bad.length} more\n` : "";
  return `${collection}: ${counts}, ${countText(badCount, "bad line")}\n${lines}${more}${UNCHECKED}`;
}

/** @throws WrongUsage naming what there is. */
export function oneOf<T extends string>(option: string, given: string, known: readonly T[]): T {
  const found = known.find((one) => one === given);
  if (found !== undefined) return found;
  throw new WrongUsage(`There are ${known.join(", ")}.`, { [option]: given });
}
