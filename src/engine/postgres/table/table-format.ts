/**
 * The format of a table stands in its comment, so that a program knows what it has before it. What is to be done with the
 * table is decided here, and nowhere else. Pure: a comment in, a plan out.
 */
import { StorageError } from "../../contract/index.ts";
import type { TableName } from "./make-table.ts";

/** Rises when an older program could not read what a newer one has written. */
const FORMAT = 1;

/** The statements that lead from one format to the next. */
type Migration = (name: TableName) => readonly string[];

/** By the format that they begin at: who raises FORMAT adds one. There has been one format so far. */
const MIGRATIONS: ReadonlyMap<number, Migration> = new Map();

export function commentOf(format: number = FORMAT): string {
  return `KotobaDB, format ${format}: ordered rows of bytes`;
}

export type TablePlan =
  | { readonly todo: "make"; readonly format: number }
  | { readonly todo: "nothing"; readonly format: number }
  | {
      readonly todo: "migrate";
      readonly format: number;
      readonly from: number;
      readonly steps: readonly Migration[];
    }
  | { readonly todo: "refuse"; readonly error: StorageError };

/** `comment`: of the table; undefined where there is none of that name, empty where it has no comment. */
export function planFor(
  table: string,
  comment: string | undefined,
  { format, migrations }: { readonly format: number; readonly migrations: typeof MIGRATIONS } = {
    format: FORMAT,
    migrations: MIGRATIONS,
  },
): TablePlan {
  if (comment === undefined) return { todo: "make", format };
  const [, found] = /^KotobaDB, format (\d{1,9}): /.exec(comment) ?? [];
  if (found === undefined) return refusal("NotSupported", { table, comment }, FOREIGN);
  const from = Number(found);
  if (from === format) return { todo: "nothing", format };
  const details = { table, format: from, formatOfProgram: format };
  if (from > format) return refusal("FormatTooNew", details);
  const steps: Migration[] = [];
  for (let at = from; at < format; at++) {
    const step = migrations.get(at);
    if (step === undefined) return refusal("FormatTooOld", details);
    steps.push(step);
  }
  return { todo: "migrate", format, from, steps };
}

const FOREIGN =
  "The table is not of KotobaDB, by its comment: name another one. Nothing was changed.";

function refusal(
  code: "FormatTooNew" | "FormatTooOld" | "NotSupported",
  details: Readonly<Record<string, unknown>>,
  remedy?: string,
): TablePlan {
  const options = remedy === undefined ? {} : { remedy };
  return { todo: "refuse", error: new StorageError(code, details, options) };
}
