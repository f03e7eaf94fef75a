/**
 * Opens a damaged store and holds it to the promise: each answer is right, or it is refused by a typed error that names
 * the file; nothing hangs, and no length that the disk claims leads to reading or to memory beyond what is there.
 *
 * What may be missing: of a store that a power cut left, the end of its newest log as far as no whole record behind it says
 * that it had been durable. Nothing on the disk tells such an end from one that was never written. And a directory from
 * which everything that counts is gone is an empty one.
 */
import { CorruptionError, KotobaError } from "kotobadb";
import { StorageError, verifyDatabase } from "kotobadb/engine";
import type { SimulatedHost } from "kotobadb/testing";
import { overlaid } from "../../../src/testing/kit/index.ts";
import type { Bytes } from "../../../src/base/index.ts";
import type { Damage } from "./damages.ts";
import {
  HEADER_BYTES,
  hostOf,
  isCloseMark,
  kindOf,
  numberOf,
  PATH,
  recordsOf,
  syncedUpTo,
} from "./disk.ts";
import type { Disk, RecordPlace } from "./disk.ts";
import { foreign, readAll } from "./reading.ts";
import type { Reading } from "./reading.ts";
import { openStore } from "./store.ts";
import type { Store } from "./store.ts";

type Outcome = "right" | "refused by open" | "refused by reads" | "a shorter log";

const HANG_MILLIS = 30_000;
/** Far above what a tiny store takes, far below what a forged length can ask for. */
const GROWTH_BYTES_MAX = 256 * 1_024 * 1_024;
/** A whole header or footer may be asked of a file that has less. */
const READ_BEYOND_MAX = 128;

interface JudgeOptions {
  readonly readOnly: boolean;
  /** Opened again after it was closed, to see that nothing was spread. */
  readonly again: boolean;
}

