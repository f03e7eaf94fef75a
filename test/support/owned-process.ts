/**
 * Programs that tests start, and the folders in which they work.
 *
 * Always true:
 * (1) A program ends with the process that started it, however that ends: it hangs on a pipe that this process holds.
 * (2) A folder names its owner; one whose owner has ended is removed when the next one of its kind is made.
 */
import { spawn } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface OwnedProcess {
  readonly hasEnded: boolean;
  /** Settled when it has ended. */
  readonly gone: Promise<void>;
  /** Keeps this process alive until then; else the tests may end before it does. */
  wait(): void;
  /** Stops it where it stands, or lets it go on; does not wait. Not on Windows. */
  send(signal: "STOP" | "CONT"): void;
  /** Sends it the signal by which it ends; does not wait. */
  end(): void;
}

/** A folder without a living process that is younger may be one that is just being made. */
const STALE_MILLIS = 60_000;

/**
 * Starts the program under a shell that reads the names of signals from our pipe and sends them to it. When this process ends
 * in any way the reading ends, and the shell sends the signal named first.
 */
const WATCH = `S=$1; shift
exec 3<&0
"$@" </dev/null 3<&- & P=$!
{ while read X <&3; do kill -$X $P; done; kill -$S $P 2>/dev/null; } & W=$!
wait $P; C=$?
kill $W 2>/dev/null
exit $C`;

export function spawnOwned(
  command: readonly string[],
  options: {
    readonly folder: string;
    /** What it prints goes there; what was there before is gone. */
    readonly log: string;
    /** How it is ended, also when this process has. */
    readonly endSignal: "INT" | "KILL";
    readonly ids?: { readonly uid?: number; readonly gid?: number };
    /** Default: that of this process. */
    readonly environment?: Readonly<Record<string, string>>;
  },
): OwnedProcess {
  const isWindows = process.platform === "win32";
  const log = openSync(options.log, "w");
  const [program, ...rest] = isWindows
    ? command
    : ["/bin/sh", "-c", WATCH, "sh", options.endSignal, ...command];
  const child = spawn(program!, rest, {
    ...options.ids,
    ...(options.environment === undefined ? {} : { env: options.environment }),
    cwd: options.folder,
    stdio: ["pipe", log, log],
    detached: !isWindows,
  });
  closeSync(log);
  let hasEnded = false;
  const gone = new Promise<void>((resolve) => {
    const ended = (): void => {
      hasEnded = true;
      resolve();
    };
    child.once("exit", ended);
    child.once("error", ended);
  });
  child.unref();
  (child.stdin as unknown as { unref?(): void }).unref?.();
  return {
    gone,
    get hasEnded() {
      return hasEnded;
    },
    wait: () => child.ref(),
    send: (signal) => {
      child.stdin?.write(`${signal}\n`);
    },
    end: () => {
      child.ref();
      if (isWindows) child.kill(`SIG${options.endSignal}`);
      else child.stdin?.end();
    },
  };
}

/** A folder whose name begins so, owned by this process. Removes those of its kind that nobody owns any more. */
export function ownedFolder(kind: string, place: string = tmpdir()): string {
  removeStaleFolders(kind, place);
  const folder = mkdtempSync(join(place, kind));
  writeFileSync(join(folder, "owner"), String(process.pid));
  return folder;
}

function removeStaleFolders(kind: string, place: string): void {
  for (const name of readdirSync(place)) {
    if (!name.startsWith(kind)) continue;
    const folder = join(place, name);
    try {
      if (Date.now() - statSync(folder).mtimeMs < STALE_MILLIS) continue;
      if (isAlive(Number(readFileSync(join(folder, "owner"), "utf8")))) continue;
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // Another run removes it, or it belongs to another user.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Ports of the loopback that nobody listens on, each another one. */
export async function freePorts(count: number): Promise<number[]> {
  const listening = await Promise.all(Array.from({ length: count }, () => listenAnywhere()));
  const ports = listening.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(
    listening.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
  );
  return ports;
}

function listenAnywhere(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      resolve(server);
    });
  });
}
