/** kotoba compact: gives back the room that old data takes. */
import { bytesOfHex, withWriter } from "../command.ts";
import type { Command, CommandContext, CommonOptions } from "../command.ts";
import { EXIT, WrongUsage } from "../exit-code.ts";
import { progressBar } from "../print/progress-bar.ts";
import { countText, sizeText } from "../print/table-text.ts";

export interface CompactOptions extends CommonOptions {
  readonly start?: string;
  readonly end?: string;
}

const LOOK_MILLIS = 100;

export const compact: Command<[path: string], CompactOptions> = async (
  context,
  [path],
  { end, json, start },
) => {
  const range = {
    start: bytesOfHex("start", start ?? ""),
    end: end === undefined ? undefined : bytesOfHex("end", end),
  };
  if (range.end !== undefined && Buffer.compare(range.start, range.end) >= 0) {
    throw new WrongUsage("A range ends behind its start.", { start: start ?? "", end });
  }
  const isAll = start === undefined && end === undefined;
  const figures = await withWriter(context, path, async (engine) => {
    const before = engine.report();
    const stop = watch(context, path, before.totalBytes, json !== true);
    await engine.compact(isAll ? undefined : range).finally(stop);
    const after = engine.report();
    return {
      tablesBefore: before.tables,
      bytesBefore: before.totalBytes,
      tables: after.tables,
      bytes: after.totalBytes,
    };
  });
  const { bytes, bytesBefore, tables, tablesBefore } = figures;
  const text =
    `${countText(tablesBefore, "table")}, ${sizeText(bytesBefore)} before; ` +
    `${countText(tables, "table")}, ${sizeText(bytes)} now\n`;
  await context.terminal.out(json === true ? `${JSON.stringify(figures)}\n` : text);
  return EXIT.fine;
};

/** Shows how much of the new tables is written, by looking at the directory: at most as much as there was before. */
function watch(
  { host, terminal }: CommandContext,
  path: string,
  bytesTotal: number,
  isShown: boolean,
): () => void {
  if (terminal.progress === undefined || !isShown) return () => undefined;
  const bar = progressBar(terminal, "compacting", isShown);
  const tables = (): string[] => host.files.list(path).filter((name) => name.endsWith(".sst"));
  const former = new Set(tables());
  const look = (): void => {
    let bytes = 0;
    for (const name of tables()) {
      // One that is gone by now has been read into the others.
      if (!former.has(name) && host.files.exists(`${path}/${name}`)) {
        bytes += host.files.size(`${path}/${name}`);
      }
    }
    bar.update(Math.min(bytes, bytesTotal), bytesTotal);
  };
  const timer = setInterval(look, LOOK_MILLIS);
  return () => {
    clearInterval(timer);
    bar.stop();
  };
}
