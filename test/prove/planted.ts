/**
 * The test of the tests: databases with one planted defect each. A checker of the other proofs must notice every one of
 * them with little effort, and must find nothing wrong with the same database without the defect.
 */
import { count } from "./kit/proof.ts";
import type { Counts, Proof } from "./kit/proof.ts";
import { catchers } from "./planted/catchers.ts";
import type { CatcherName } from "./planted/catchers.ts";
import type { Defect } from "./planted/defect.ts";
import { inCollections } from "./planted/in-collections.ts";
import { inCommits } from "./planted/in-commits.ts";
import { inReads } from "./planted/in-reads.ts";
import { onDisk } from "./planted/on-disk.ts";

/** All of them; the place in the list is the seed of the round. */
export const defects: readonly Defect[] = [...inCommits, ...inReads, ...onDisk, ...inCollections];

const UNIT = "planted defects caught";
/** What a defect makes of a program may be that it never ends. */
const STUCK_MILLIS = 60_000;

/** A catcher that cries out at nothing proves nothing: once for each in a process. */
const healthy = new Map<CatcherName, Promise<string | undefined>>();

async function round(seed: number, counts: Counts): Promise<void> {
  const defect = defects[seed];
  if (defect === undefined) throw new Error(`there are ${defects.length} planted defects`);
  const { caughtBy, name, planting, where } = defect;
  let twin = healthy.get(caughtBy);
  if (twin === undefined) healthy.set(caughtBy, (twin = catchers[caughtBy]({})));
  const alarm = await twin;
  if (alarm !== undefined) throw new Error(`${caughtBy}: found in a healthy database: ${alarm}`);
  const restore = planting.patch?.();
  let timer: NodeJS.Timeout | undefined;
  try {
    const stuck = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve("it never ended"), STUCK_MILLIS);
    });
    const found = await Promise.race([catchers[caughtBy](planting), stuck]);
    if (found === undefined) throw new Error(`not noticed by ${caughtBy}: ${name} (${where})`);
  } finally {
    clearTimeout(timer);
    restore?.();
  }
  count(counts, UNIT);
  count(counts, `by ${caughtBy}`);
}

export const planted: Proof = {
  name: "planted",
  unit: UNIT,
  quick: defects.length,
  full: defects.length,
  share: 1,
  rounds: defects.length,
  round,
};

/** The list as a table for people. */
export function plantedTable(): string {
  const rows = defects.map(({ caughtBy, name, where }) => [name, where, caughtBy]);
  const head = ["planted defect", "where", "caught by"];
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]!.length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return `${[line(head), rule, ...rows.map(line)].join("\n")}\n`;
}
