/** The figures of a campaign as a table, printed and kept in docs/GUARANTEES.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { figureToReach } from "./campaign.ts";
import type { Outcome } from "./campaign.ts";

const DOCUMENT = new URL("../../docs/GUARANTEES.md", import.meta.url);
const START = "<!-- figures: written by npm run prove -- --write -->";
const END = "<!-- end of figures -->";

export interface About {
  readonly minutes: number;
  readonly seed: number;
  readonly cores: number;
}

const shown = (value: number): string => value.toLocaleString("en");

export function figuresTable(outcomes: readonly Outcome[], about: About): string {
  const rows = outcomes.map(({ begun, counts, failures, millis, proof }) => [
    proof.name,
    `${shown(counts.get(proof.unit) ?? 0)} ${proof.unit}`,
    shown(figureToReach(proof, about.minutes)),
    String(failures.length),
    `${shown(begun)} in ${shown(Math.round(millis / 1_000))} s`,
  ]);
  const details = outcomes.flatMap(({ counts, proof }) => {
    const others = [...counts]
      .filter(([what]) => what !== proof.unit)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    if (others.length === 0) return [];
    return [`- **${proof.name}**: ${others.map(([what, n]) => `${shown(n)} ${what}`).join(", ")}`];
  });
  return [
    `${about.minutes} minutes on ${about.cores} cores, Node ${process.version}, seed ${about.seed}:`,
    "",
    ...table(["proof", "seen", "to reach", "bad", "rounds"], rows),
    "",
    ...details,
  ].join("\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => row[at]!.length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(" | ")} |`;
  return [
    line(head),
    `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`,
    ...rows.map(line),
  ];
}

/** Puts the figures between their marks. */
export function writeFigures(outcomes: readonly Outcome[], about: About): void {
  const text = readFileSync(DOCUMENT, "utf8");
  const [start, end] = [text.indexOf(START), text.indexOf(END)];
  if (start === -1 || end < start) throw new Error(`docs/GUARANTEES.md has no place "${START}"`);
  const head = text.slice(0, start + START.length);
  writeFileSync(DOCUMENT, `${head}\n\n${figuresTable(outcomes, about)}\n\n${text.slice(end)}`);
}
