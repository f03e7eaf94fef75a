/** Columns of text for people: figures to the right, words to the left. */

export type Cell = string | number;

export function tableText(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = [head, ...rows.map((row) => row.map(cellText))];
  const widths = head.map((_, column) =>
    Math.max(...texts.map((row) => (row[column] ?? "").length)),
  );
  const isNumeric = head.map((_, column) =>
    rows.every((row) => typeof row[column] === "number" || row[column] === ""),
  );
  const lines = texts.map((row) =>
    row
      .map((text, column) =>
        isNumeric[column] ? text.padStart(widths[column]!) : text.padEnd(widths[column]!),
      )
      .join("  ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}

/** Names and what they stand for, one a line. */
export function pairsText(pairs: readonly (readonly [name: string, value: Cell])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${cellText(value)}\n`).join("");
}

function cellText(cell: Cell): string {
  if (typeof cell === "string") return cell;
  return Number.isInteger(cell) ? String(cell) : cell.toFixed(2);
}

const UNITS = ["KiB", "MiB", "GiB", "TiB"] as const;

/** A size as people read it: "712 bytes", "1.4 MiB". */
export function sizeText(bytes: number): string {
  if (bytes < 1_024) return `${bytes} bytes`;
  let value = bytes / 1_024;
  let unit = 0;
  while (value >= 1_024 && unit < UNITS.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${value.toFixed(1)} ${UNITS[unit]}`;
}

/** "1 table", "2 tables". */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
