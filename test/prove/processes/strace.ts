/** System calls of a running process that are made to fail or to wait, by strace. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/** What strace is told to do: `inject=...`, and a name for it. */
export interface Injection {
  readonly name: string;
  readonly calls: string;
  readonly what: string;
}

const rename = "?rename,?renameat,?renameat2";
const unlink = "?unlink,?unlinkat";
export const injections: readonly Injection[] = [
  { name: "EIO of fdatasync", calls: "fdatasync", what: "error=EIO" },
  { name: "EIO of fsync", calls: "fsync", what: "error=EIO" },
  { name: "EIO of a write", calls: "pwrite64", what: "error=EIO" },
  { name: "ENOSPC of a write", calls: "pwrite64", what: "error=ENOSPC" },
  { name: "EIO of a read", calls: "pread64", what: "error=EIO" },
  { name: "EMFILE of open", calls: "openat", what: "error=EMFILE" },
  { name: "ENOSPC of open", calls: "openat", what: "error=ENOSPC" },
  { name: "EIO of rename", calls: rename, what: "error=EIO" },
  { name: "EIO of unlink", calls: unlink, what: "error=EIO" },
  { name: "EIO of ftruncate", calls: "ftruncate", what: "error=EIO" },
  { name: "a slow fdatasync", calls: "fdatasync", what: "delay_enter=20000" },
  { name: "a slow write", calls: "pwrite64", what: "delay_exit=5000" },
];

/** Why system calls cannot be made to fail here; undefined if they can. */
export function whyNoStrace(): string | undefined {
  const { error, status, stderr } = spawnSync("strace", [
    "-f",
    "-o",
    "/dev/null",
    "-e",
    "inject=fdatasync:error=EIO:when=1",
    "true",
  ]);
  if (error !== undefined) return "no strace here";
  const scope = "/proc/sys/kernel/yama/ptrace_scope";
  if (process.getuid?.() !== 0 && existsSync(scope) && readFileSync(scope, "utf8").trim() !== "0")
    return "no right to attach strace here";
  return status === 0 ? undefined : `strace cannot work here: ${stderr.toString().split("\n")[0]}`;
}

/** Under it each process counts its calls one by one, as all of a kind are made by one thread of libuv. */
export const straceEnvironment = { UV_THREADPOOL_SIZE: "1", UV_USE_IO_URING: "0" } as const;

export interface Tracing {
  /** Ends when the process does; gives how many calls were injected into. */
  readonly ended: Promise<number>;
}

/** Attaches to a process and all of its threads: resolved when from now on every call is seen. */
export async function attachStrace(
  pid: number,
  { calls, what }: Injection,
  when: string,
  output: string,
): Promise<Tracing> {
  const inject = `inject=${calls}:${what}:when=${when}`;
  const tracer = spawn(
    "strace",
    ["-f", "-p", String(pid), "-o", output, "-e", `trace=${calls}`, "-e", inject],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  const ended = new Promise<number>((resolve) => {
    tracer.once("close", () =>
      resolve(readFileSync(output, "utf8").match(/\((INJECTED|DELAYED)\)/g)?.length ?? 0),
    );
  });
  await new Promise<void>((resolve, reject) => {
    let told = "";
    tracer.stderr.on("data", (text: Buffer) => {
      told += text.toString();
      if (/attached/.test(told)) resolve();
    });
    tracer.once("close", () => reject(new Error(`strace did not attach: ${told}`)));
    tracer.once("error", reject);
  });
  return { ended };
}
