/** kotoba verify: every block of every table, every record of every log, and the manifest. */
import { verifyDatabase } from "../../engine/index.ts";
import type { Command, CommonOptions } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { progressBar } from "../print/progress-bar.ts";
import { countText, sizeText } from "../print/table-text.ts";

export const verify: Command<[path: string], CommonOptions> = async (context, [path], { json }) => {
  const { host, terminal } = context;
  const bar = progressBar(terminal, "verifying", json !== true);
  const result = await verifyDatabase({
    path,
    host,
    onProgress: ({ bytesDone, bytesTotal }) => bar.update(bytesDone, bytesTotal),
  }).finally(() => bar.stop());
  const { bytes, logs, problems, tables } = result;
  const isFine = problems.length === 0;
  if (json === true) {
    await terminal.out(`${JSON.stringify({ ok: isFine, tables, logs, bytes, problems })}\n`);
  } else {
    for (const problem of problems) await terminal.out(`${problem}\n`);
    const found = isFine ? "all is well" : countText(problems.length, "problem");
    const read = `${countText(tables, "table")}, ${countText(logs, "log")}, ${sizeText(bytes)}`;
    await terminal.out(`${found}: ${read} checked\n`);
  }
  return isFine ? EXIT.fine : EXIT.problems;
};
