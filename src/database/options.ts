/** What callers hand to open() and transaction(), looked at before anything is done with it. */
import { KotobaError } from "../base/index.ts";
import { InvalidDefinition, RESERVED_NAMES } from "../collections/index.ts";
import type { Def, ReservedName } from "../collections/index.ts";
import type { Durability, SnapshotOptions, StorageEngine } from "../engine/contract/index.ts";
import type { Host } from "../engine/lsm/index.ts";
import type { FullScanRule } from "../query/index.ts";
import type { DatabaseEvent } from "./database-event.ts";
import type { TransactionOptions } from "./database-type.ts";
import type { Defs } from "./surface.ts";

/** A folder, ":memory:", or an engine that is open already (close() closes it too). */
export type OpenTarget = string | { readonly engine: StorageEngine };

/** Nothing, or a refusal where a collection stands under the name of a member of the database. */
export type FreeNames<Ds> = string extends keyof Ds
  ? unknown
  : [keyof Ds & ReservedName] extends [never]
    ? unknown
    : { readonly collections: { readonly [K in keyof Ds & ReservedName]: never } };

export interface ChangeLogSizes {
  readonly bytesMax?: number;
  readonly millisMax?: number;
}

export interface OpenOptions<Ds extends Defs = {}, Rs = unknown> {
  /**
   * Collections by name: each is a property of the database and of every transaction. A name may not be one of the
   * database's own members.
   */
  readonly collections?: Ds;
  /**
   * Relations between the collections, by collection and name: `{ one, via }` where the collection's field `via` holds
   * the id of another's document, `{ many, via }` where the other one's does. They can be asked for by include(); those
   * with `onDelete` are kept whole from now on, by every program that opens the database with them. What is stored
   * already is not looked through but by verify(). Default: none.
   */
  readonly relations?: Rs;
  /**
   * When a write resolves. 'durable' (default): after it is synced to the disk. 'buffered': after it is given to the
   * operating system. 'memory': at once. The weaker ones may lose the newest commits in a crash, in order and whole.
   */
  readonly durability?: Durability;
  /**
   * What happens to a query that has to look at every document for some of them: 'warn' (default) tells the process, once
   * for all queries that differ in their values only, with the index that would help; 'allow' says nothing; 'error'
   * refuses it with FullScan. All documents, asked for as such, are no full scan. Where an index would serve that is still
   * being built, 'warn' says nothing, and under 'error' the query waits for it (in a transaction: IndexNotReady).
   */
  readonly fullScan?: FullScanRule;
  /**
   * How much memory a query may take to sort what no index gives in order, in bytes; default 64 MiB, at least 64 KiB, at
   * most 1 GiB. Up to that, documents are kept while they are sorted; beyond it only where they stand in the order, up to
   * as much again, and the documents are read once more when it is their turn. What does not fit then fails with
   * SortTooLarge, which names the index that would help. With limit(n) only n rows count.
   */
  readonly sortBytesMax?: number;
  /**
   * Opens the folder to read it: nothing in it is changed, and writes are refused with StorageError 'OpenedReadOnly';
   * also the first use of a collection that is not stored there as it is defined. The folder must hold a database. Default false.
   */
  readonly readOnly?: boolean;
  /**
   * Is told what the database of a folder does: flushes, compactions, stalls, damage; and how far the indexes are that it
   * builds in the background. Default: nobody is, and a build that fails while nobody waits for it is a warning of the process.
   */
  readonly onEvent?: (event: DatabaseEvent) => void;
  /**
   * Keeps the commits of the past in order, so that `changes()` of a collection can give them, also after the database was
   * opened again. `true`: with the defaults. `bytesMax`: of log files whose commits are in tables, default 256 MiB; in
   * memory of keys and values, default 64 MiB. `millisMax`: how old they may be, default 7 days; only in a folder. Where
   * either is exceeded the oldest go, and who still needs them is told StorageError 'TooOld'. Each commit then carries a few bytes more for
   * each collection that it writes. Default: off, and `changes()` fails with StorageError 'NotSupported'.
   */
  readonly changeLog?: true | ChangeLogSizes;
  /**
   * What is refused as too large or too slow, before anything of it is sent or written. 'local' (default): keys of 4,096
   * bytes, documents of 32 MiB, commits of 256 MiB; in a folder, a transaction that writes 10 s after its first read.
   * 'portable': what every engine takes that is known of, keys of 1,024 bytes, documents of 100,000, commits of 8,000,000,
   * in a folder 5 s, so that a program whose data may move to a server one day learns of it today. Ids and indexed values
   * make keys; StorageError 'KeyTooLarge', 'ValueTooLarge', 'TransactionTooLarge' and 'TooOld' say what it was.
   */
  readonly limits?: "local" | "portable";
  /**
   * What stands for the machine: files, clock, chance and timers. Default: the machine itself. For tests there is
   * SimulatedHost of kotobadb/testing, on which a whole run follows from a seed.
   */
  readonly host?: Host;
}

/** An option is unknown, or has a value that it cannot have. Nothing was done. */
export class InvalidOption extends KotobaError<"InvalidOption"> {
  readonly _tag = "InvalidOption" as const;
  readonly option: string;
  constructor(option: string, expected: string, found: unknown) {
    super({
      sentence: "An option is not well formed.",
      remedy: "Correct the named option.",
      details: { option, expected, found: shown(found) },
    });
    this.option = option;
  }
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

const durabilities: readonly unknown[] = ["durable", "buffered", "memory"];
const fullScanRules: readonly unknown[] = ["allow", "warn", "error"];

/** @throws InvalidOption for anything that is no object of these names. */
export function checkKnown(options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null)
    throw new InvalidOption("options", "an object", options);
  for (const [name, value] of Object.entries(options))
    if (!known.includes(name))
      throw new InvalidOption(name, `no such option; there are ${known.join(", ")}`, value);
}