export async function judge(store: Store, damage: Damage, how: JudgeOptions): Promise<Outcome> {
  const before = process.memoryUsage().arrayBuffers;
  try {
    const outcome = await inTime(judged(store, damage, how));
    const grown = process.memoryUsage().arrayBuffers - before;
    if (grown > GROWTH_BYTES_MAX) throw new Error(`memory grew by ${grown} bytes`);
    return outcome;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const { isClosed, recipe, seed } = store;
    const ended = isClosed ? "closed" : "cut off";
    throw new Error(
      `store "${recipe}" ${seed}, ${ended}; ${damage.what}${how.readOnly ? "; opened to be read only" : ""}: ${reason}`,
      { cause },
    );
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("it hangs")), HANG_MILLIS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function judged(store: Store, damage: Damage, how: JudgeOptions): Promise<Outcome> {
  const seen = await checkOffline(store, damage);
  const host = watched(hostOf(damage.disk));
  const options = how.readOnly ? { ...store.options, readOnly: true } : store.options;
  let opened;
  try {
    opened = await openStore(host, options);
    await opened.db.ready();
  } catch (error) {
    checkRefusal(error, "open()");
    await opened?.db.close().catch((failure: unknown) => checkRefusal(failure, "close()"));
    return "refused by open";
  }
  const { db, engine } = opened;
  const reading = await readAll(db, engine, store.questions);
  for (const { error, question } of reading.refusals) checkRefusal(error, question);
  const isRefused = isAnyRefused(reading, how.readOnly);
  const problems = await problemsOf(() => db.verify());
  let closing: unknown;
  await db.close().catch((error: unknown) => {
    checkRefusal(error, "close()");
    closing = error;
  });
  const records = await matching(store, damage, reading);
  if (isRefused && problems.length === 0)
    throw new Error("reads met damage of which verify() says nothing");
  if (!isRefused && closing === undefined && records === undefined && problems.length > 0 && !seen)
    throw new Error(`verify() sees what is not there: ${problems[0]}`);
  if (how.again && !how.readOnly) await checkAgain(store, host, reading);
  if (isRefused || closing !== undefined) return "refused by reads";
  return records === undefined ? "right" : "a shorter log";
}

/** Feeds are kept in memory of no reader: a store that is only read refuses them. */
function isAnyRefused({ refusals }: Reading, readOnly: boolean): boolean {
  return refusals.some(
    ({ error, question }) =>
      !(question.startsWith("changes") && (readOnly || isCode(error, "TooOld"))),
  );
}

async function problemsOf(
  verify: () => Promise<{ readonly problems: readonly string[] }>,
): Promise<readonly string[]> {
  try {
    return (await verify()).problems;
  } catch (error) {
    checkRefusal(error, "verify()");
    return [String(error)];
  }
}

// ------------------------------------------------------------------ what is promised

/** Undefined: all of it was there. Else how many records of the newest log. Throws unless one of them is allowed and right. */
async function matching(
  store: Store,
  damage: Damage,
  reading: Reading,
): Promise<number | undefined> {
  const difference = firstDifference(store.whole, reading);
  if (difference === undefined) return undefined;
  if (isNothingLeft(damage.disk)) return 0;
  const least = leastRecords(store, damage.disk);
  if (least === undefined) throw new Error(difference);
  const { disk, newestLog } = store;
  const records = recordsOf(newestLog!, disk.get(newestLog!)!).length;
  for (let count = records - 1; count >= least; count--) {
    const wanted = await store.afterRecords(count);
    if (firstDifference(wanted, reading) === undefined) return count;
  }
  throw new Error(
    `not even the state after ${least} records of ${newestLog} or more: ${difference}`,
  );
}

/** Without a marker, a table and a record there is nothing that tells the directory from an empty one. */
function isNothingLeft(disk: Disk): boolean {
  return [...disk].every(([name, bytes]) => {
    const kind = kindOf(name);
    return kind !== "marker" && kind !== "table" && !(kind === "log" && bytes.length > 40);
  });
}

/** How many records of the newest log must be there at least; undefined: all answers must be those of the whole store. */
function leastRecords({ disk, newestLog }: Store, damaged: Disk): number | undefined {
  if (newestLog === undefined) return undefined;
  const original = disk.get(newestLog)!;
  const now = damaged.get(newestLog);
  // An empty log that was made ahead stands where the next one of a closed log would stand, and nothing tells them apart.
  if (now === undefined) {
    const isEmptyAhead = [...damaged.keys()].some(
      (name) => kindOf(name) === "log" && numberOf(name) > numberOf(newestLog),
    );
    return isEmptyAhead ? 0 : undefined;
  }
  const records = recordsOf(newestLog, original);
  const isIntact = ({ end, start }: RecordPlace): boolean => same(original, now, start, end);
  const bad = records.findIndex((record) => !isIntact(record));
  if (bad === -1 || !same(original, now, 0, 40)) return undefined;
  const { start } = records[bad]!;
  const witness = records
    .slice(bad + 1)
    .some((record) => isIntact(record) && syncedUpTo(original, record) > start);
  // A close mark that nothing follows is no commit, and a log may end without it.
  if (witness || isCloseMark(newestLog, original, records[bad]!)) return undefined;
  return bad;
}

function same(a: Bytes, b: Bytes, start: number, end: number): boolean {
  return b.length >= end && Buffer.compare(a.subarray(start, end), b.subarray(start, end)) === 0;
}

function firstDifference(wanted: Reading, found: Reading): string | undefined {
  for (const [i, answer] of found.answers.entries()) {
    if (answer === undefined || answer === wanted.answers[i]) continue;
    const question = found.questions[i]!;
    return `WRONG: ${question} gave ${clipped(answer)}, not ${clipped(wanted.answers[i])}`;
  }
  return undefined;
}

function clipped(text: string | undefined): string {
  return text === undefined || text.length < 400 ? String(text) : `${text.slice(0, 400)}...`;
}

/** After it was open once, a damaged store says what it said, or less. */
async function checkAgain(store: Store, host: SimulatedHost, first: Reading): Promise<void> {
  const opened = await openStore(host, store.options).catch((error: unknown) =>
    checkRefusal(error, "open() again"),
  );
  if (opened === undefined) return;
  const second = await readAll(opened.db, opened.engine, store.questions);
  await opened.db.close().catch((error: unknown) => checkRefusal(error, "close() again"));
  for (const { error, question } of second.refusals) checkRefusal(error, `${question}, again`);
  for (const [i, answer] of second.answers.entries()) {
    const before = first.answers[i];
    if (answer === undefined || before === undefined || answer === before) continue;
    // What is kept of the past may be less; the data may not.
    throw new Error(`WRONG when opened again: ${second.questions[i]} gave ${clipped(answer)}`);
  }
}

// ------------------------------------------------------------------ errors

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof StorageError && codes.includes(error.code);
}

function comesOfDamage(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof CorruptionError) return true;
  return false;
}

