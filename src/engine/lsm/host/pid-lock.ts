/* oxlint-disable eslint/no-restricted-imports -- part of node-lock.ts. */
/**
 * The lock of last resort, for systems that free nothing when a process dies: the file PID with the holder's process id
 * and the moment at which that process began, as `ps` tells it. Both together name a process for ever; the id alone is
 * given again to others.
 *
 * Always true:
 * (1) PID comes into being whole, by a link that fails if it exists, so of many first comers one wins.
 * (2) A dead holder's file is removed only by the one that made TAKEOVER in the same way, and only after reading PID
 *     again. Without it, the second of two takers removes the first one's new file, and both win.
 * (3) Where it cannot be told whether the holder lives (another machine, no `ps`), it counts as alive.
 *
 * Limit: a process that dies in the few instructions of a takeover leaves TAKEOVER, which must be removed by hand.
 */
import { spawnSync } from "node:child_process";
import { linkSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { DatabaseLocked } from "../../contract/index.ts";
import { errorCode } from "./host.ts";

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly started: string;
}
interface PidRecord extends Holder {
  /** When the process began, in the words of `ps`. */
  readonly processStarted: string | undefined;
}

/** Takes the lock for `holder`, this very process, or throws DatabaseLocked. Gives what frees it. */
export function takePidLock(
  directory: string,
  holder: Holder,
  describe: (holder: Holder | undefined) => string,
): () => Promise<void> {
  const file = `${directory}/PID`;
  const began = processStarted(holder.pid);
  const text = `${JSON.stringify({ ...holder, processStarted: began })}\n`;
  const free = async (): Promise<void> => unlinkSync(file);
  if (createWhole(file, text, holder.pid)) return free;
  assertDead(readRecord(file), directory, holder.host, describe);

  const takeover = `${directory}/TAKEOVER`;
  if (!createWhole(takeover, text, holder.pid)) {
    throw new DatabaseLocked(
      directory,
      `a process that is taking over; if there is none, remove ${takeover}`,
    );
  }
  try {
    const again = readRecord(file);
    assertDead(again, directory, holder.host, describe);
    if (again !== "none") unlinkSync(file);
    // A first comer may be faster here; then it holds the lock, and we do not.
    if (createWhole(file, text, holder.pid)) return free;
    throw new DatabaseLocked(directory, "a process that came first");
  } finally {
    unlinkSync(takeover);
  }
}

/** Makes the file with its whole text in one step, so that nobody ever reads a half of it; false if it exists. */
function createWhole(file: string, text: string, pid: number): boolean {
  const draft = `${file}.${pid}`;
  writeFileSync(draft, text);
  try {
    linkSync(draft, file);
    return true;
  } catch (cause) {
    if (errorCode(cause) === "EEXIST") return false;
    throw cause;
  } finally {
    unlinkSync(draft);
  }
}

/**
 * none: there is no file. unreadable: a power cut left it without its text, so its process is gone. foreign: it was
 * written by somebody else.
 */
type Found = PidRecord | "none" | "unreadable" | "foreign";

function readRecord(file: string): Found {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return isRecord(value) ? value : "foreign";
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return "none";
    if (cause instanceof SyntaxError) return "unreadable";
    throw cause;
  }
}

function isRecord(value: unknown): value is PidRecord {
  if (typeof value !== "object" || value === null) return false;
  const { host, pid, processStarted, started } = value as Partial<PidRecord>;
  return (
    typeof pid === "number" &&
    typeof host === "string" &&
    typeof started === "string" &&
    (processStarted === undefined || typeof processStarted === "string")
  );
}

function assertDead(
  record: Found,
  directory: string,
  host: string,
  describe: (holder: Holder | undefined) => string,
): void {
  if (record === "foreign") throw new DatabaseLocked(directory, describe(undefined));
  if (typeof record === "string" || !mayLive(record, host)) return;
  throw new DatabaseLocked(directory, describe(record));
}

function mayLive(record: PidRecord, host: string): boolean {
  if (record.host !== host || record.processStarted === undefined) return true;
  const began = processStarted(record.pid);
  return began === undefined || began === record.processStarted;
}

/** In the words of `ps`, which are the same each time; "" if there is no such process, undefined if there is no `ps`. */
function processStarted(pid: number): string | undefined {
  const environment = { ...process.env, LC_ALL: "C", TZ: "UTC" };
  const told = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { env: environment });
  return told.error === undefined ? told.stdout.toString("utf8").trim() : undefined;
}
