/**
 * The kotoba command: what it understands, and how each call ends.
 *
 * Always true:
 * (1) Every command but compact, copy, import, migrate and postgres opens the database for reading only and changes nothing
 *     in it; copy so opens its source.
 * (2) It ends with one of the codes of exit-code.ts; it never ends the process itself.
 * (3) With --json the standard output holds JSON and nothing else: one object, or one a line for scan and export.
 */
import { Command as Program, CommanderError } from "commander";
import { nodeHost } from "../engine/index.ts";
import type { Host } from "../engine/index.ts";
import type { Command, CommandContext, CommonOptions } from "./command.ts";
import { check } from "./commands/check.ts";
import { checkpoint } from "./commands/checkpoint.ts";
import { collections } from "./commands/collections.ts";
import { compact } from "./commands/compact.ts";
import { dump } from "./commands/dump.ts";
import { exportDocuments } from "./commands/export.ts";
import { get } from "./commands/get.ts";
import { importFile } from "./commands/import.ts";
import { migrate } from "./commands/migrate.ts";
import { scan } from "./commands/scan.ts";
import { stats } from "./commands/stats.ts";
import { verify } from "./commands/verify.ts";
import { copy } from "./copy/copy.ts";
import { URL_ENGINES } from "./copy/engine-place.ts";
import type { UrlEngines } from "./copy/engine-place.ts";
import { postgres } from "./postgres/postgres.ts";
import { EXIT, EXIT_TEXT, WrongUsage, exitCodeOf } from "./exit-code.ts";
import type { ExitCode } from "./exit-code.ts";
import type { LoadModule } from "./program-definitions.ts";
import { errorText } from "./terminal.ts";
import type { Terminal } from "./terminal.ts";

export interface RunOptions {
  readonly terminal: Terminal;
  /** For --version. */
  readonly version: string;
  /** Default: that of Node. */
  readonly host?: Host;
  /** Default: what import() takes. */
  readonly load?: LoadModule;
  /** Default: those of this build. */
  readonly urlEngines?: UrlEngines;
}

/** Runs the command with these arguments, without the name of the program; gives its exit code. Never throws. */
export async function runCommand(
  args: readonly string[],
  {
    host = nodeHost(),
    load = importModule,
    terminal,
    urlEngines = URL_ENGINES,
    version,
  }: RunOptions,
): Promise<ExitCode> {
  let exit: ExitCode = EXIT.fine;
  const json = args.includes("--json");
  const program = programOf({ terminal, host, load, urlEngines }, version, json, (code) => {
    exit = code;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return exit;
  } catch (error) {
    // Help and version count as done; everything else that the parser says is a mistake of the caller.
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.fine;
      if (json) terminal.err(errorText(new WrongUsage(error.message), json));
      return EXIT.usage;
    }
    terminal.err(errorText(error, json));
    return exitCodeOf(error);
  }
}

function importModule(path: string): Promise<object> {
  return import(path) as Promise<object>;
}

function programOf(
  context: CommandContext,
  version: string,
  json: boolean,
  end: (code: ExitCode) => void,
): Program {
  const { terminal } = context;
  const program = new Program("kotoba")
    .description("Looks into a KotobaDB database and keeps it in order.")
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminal.out(text),
      // As JSON it is printed whole, when the parser has ended.
      writeErr: (text) => {
        if (!json) terminal.err(text);
      },
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
    })
    .showHelpAfterError("See kotoba --help.")
    .addHelpText("after", `\n${EXIT_TEXT}`);
  const add: Add = (usage, description, run) => {
    const command = program.command(usage).description(description);
    command.option("--json", "print JSON, for programs");
    return command.action(async (...given: unknown[]) => {
      // Commander hands over the arguments, then the options, then the command itself.
      const options = given.at(-2) as Parameters<typeof run>[2];
      end(await run(context, given.slice(0, -2) as unknown as Parameters<typeof run>[1], options));
    });
  };
  addCommands(add);
  return program;
}

/** Adds a command, by its usage; gives what takes its options. */
type Add = <A extends readonly unknown[], O extends CommonOptions>(
  usage: string,
  description: string,
  run: Command<A, O>,
) => Program;

/** In the order in which they are listed. */
function addCommands(add: Add): void {
  add("stats <dir>", "tables, sizes and levels", stats);
  add("verify <dir>", "read every byte and check it", verify);
  add("compact <dir>", "give back the room that old data takes; changes the database", compact)
    .option("--start <hex>", "only keys from this one on")
    .option("--end <hex>", "only keys before this one");
  add(
    "checkpoint <dir> <target>",
    "make a copy in an empty folder, by links where possible",
    checkpoint,
  );
  add(
    "copy <from> <to>",
    "everything to another engine or an empty folder, and compare; goes on after an interruption",
    copy,
  ).option("--verify-only", "compare the two, and change nothing");
  add("dump <kind> <path>", "wal, sst or manifest as text: of a database, or one file", dump);
  add("get <dir> [collection] [id]", "one document, or one raw value", get).option(
    "--key <hex>",
    "the raw key, instead of collection and id",
  );
  add("scan <dir> [collection]", "documents of a collection, or raw rows", scan)
    .option("--prefix <hex>", "only raw keys that begin so")
    .option("--limit <count>", "at most so many rows")
    .option("--reverse", "the last first");
  add(
    "export <dir> <collection>",
    "all documents of a collection as text, which import reads",
    exportDocuments,
  ).option("--format <name>", "ndjson (a document a line, default) or json (one array)");
  add(
    "import <dir> <collection> <file>",
    "documents from a text (- is the standard input), all or none; changes the database",
    importFile,
  )
    .option("--on-existing <what>", "of an id that is there: error (default), replace or skip")
    .option("--on-bad-line <what>", "error (default) or skip")
    .option("--partial", "in batches, for texts larger than a transaction may be");
  add("collections <dir>", "names, documents and indexes", collections);
  add(
    "check <dir> <module>",
    "hold the collections that a module defines against what is stored",
    check,
  );
  add(
    "migrate <dir> <module>",
    "bring documents and indexes to what a module defines; changes the database",
    migrate,
  ).option("--dry-run", "try every step on every document, and change nothing");
  add(
    "postgres <what> <url>",
    "init: make the table on a server, and look at the server's settings",
    postgres,
  )
    .option("--table <name>", "another table than kotoba")
    .option("--change-log", "make the log of commits beside it")
    .option("--role <name>", "give this role what a program needs that makes nothing")
    .option("--print", "print the statements, and run nothing");
}
