/**
 * A process that kills itself before a certain call of the disk: kill -9 at a moment that no timer meets. What was given
 * to the operating system stays, and a write may get only half of its bytes there. Calls of other threads go on.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const NAMES = [
  "fdatasync",
  "fdatasyncSync",
  "fsync",
  "fsyncSync",
  "ftruncateSync",
  "linkSync",
  "mkdirSync",
  "openSync",
  "renameSync",
  "unlink",
  "unlinkSync",
  "writeSync",
] as const;
type Call = (...args: unknown[]) => unknown;

/** Kills this process before the call number `calls`, from 0, of those that follow. */
export function dieAtCall(calls: number): void {
  let left = calls;
  const table = fs as unknown as Record<string, Call>;
  for (const name of NAMES) {
    const real = table[name]!;
    table[name] = (...args) => {
      // What is said to the parent is no call of the disk.
      if ((args[0] as unknown) === 1) return real(...args);
      if (left-- > 0) return real(...args);
      const length = args[3];
      if (name === "writeSync" && typeof length === "number" && length > 1)
        real(args[0], args[1], args[2], length >> 1, args[4]);
      process.kill(process.pid, "SIGKILL");
      // The signal has come before the call above returns; nothing after it may reach the disk.
      for (;;);
    };
  }
  syncBuiltinESMExports();
}
