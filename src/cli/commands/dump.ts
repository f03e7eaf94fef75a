/** kotoba dump: logs, tables and the manifest as text, entry by entry. */
import { dumpDatabase, dumpFile } from "../../engine/index.ts";
import type { Command, CommonOptions } from "../command.ts";
import { EXIT, WrongUsage } from "../exit-code.ts";

const KINDS = { wal: "wal", sst: "table", manifest: "manifest" } as const;
const NAMES = { wal: /\.log$/, sst: /\.sst$/, manifest: /MANIFEST-\d+$/ } as const;

export const dump: Command<[kind: string, path: string], CommonOptions> = async (
  { host, terminal },
  [kind, path],
  { json },
) => {
  if (kind !== "wal" && kind !== "sst" && kind !== "manifest") {
    throw new WrongUsage("There are dumps of wal, sst and manifest.", { kind });
  }
  const isFile = Object.values(NAMES).some((name) => name.test(path));
  if (isFile && !NAMES[kind].test(path)) {
    throw new WrongUsage("The file is of another kind.", { kind, path });
  }
  const text = isFile
    ? dumpFile({ path, host })
    : await dumpDatabase({ path, host, only: KINDS[kind] });
  const lines = text.split("\n").slice(0, -1);
  if (json === true) await terminal.out(`${JSON.stringify({ kind, path, lines })}\n`);
  else {
    for (const line of lines) {
      if (terminal.isClosed) break;
      await terminal.out(`${line}\n`);
    }
  }
  return EXIT.fine;
};
