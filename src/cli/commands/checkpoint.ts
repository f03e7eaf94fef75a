/** kotoba checkpoint: a database of its own in another directory, without changing this one. */
import { withReader } from "../command.ts";
import type { Command, CommonOptions } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { progressBar } from "../print/progress-bar.ts";
import { countText, sizeText } from "../print/table-text.ts";

export const checkpoint: Command<[path: string, target: string], CommonOptions> = async (
  context,
  [path, target],
  { json },
) => {
  const bar = progressBar(context.terminal, "copying", json !== true);
  const onProgress = ({
    bytesDone,
    bytesTotal,
  }: {
    readonly bytesDone: number;
    readonly bytesTotal: number;
  }): void => bar.update(bytesDone, bytesTotal);
  const result = await withReader(context, path, (engine) =>
    engine.checkpoint(target, { onProgress }),
  ).finally(() => bar.stop());
  const { bytes, logs, tables, tablesCopied } = result;
  const how = tablesCopied === 0 ? "linked" : "copied";
  const text = `${target}: ${countText(tables, "table")} ${how}, ${countText(logs, "log")} copied, ${sizeText(bytes)}\n`;
  await context.terminal.out(json === true ? `${JSON.stringify(result)}\n` : text);
  return EXIT.fine;
};