/** An error must be one of ours, and say where. */
function checkRefusal(error: unknown, where: string): undefined {
  if (!(error instanceof KotobaError)) throw foreign(where, error);
  if (error instanceof CorruptionError) {
    const isPlace = Number.isSafeInteger(error.offset) && error.offset >= 0;
    if (error.file === "" || !isPlace)
      throw new Error(`${where}: an error without a place: ${error.message}`);
    return undefined;
  }
  if (isCode(error, "FormatTooNew", "FormatTooOld", "CodecMissing", "Io")) {
    if (typeof error.details["file"] !== "string")
      throw new Error(`${where}: an error without a file: ${error.message}`);
    return undefined;
  }
  // Writing has ended since background work met damage: then that is the cause.
  if (isCode(error, "ReadOnly", "CommitUnknown") && comesOfDamage(error)) return undefined;
  // There is nothing to open, or to feed from.
  if (isCode(error, "NoDatabase", "TooOld", "NotSupported", "OpenedReadOnly")) return undefined;
  throw new Error(`${where}: an error that says nothing of damage: ${error.message}`, {
    cause: error,
  });
}

// ------------------------------------------------------------------ the whole disk, while nobody has it open

/** verifyDatabase() must see what differs in a file that counts. True: it sees something. */
async function checkOffline(store: Store, damage: Damage): Promise<boolean> {
  let problems: readonly string[];
  try {
    ({ problems } = await verifyDatabase({ path: PATH, host: watched(hostOf(damage.disk)) }));
  } catch (error) {
    checkRefusal(error, "verifyDatabase()");
    return true;
  }
  const missed = damagedFile(store, damage.disk);
  if (problems.length === 0 && missed !== undefined)
    throw new Error(`verifyDatabase() sees nothing wrong with ${missed}`);
  return problems.length > 0;
}

/**
 * A file of a store with other bytes in a place that means something. Only of one that was closed: a power cut leaves
 * files that are no longer needed, and ends that may be torn.
 */
function damagedFile({ disk, isClosed, options }: Store, damaged: Disk): string | undefined {
  if (!isClosed) return undefined;
  const manifest = [...disk.keys()].find((name) => kindOf(name) === "manifest")!;
  const manifestNow = damaged.get(manifest);
  // A manifest that lost its end is that of a crash, for all that can be told, and lists what was there before.
  if (manifestNow !== undefined && isTornAtMost(manifest, disk.get(manifest)!, manifestNow))
    return undefined;
  const lastLog = [...disk.keys()].filter((name) => kindOf(name) === "log").at(-1);
  for (const [name, bytes] of disk) {
    const kind = kindOf(name);
    const now = damaged.get(name);
    if (kind === "table" && (now === undefined || !Buffer.from(bytes).equals(now))) return name;
    if (kind !== "manifest" && kind !== "log") continue;
    const records = recordsOf(name, bytes);
    const mark = records.at(-1);
    // A log without commits, made ahead or closed at once, holds nothing that could be missing.
    if (mark === undefined || records.length === 1) continue;
    if (now !== undefined && same(bytes, now, 0, mark.end)) continue;
    // Of a log that is kept for feeds alone nobody knows how long it was but its close mark.
    const isKept = options.changeLog !== undefined && name !== lastLog;
    if (kind === "log" && isKept && !(now !== undefined && same(bytes, now, mark.start, mark.end)))
      continue;
    return name;
  }
  return undefined;
}

/** The header and the first record are whole, and no record behind the first bad one is. */
function isTornAtMost(name: string, bytes: Bytes, now: Bytes): boolean {
  const records = recordsOf(name, bytes);
  const isIntact = ({ end, start }: RecordPlace): boolean => same(bytes, now, start, end);
  const bad = records.findIndex((record) => !isIntact(record));
  return same(bytes, now, 0, HEADER_BYTES) && bad > 0 && !records.slice(bad).some(isIntact);
}

// ------------------------------------------------------------------ bounds

/** Refuses reads that ask for more than the file has: what a length on the disk says must be doubted before. */
function watched(host: SimulatedHost): SimulatedHost {
  const { files } = host;
  const openFile = files.open.bind(files);
  files.open = (path, mode) => {
    const handle = openFile(path, mode);
    const check = (start: number, end: number): void => {
      const size = files.size(path);
      if (end - start > Math.max(size, 1_024 * 1_024) + READ_BEYOND_MAX)
        throw new Error(`a read of ${end - start} bytes from ${path}, which has ${size}`);
    };
    return overlaid(handle, {
      read: (target, start, end, offset) => {
        check(start, end);
        return handle.read(target, start, end, offset);
      },
      readAsync: (target, start, end, offset) => {
        check(start, end);
        return handle.readAsync(target, start, end, offset);
      },
    });
  };
  return host;
}