function checkDurability(value: unknown): void {
  if (value !== undefined && !durabilities.includes(value))
    throw new InvalidOption("durability", durabilities.join(", "), value);
}

/** @throws InvalidOption, InvalidDefinition. */
export function checkOpen(target: OpenTarget, options: OpenOptions<Defs>): void {
  const isPath = typeof target === "string" && target !== "" && !target.includes("\0");
  const isEngine =
    typeof target === "object" &&
    target !== null &&
    typeof (target as { engine?: { begin?: unknown } }).engine?.begin === "function";
  if (!isPath && !isEngine)
    throw new InvalidOption("target", 'a folder, ":memory:" or { engine }', target);
  checkKnown(options, [
    "changeLog",
    "collections",
    "durability",
    "fullScan",
    "host",
    "limits",
    "onEvent",
    "readOnly",
    "relations",
    "sortBytesMax",
  ]);
  checkDurability(options.durability);
  if (options.fullScan !== undefined && !fullScanRules.includes(options.fullScan))
    throw new InvalidOption("fullScan", fullScanRules.join(", "), options.fullScan);
  const { limits, onEvent, readOnly, sortBytesMax: bytes } = options;
  if (limits !== undefined && typeof target !== "string")
    throw new InvalidOption("limits", "absent: an open engine has its own", limits);
  if (limits !== undefined && limits !== "local" && limits !== "portable")
    throw new InvalidOption("limits", "local, portable", limits);
  if (bytes !== undefined && !(Number.isInteger(bytes) && bytes >= 2 ** 16 && bytes <= 2 ** 30))
    throw new InvalidOption("sortBytesMax", "a whole number from 65536 to 1073741824", bytes);
  if (readOnly !== undefined && typeof readOnly !== "boolean")
    throw new InvalidOption("readOnly", "true or false", readOnly);
  if (onEvent !== undefined && typeof onEvent !== "function")
    throw new InvalidOption("onEvent", "a function of the event", onEvent);
  if (options.host !== undefined && typeof options.host?.files?.open !== "function")
    throw new InvalidOption("host", "a host: files, clock, random, timers, warn", options.host);
  const isFolder = typeof target === "string" && target !== ":memory:";
  for (const [name, value] of Object.entries({ onEvent, readOnly }))
    if (value !== undefined && value !== false && !isFolder)
      throw new InvalidOption(name, "absent, unless the target is a folder", value);
  checkChangeLog(target, options);
  checkCollections(options.collections);
}

function checkChangeLog(target: OpenTarget, { changeLog, readOnly }: OpenOptions<Defs>): void {
  if (changeLog === undefined) return;
  if (typeof target !== "string")
    throw new InvalidOption("changeLog", "absent: an open engine keeps a log or not", changeLog);
  if (readOnly === true)
    throw new InvalidOption("changeLog", "absent where readOnly is true", changeLog);
  if (changeLog === true) return;
  if (typeof changeLog !== "object" || changeLog === null)
    throw new InvalidOption("changeLog", "true, or { bytesMax, millisMax }", changeLog);
  checkKnown(changeLog, ["bytesMax", "millisMax"]);
  const { bytesMax, millisMax } = changeLog;
  if (bytesMax !== undefined && !(typeof bytesMax === "number" && bytesMax >= 1_024))
    throw new InvalidOption("changeLog.bytesMax", "a number of at least 1024", bytesMax);
  if (millisMax !== undefined && !(typeof millisMax === "number" && millisMax >= 1))
    throw new InvalidOption("changeLog.millisMax", "a number of at least 1", millisMax);
  if (millisMax !== undefined && target === ":memory:")
    throw new InvalidOption(
      "changeLog.millisMax",
      "absent in memory: there bytesMax counts",
      millisMax,
    );
}

function checkCollections(collections: unknown): void {
  if (collections === undefined) return;
  if (typeof collections !== "object" || collections === null || Array.isArray(collections))
    throw new InvalidOption("collections", "an object of definitions by name", collections);
  for (const [name, definition] of Object.entries(collections) as [string, Def | undefined][]) {
    if ((RESERVED_NAMES as readonly string[]).includes(name))
      throw new InvalidDefinition(name, "the name is a member of the database itself");
    if (typeof definition?.definition?.name !== "string")
      throw new InvalidDefinition(name, "it is no definition made by collection()");
  }
}

/** @throws InvalidOption. */
export function checkTransaction(options: TransactionOptions): void {
  checkKnown(options, ["readOnly", "timeoutMillis", "signal", "durability"]);
  checkDurability(options.durability);
  const { readOnly, signal, timeoutMillis } = options;
  if (timeoutMillis !== undefined && !(typeof timeoutMillis === "number" && timeoutMillis > 0))
    throw new InvalidOption("timeoutMillis", "a number above 0, or Infinity", timeoutMillis);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new InvalidOption("signal", "an AbortSignal", signal);
  if (readOnly !== undefined && typeof readOnly !== "boolean")
    throw new InvalidOption("readOnly", "true or false", readOnly);
}

/** @throws InvalidOption. */
export function checkSnapshot(options: SnapshotOptions): SnapshotOptions {
  checkKnown(options, ["stale"]);
  const { stale } = options;
  if (stale !== undefined && typeof stale !== "boolean")
    throw new InvalidOption("stale", "true or false", stale);
  return options;
}
