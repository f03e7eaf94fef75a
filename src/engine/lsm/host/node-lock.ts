/* oxlint-disable eslint/no-restricted-imports, eslint/no-restricted-globals -- with node-host.ts the one place that
   touches the operating system. */
/**
 * One process at a time may have a database open. Node gives no flock, so the lock is what each system frees by itself
 * when a process dies, however it dies:
 *
 *   Linux             an abstract Unix socket named by device and inode of the directory; it has no file
 *   Windows           a named pipe of the same kind of name
 *   macOS and BSDs    LOCK opened with O_EXLOCK
 *   other systems     a file with the holder's process and its start time (see pid-lock.ts)
 *
 * Always true:
 * (1) A dead holder never blocks, and a recycled process id never fools us (but see pid-lock.ts).
 * (2) A copied directory opens: it has another inode, and what LOCK says is for people, never for the decision.
 * (3) Two openers in one process are told apart by a registry, which all copies of this library in the process share.
 * (4) The sockets keep no process alive.
 *
 * Limit: sockets do not reach across network namespaces. Two containers that share one volume are kept apart by the
 * manifest's marker only (see manifest-writer.ts).
 *
 * Who only reads writes nothing: sockets and pipes need no file. Where the lock is a file, an existing one is locked
 * without writing to it, and a missing one is made; if the directory refuses that, nobody can make one to write there
 * either, and reading goes on without it.
 */
import {
  closeSync,
  constants,
  existsSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import type { Server } from "node:net";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { DatabaseLocked } from "../../contract/index.ts";
import { errorCode, storageFailure } from "./host.ts";
import type { DirectoryLock } from "./host.ts";
import { takePidLock } from "./pid-lock.ts";

/** For people, and for the one who is refused. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the lock was taken, ISO 8601. */
  readonly started: string;
}

/** Frees what a system gave. */
type Free = () => Promise<void>;

const ASK_MILLIS_MAX = 1_000;
const TAKE_ATTEMPTS_MAX = 5;
/** Of sockaddr_un's 108 bytes, the first of which is zero for an abstract name. */
const ABSTRACT_NAME_BYTES = 107;

const registrySymbol: unique symbol = Symbol.for("kotobadb.lock-registry") as never;
const shared = globalThis as { [registrySymbol]?: Map<string, Holder> };
const registry = (shared[registrySymbol] ??= new Map());

export async function lockDirectory(
  directory: string,
  options: { readonly readOnly?: boolean } = {},
): Promise<DirectoryLock> {
  const path = resolve(directory);
  const identity = identityOf(path);
  const other = registry.get(identity);
  if (other !== undefined) throw new DatabaseLocked(path, `this process, ${describe(other)}`);
  const holder = { pid: process.pid, host: hostname(), started: new Date().toISOString() };
  registry.set(identity, holder);
  try {
    const free = await takeFromSystem(path, identity, holder, options.readOnly ?? false);
    return lockOf(identity, path, free);
  } catch (cause) {
    registry.delete(identity);
    throw storageFailure(cause, path);
  }
}

function lockOf(identity: string, path: string, free: Free): DirectoryLock {
  let released: Promise<void> | undefined;
  const release = async (): Promise<void> => {
    try {
      await free();
    } catch (cause) {
      throw storageFailure(cause, path);
    } finally {
      registry.delete(identity);
    }
  };
  return { release: () => (released ??= release()) };
}

/** Device and inode: the same directory by any path, and never the same for a copy. */
function identityOf(path: string): string {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (cause) {
    throw storageFailure(cause, path);
  }
}

async function takeFromSystem(
  path: string,
  identity: string,
  holder: Holder,
  readOnly: boolean,
): Promise<Free> {
  const file = `${path}/LOCK`;
  switch (process.platform) {
    case "linux":
    case "android":
      return await takeSocket(path, readOnly ? undefined : file, abstractName(identity), holder);
    case "win32":
      return await takeSocket(path, readOnly ? undefined : file, pipeName(identity), holder);
    case "darwin":
    case "freebsd":
    case "openbsd":
    case "netbsd":
      return readOnly
        ? unlessRefused(() => takeExclusiveFile(path, file, holder, true))
        : takeExclusiveFile(path, file, holder, false);
    case "aix":
    case "cygwin":
    case "haiku":
    case "sunos":
    default:
      return readOnly
        ? unlessRefused(() => takePidLock(path, holder, describe))
        : takePidLock(path, holder, describe);
  }
}

/** A directory in which no lock can be made can have no writer. */
function unlessRefused(take: () => Free): Free {
  try {
    return take();
  } catch (cause) {
    const code = errorCode(cause);
    if (code !== "EROFS" && code !== "EACCES" && code !== "EPERM") throw cause;
    return async () => undefined;
  }
}

/**
 * Node 20 pads an abstract name with zeros to the full length and later versions do not, so that the same short name
 * would be two locks. A name of the full length is the same for all.
 */
function abstractName(identity: string): string {
  return `\0${`kotobadb:${identity}:`.padEnd(ABSTRACT_NAME_BYTES, ".")}`;
}

