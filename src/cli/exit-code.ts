/** What the command tells the shell. The numbers are a promise to scripts and never change meaning. */
import { KotobaError } from "../base/index.ts";
import { StorageError } from "../engine/index.ts";
import type { StorageCode } from "../engine/index.ts";

export const EXIT = {
  fine: 0,
  problems: 1,
  usage: 2,
  locked: 3,
  damaged: 4,
  notFound: 5,
  storage: 6,
  tooNew: 7,
  defect: 70,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** For --help and docs. */
export const EXIT_TEXT = `Exit codes:
  0   done, and all is well
  1   verify, import, check, migrate or copy found something wrong
  2   the command was not given right
  3   the database is open elsewhere
  4   a file of the database is damaged
  5   no such database, collection, document or key
  6   the storage failed: disk full, no permission, input or output error
  7   the database was written by a newer version of KotobaDB
  70  a defect of KotobaDB itself`;

/** The arguments do not make sense together. */
export class WrongUsage extends KotobaError<"WrongUsage"> {
  readonly _tag = "WrongUsage" as const;
  constructor(sentence: string, details?: Readonly<Record<string, unknown>>) {
    super({ sentence, remedy: "See kotoba --help.", details });
  }
}

/** What was asked for is not in the database. */
export class NothingThere extends KotobaError<"NothingThere"> {
  readonly _tag = "NothingThere" as const;
  constructor(what: "collection" | "document" | "key", details: Readonly<Record<string, unknown>>) {
    super({
      sentence: `There is no such ${what}.`,
      remedy: "kotoba collections and kotoba scan show what there is.",
      details,
    });
  }
}

/** A collection can only be written by the program that defines it. */
export class NeedsProgram extends KotobaError<"NeedsProgram"> {
  readonly _tag = "NeedsProgram" as const;
  constructor(details: Readonly<Record<string, unknown>>) {
    super({
      sentence: "The collection can only be written by its program.",
      remedy: "Use import() of the collection in the program that defines it.",
      details,
    });
  }
}

export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof KotobaError)) return EXIT.defect;
  if (error instanceof StorageError) return exitCodeOfStorage(error);
  switch (error._tag) {
    case "CopyDiffers":
    case "ImportFailed":
    case "EvolutionFailed":
    case "SchemaMismatch":
    case "UniqueViolation":
      return EXIT.problems;
    case "InvalidDefinition":
    case "InvalidPostgresOption":
    case "ModuleNotLoaded":
    case "NeedsProgram":
    case "NoEngineForUrl":
    case "TargetNotEmpty":
    case "WrongUsage":
      return EXIT.usage;
    case "NothingThere":
      return EXIT.notFound;
    case "CopyOvertaken":
    case "DatabaseLocked":
      return EXIT.locked;
    case "CorruptionError":
      return EXIT.damaged;
    case "DiskFull":
      return EXIT.storage;
    default:
      return EXIT.defect;
  }
}

/** The storage works; what is in it cannot be used so. */
const PROBLEMS_OF_DATA: ReadonlySet<StorageCode> = new Set([
  "UnfinishedCopy",
  "KeyTooLarge",
  "ValueTooLarge",
  "TransactionTooLarge",
]);

function exitCodeOfStorage({ code, details }: StorageError): ExitCode {
  if (code === "NoDatabase" || details["error"] === "ENOENT") return EXIT.notFound;
  if (code === "NotEmpty") return EXIT.usage;
  if (PROBLEMS_OF_DATA.has(code)) return EXIT.problems;
  return code === "FormatTooNew" ? EXIT.tooNew : EXIT.storage;
}
