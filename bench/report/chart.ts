/** Bars for a few workloads, as an SVG text: a group for each workload, a bar for each store, the largest figure full length. */
import { figure } from "./figures.ts";
import { OURS } from "./results.ts";
import type { ResultRow } from "./results.ts";

const WIDTH = 760;
const LABEL_WIDTH = 200;
const VALUE_WIDTH = 90;
const BAR_WIDTH_MAX = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
const BAR_HEIGHT = 13;
const GROUP_HEAD = 24;
const GROUP_GAP = 10;
const TITLE_HEIGHT = 44;

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-size: 15px; font-weight: 600; }
  .workload { font-weight: 600; }
  .value { fill: #57606a; }
  .page { fill: #ffffff; }
  .peer { fill: #a8b3bf; }
  .ours { fill: #c2410c; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .value { fill: #9da7b1; }
    .page { fill: #0d1117; }
    .peer { fill: #57606a; }
    .ours { fill: #f97316; }
  }`;

/** `stores`: in which order, top to bottom. */
export function chartOf(
  title: string,
  rows: readonly ResultRow[],
  stores: readonly string[],
): string {
  const parts: string[] = [];
  let top = TITLE_HEIGHT;
  for (const row of rows) {
    parts.push(text(12, top + 15, "workload", `${row.workload} (${directionText(row)})`));
    top += GROUP_HEAD;
    for (const store of stores) {
      const cell = row.cells.get(store);
      if (cell === undefined) continue;
      const length = Math.max(1, Math.round(lengthOf(row, cell.median) * BAR_WIDTH_MAX));
      const shade = store === OURS ? "ours" : "peer";
      const height = BAR_HEIGHT - 3;
      parts.push(
        text(24, top + BAR_HEIGHT - 3, "store", store),
        `<rect class="${shade}" x="${LABEL_WIDTH}" y="${top}" width="${length}" height="${height}" rx="2"/>`,
        text(
          LABEL_WIDTH + length + 6,
          top + BAR_HEIGHT - 3,
          "value",
          figure(cell.median, row.unit),
        ),
      );
      top += BAR_HEIGHT;
    }
    top += GROUP_GAP;
  }
  const size = `width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}\n</style>`,
    `<rect class="page" width="${WIDTH}" height="${top}"/>`,
    text(12, 26, "title", title),
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

/** The share of the longest bar of the row: the longest figure, whichever way better points. */
function lengthOf(row: ResultRow, value: number): number {
  const most = Math.max(...[...row.cells.values()].map(({ median }) => median));
  return most === 0 ? 0 : value / most;
}

function directionText({ better }: ResultRow): string {
  return better === "higher" ? "more is better" : "less is better";
}

function text(x: number, y: number, shade: string, words: string): string {
  return `<text class="${shade}" x="${x}" y="${y}">${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