function pipeName(identity: string): string {
  return `\\\\.\\pipe\\kotobadb-${identity.replace(":", "-")}`;
}

// ---------------------------------------------------------------- sockets and pipes

/** `file`: where the holder is written down for people, if anywhere. */
async function takeSocket(
  path: string,
  file: string | undefined,
  name: string,
  holder: Holder,
): Promise<Free> {
  for (let attempt = 1; ; attempt++) {
    const server = await listen(name, JSON.stringify(holder));
    if (server !== undefined) {
      if (file === undefined) return () => closeServer(server);
      try {
        writeHolder(openSync(file, constants.O_RDWR | constants.O_CREAT), holder, true);
      } catch (cause) {
        await closeServer(server);
        throw cause;
      }
      return async () => {
        try {
          removeIfThere(file);
        } finally {
          await closeServer(server);
        }
      };
    }
    const answer = await ask(name);
    // Nobody answers at all: the holder died after we tried, so its name may be free by this time.
    if (answer === undefined && attempt < TAKE_ATTEMPTS_MAX) continue;
    throw new DatabaseLocked(
      path,
      describe(parseHolder(answer ?? "") ?? readHolder(`${path}/LOCK`)),
    );
  }
}

/** A server on `name` that tells who it is; undefined if the name is taken. */
function listen(name: string, text: string): Promise<Server | undefined> {
  return new Promise((resolved, rejected) => {
    const server = createServer((socket) => {
      // One who asked and went away is no matter of ours.
      socket.on("error", () => socket.destroy());
      socket.unref();
      socket.end(text, () => socket.destroy());
    });
    server.unref();
    server.once("error", (cause) => {
      if (errorCode(cause) === "EADDRINUSE") resolved(undefined);
      else rejected(cause);
    });
    // exclusive: in a cluster the primary process would otherwise hand one socket to all its workers.
    server.listen({ path: name, exclusive: true }, () => resolved(server));
  });
}

/** What the holder of `name` says; "" if it holds but does not speak in time, undefined if there is none. */
function ask(name: string): Promise<string | undefined> {
  return new Promise((resolved) => {
    let text = "";
    const socket = connect(name);
    socket.setTimeout(ASK_MILLIS_MAX, () => {
      socket.destroy();
      resolved(text);
    });
    socket.on("data", (chunk) => (text += chunk.toString("utf8")));
    socket.on("error", (cause) => {
      const code = errorCode(cause);
      resolved(code === "ECONNREFUSED" || code === "ENOENT" ? undefined : text);
    });
    socket.on("close", () => resolved(text));
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolved) => server.close(() => resolved()));
}

// ---------------------------------------------------------------- O_EXLOCK

/** Node names this flag on no system; on macOS and the BSDs it is 0x20: open and take flock in one step. */
const O_EXLOCK = 0x20;

function takeExclusiveFile(path: string, file: string, holder: Holder, readOnly: boolean): Free {
  let descriptor: number;
  try {
    descriptor = openSync(
      file,
      (readOnly && existsSync(file) ? constants.O_RDONLY : constants.O_RDWR | constants.O_CREAT) |
        constants.O_NONBLOCK |
        O_EXLOCK,
    );
  } catch (cause) {
    const code = errorCode(cause);
    if (code !== "EAGAIN" && code !== "EWOULDBLOCK") throw cause;
    throw new DatabaseLocked(path, describe(readHolder(file)));
  }
  if (readOnly) return async () => closeSync(descriptor);
  writeHolder(descriptor, holder, false);
  // The file stays: removing it would let one opener lock the old file and the next a new one of the same name.
  return async () => {
    ftruncateSync(descriptor, 0);
    closeSync(descriptor);
  };
}

// ---------------------------------------------------------------- LOCK, for people

function writeHolder(descriptor: number, holder: Holder, close: boolean): void {
  try {
    ftruncateSync(descriptor, 0);
    const text = Buffer.from(`${JSON.stringify(holder)}\n`);
    for (let at = 0; at < text.length;) at += writeSync(descriptor, text, at, text.length - at, at);
  } catch (cause) {
    closeSync(descriptor);
    throw cause;
  }
  if (close) closeSync(descriptor);
}

function readHolder(file: string): Holder | undefined {
  try {
    return parseHolder(readFileSync(file, "utf8"));
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return undefined;
    throw cause;
  }
}

/** The text comes from another process or a file that anyone may write: taken only if it has the shape. */
function parseHolder(text: string): Holder | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (!("pid" in value) || !("host" in value) || !("started" in value)) return undefined;
  const { pid, host, started } = value;
  if (typeof pid !== "number" || typeof host !== "string" || typeof started !== "string") {
    return undefined;
  }
  return { pid, host, started };
}

function removeIfThere(file: string): void {
  try {
    unlinkSync(file);
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT") throw cause;
  }
}

function describe(holder: Holder | undefined): string {
  if (holder === undefined) return "a process that does not answer";
  return `process ${holder.pid} on ${holder.host} since ${holder.started}`;
}
