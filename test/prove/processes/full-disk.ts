/** Disks that can be filled and emptied under a process that writes to them. What this machine does not allow is said in words. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";

export interface SmallDisk extends Disposable {
  /** Where the store is made. */
  readonly folder: string;
  /** Leaves the process no room, or some bytes of it. */
  fill(pid: number, bytesLeft: number): void;
  empty(pid: number): void;
}
/** A disk, or why there is none. */
export type MakeDisk = (folder: string) => SmallDisk | string;

const run = (command: string, ...args: readonly string[]): void =>
  void execFileSync(command, args, { stdio: ["ignore", "ignore", "pipe"] });

/** A file system in memory of 3 MiB. */
export function smallMemory(folder: string): SmallDisk | string {
  return mounted(folder, ["-t", "tmpfs", "-o", "size=3m", "tmpfs"]);
}

/** ext4 in a file of 8 MiB. */
export function smallExt4(folder: string): SmallDisk | string {
  const image = join(folder, "image");
  try {
    run("truncate", "--size=8M", image);
    run("mkfs.ext4", "-q", "-F", "-m", "0", image);
  } catch (error) {
    return `no mkfs.ext4 here: ${firstLine(error)}`;
  }
  return mounted(folder, ["-o", "loop", image]);
}

function mounted(folder: string, what: readonly string[]): SmallDisk | string {
  const at = join(folder, "disk");
  mkdirSync(at);
  try {
    run("mount", ...what, at);
  } catch (error) {
    return `no right to mount here: ${firstLine(error)}`;
  }
  const ballast = join(at, "ballast");
  return {
    folder: at,
    fill: (_, bytesLeft) => fillWith(ballast, join(at, "room"), bytesLeft),
    empty: () => rmSync(ballast, { force: true }),
    // Whoever still looks into it may do so; it is gone once nobody does.
    [Symbol.dispose]: () => run("umount", "--lazy", at),
  };
}

/** Writes until the disk is full; what is to stay free is taken first and given back in the end. */
function fillWith(ballast: string, room: string, bytesLeft: number): void {
  writeUntilFull(room, bytesLeft);
  writeUntilFull(ballast, Infinity);
  rmSync(room);
}

function writeUntilFull(path: string, bytesMax: number): void {
  const file = openSync(path, "w");
  try {
    for (let written = 0, block = 65_536; written < bytesMax;) {
      try {
        written += writeSync(file, Buffer.alloc(Math.min(block, bytesMax - written), 1));
      } catch (error) {
        if ((error as { code?: unknown }).code !== "ENOSPC") throw error;
        // Down to the last byte: what is left of a block would be room for a commit.
        if (block === 1) return;
        block >>= 4;
      }
    }
  } finally {
    closeSync(file);
  }
}

/**
 * A folder, and a process that may not make files larger than the largest one is. Files that are there may be written
 * all over, as on a disk that is full: a limit that is lowered under them would take back room that was given.
 */
export function smallFiles(folder: string): SmallDisk | string {
  try {
    run("prlimit", "--version");
  } catch (error) {
    return `no prlimit here: ${firstLine(error)}`;
  }
  // The soft limit only: whoever lowers the hard one cannot raise it again.
  const limit = (pid: number, bytes: string): void => {
    try {
      run("prlimit", "--pid", String(pid), `--fsize=${bytes}:`);
    } catch (error) {
      if (!firstLine(error).includes("No such process")) throw error;
    }
  };
  return {
    folder,
    fill: (pid, bytesLeft) => limit(pid, String(largestFile(folder) + (bytesLeft >> 4))),
    empty: (pid) => limit(pid, "unlimited"),
    [Symbol.dispose]: () => undefined,
  };
}

function largestFile(folder: string): number {
  const sizes = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(
      ({ name, parentPath }) =>
        statSync(join(parentPath, name), { throwIfNoEntry: false })?.size ?? 0,
    );
  return Math.max(0, ...sizes);
}

function firstLine(error: unknown): string {
  const { message, stderr } = error as Error & { readonly stderr?: Buffer };
  return (stderr?.toString().trim() || message).split("\n")[0]!;
}
