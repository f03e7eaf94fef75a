/** kotoba stats: what a database is made of. */
import type { LevelReport, LsmReport } from "../../engine/index.ts";
import { withReader } from "../command.ts";
import type { Command, CommonOptions } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { pairsText, sizeText, tableText } from "../print/table-text.ts";

export const stats: Command<[path: string], CommonOptions> = async (context, [path], { json }) => {
  const report = await withReader(context, path, async (engine) => engine.report());
  const { amplification, levels, memtables, sequence, tables, totalBytes } = report;
  const figures = {
    path,
    sequence,
    tables,
    totalBytes,
    bytesFromLogs: memtables.waitingBytes,
    sortedRuns: amplification.sortedRuns,
    spaceAmplification: amplification.space ?? null,
    levels: levels.map(levelFigures),
  };
  await context.terminal.out(json === true ? `${JSON.stringify(figures)}\n` : text(path, report));
  return EXIT.fine;
};

/** What stands on the disk; what a level was read and written is known to a running engine only. */
function levelFigures(level: LevelReport): Readonly<Record<string, number>> {
  const { bytes, entries, rangeDeletes, score, tables, tombstones } = level;
  return { level: level.level, tables, bytes, entries, tombstones, rangeDeletes, score };
}

function text(path: string, report: LsmReport): string {
  const { amplification, levels, memtables, sequence, tables, totalBytes } = report;
  const pairs = pairsText([
    ["database", path],
    ["commits", sequence],
    ["tables", `${tables}, ${sizeText(totalBytes)}`],
    ["read from logs", sizeText(memtables.waitingBytes)],
    ["sorted runs", amplification.sortedRuns],
    [
      "space amplification",
      amplification.space === undefined ? "-" : `${amplification.space.toFixed(2)} x`,
    ],
  ]);
  if (levels.length === 0) return pairs;
  const rows = levels.map((level) => [
    level.level,
    level.tables,
    sizeText(level.bytes),
    level.entries,
    level.tombstones,
    level.rangeDeletes,
    level.score,
  ]);
  const head = ["level", "tables", "size", "entries", "deletes", "range deletes", "score"];
  return `${pairs}\n${tableText(head, rows)}`;
}
