/** kotoba postgres init: the table of a database on a server, made by whoever may. */
import type { Command, CommonOptions } from "../command.ts";
import { postgresTools } from "../copy/engine-place.ts";
import type { PostgresTools } from "../copy/engine-place.ts";
import { EXIT, WrongUsage } from "../exit-code.ts";
import { pairsText } from "../print/table-text.ts";

export interface PostgresCommandOptions extends CommonOptions {
  readonly table?: string;
  readonly changeLog?: boolean;
  readonly role?: string;
  readonly print?: boolean;
}

export const postgres: Command<[what: string, url: string], PostgresCommandOptions> = async (
  { terminal },
  [what, url],
  { changeLog = false, json, print, role, table = "kotoba" },
) => {
  if (what !== "init") throw new WrongUsage("What can be done is init.", { what });
  if (!/^postgres(ql)?:\/\//.test(url))
    throw new WrongUsage("A server is named by a URL that begins with postgres://.");
  const { initTable, tableDefinition } = await postgresTools();
  const asked = { changeLog, ...(role === undefined ? {} : { role }) };
  if (print === true) {
    const statements = tableDefinition(table, asked);
    const text = statements.map((statement) => `${statement};\n`).join("");
    await terminal.out(json === true ? `${JSON.stringify({ statements })}\n` : text);
    return EXIT.fine;
  }
  const report = await initTable({ url, table, ...asked });
  const figures = { ...report, role: role ?? null };
  await terminal.out(
    json === true ? `${JSON.stringify(figures)}\n` : reportText(table, report, role),
  );
  return EXIT.fine;
};

type Report = Awaited<ReturnType<PostgresTools["initTable"]>>;

const DONE: Readonly<Record<Report["changeLog" | "table"], string>> = {
  made: "made",
  there: "was there",
  migrated: "brought to this format",
  none: "none",
};

function reportText(table: string, report: Report, role: string | undefined): string {
  const { advice, changeLog, format, serverVersion } = report;
  const pairs = pairsText([
    ["server", `PostgreSQL ${serverVersion}`],
    ["table", `${table}: ${DONE[report.table]}, format ${format}`],
    ["change log", changeLog === "none" ? "none" : `${table}_log: ${DONE[changeLog]}`],
    ...(role === undefined ? [] : [["role", `${role} may read and write`] as const]),
    ["settings", advice.length === 0 ? "as advised" : "to be changed on the server:"],
  ]);
  const lines = advice.map(
    ({ advised, found, setting, why }) => `  ${setting} = ${advised}, which is ${found}: ${why}\n`,
  );
  return pairs + lines.join("");
}
