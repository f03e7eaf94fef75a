/**
 * A PostgreSQL server of its own for tests: no Docker, nothing installed, as root or as anybody.
 *
 * Always true:
 * (1) It ends with the process that started it, however that ends: it hangs on a pipe that this process holds.
 * (2) Its folder is removed when it is stopped; those of processes that were killed, when the next one starts.
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { freePorts, ownedFolder, spawnOwned } from "../owned-process.ts";
import type { OwnedProcess } from "../owned-process.ts";
import { findBinaries } from "./find-binaries.ts";
import type { Binaries } from "./find-binaries.ts";
import { waysToRun } from "./run-as.ts";
import type { RunAs } from "./run-as.ts";

export interface ServerOptions {
  /** Listens on 127.0.0.1 too; else on a unix socket alone. */
  readonly tcp?: boolean;
  /** Waits for the disk at each commit. Default false: what tests write is thrown away. */
  readonly durable?: boolean;
  /** Over TCP nobody is let in without a password (SCRAM). Default: everybody is. */
  readonly passwords?: boolean;
  /** Over TCP nobody is let in without TLS; the server shows this certificate. */
  readonly tls?: Certificate;
  readonly settings?: Readonly<Record<string, string>>;
  /** The name of the way to run it that is tried alone. */
  readonly way?: string;
}

/** Paths of its files. */
interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

export interface TestServer {
  /** As whom it runs and where its programs come from. */
  readonly how: string;
  readonly url: string;
  /** The same over TCP, where it was asked for. */
  readonly tcpUrl: string | undefined;
  /** Kills the server where it stands, and starts it again on what is on the disk. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A socket's path has 107 bytes at most, so this is short. */
export const FOLDER = "ktpg-";
const START_MILLIS_MAX = 30_000;

/** The programs are nowhere to be found. */
export const NO_BINARIES =
  "there is no PostgreSQL server to be found: install the optional packages of npm, or set KOTOBA_PG_BIN";

export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const binaries = findBinaries();
  if (binaries === undefined) throw new Error(NO_BINARIES);
  const failures: string[] = [];
  for (const way of waysToRun()) {
    if (options.way !== undefined && !way.name.startsWith(options.way)) continue;
    try {
      return await startAs(way, binaries, options);
    } catch (error) {
      failures.push(`${way.name}: ${(error as Error).message}`);
    }
  }
  throw new Error(`PostgreSQL (${binaries.origin}) did not start:\n${failures.join("\n")}`);
}

async function startAs(
  way: RunAs,
  binaries: Binaries,
  options: ServerOptions,
): Promise<TestServer> {
  const folder = ownedFolder(FOLDER);
  try {
    const programs = programsFor(way, binaries.directory, folder);
    const data = join(folder, "data");
    makeCluster(way, programs, folder, data);
    if (options.tls !== undefined) installCertificate(way, data, options.tls);
    if (options.passwords === true || options.tls !== undefined) {
      const kind = options.tls === undefined ? "host" : "hostssl";
      const method = options.passwords === true ? "scram-sha-256" : "trust";
      const rules = `local all all trust\n${kind} all all 127.0.0.1/32 ${method}\n`;
      writeFileSync(join(data, "pg_hba.conf"), rules);
    }
    const [port] = (await freePorts(1)) as [number];
    const tcp = options.tcp === true || process.platform === "win32";
    const settings = serverSettings({ ...options, tcp }, folder, port);
    const command = [
      ...way.prefix,
      join(programs, "postgres"),
      "-D",
      data,
      ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ];
    let server = await run(command, way, folder);
    const pid = (): number =>
      Number(readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[0]);
    const host = process.platform === "win32" ? "127.0.0.1" : encodeURIComponent(folder);
    const address = `127.0.0.1:${port}/postgres`;
    return {
      how: `${way.name}, ${binaries.origin}`,
      url:
        process.platform === "win32"
          ? `postgres://postgres@${address}`
          : `postgres://postgres@/postgres?host=${host}&port=${port}`,
      tcpUrl: tcp ? `postgres://postgres@${address}` : undefined,
      restart: async () => {
        server.wait();
        process.kill(pid(), "SIGKILL");
        await server.gone;
        server = await untilRun(() => run(command, way, folder));
      },
      stop: async () => {
        server.end();
        await server.gone;
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** A folder that another user cannot enter is copied to where it can. */
export function programsFor(way: RunAs, directory: string, folder: string): string {
  const { uid, gid } = way.ids;
  if (uid === undefined || gid === undefined) return directory;
  chownSync(folder, uid, gid);
  const tried = spawnSync(join(directory, "postgres"), ["--version"], { uid, gid });
  if (tried.status === 0) return directory;
  const copy = join(folder, "native");
  cpSync(dirname(directory), copy, { recursive: true, dereference: true });
  return join(copy, "bin");
}

export function makeCluster(way: RunAs, programs: string, folder: string, data: string): void {
  const [command, ...rest] = [
    ...way.prefix,
    join(programs, "initdb"),
    `--pgdata=${data}`,
    "--username=postgres",
    "--auth=trust",
    "--no-sync",
    "--encoding=UTF8",
    "--locale=C",
  ];
  const made = spawnSync(command!, rest, { ...way.ids, cwd: folder, encoding: "utf8" });
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr || String(made.error)}`);
}

/** The server takes a key only if it is its own, and nobody else may read it. */
function installCertificate({ ids }: RunAs, data: string, { certificate, key }: Certificate): void {
  for (const [name, source] of Object.entries({ "server.crt": certificate, "server.key": key })) {
    const path = join(data, name);
    copyFileSync(source, path);
    chmodSync(path, 0o600);
    if (ids.uid !== undefined && ids.gid !== undefined) chownSync(path, ids.uid, ids.gid);
  }
}

export function serverSettings(
  { durable = false, settings, tcp = false, tls }: ServerOptions,
  folder: string,
  port: number,
): Readonly<Record<string, string>> {
  const sockets = process.platform === "win32" ? {} : { unix_socket_directories: folder };
  const careless = { fsync: "off", synchronous_commit: "off", full_page_writes: "off" };
  return {
    listen_addresses: tcp ? "127.0.0.1" : "",
    port: String(port),
    ...sockets,
    ...(durable ? {} : careless),
    ...(tls === undefined ? {} : { ssl: "on" }),
    // Every file of tests has pools of its own.
    max_connections: "400",
    shared_buffers: "128MB",
    // As docs/SCALING.md advises.
    max_pred_locks_per_transaction: "2048",
    max_pred_locks_per_relation: "4096",
    max_pred_locks_per_page: "8",
    ...settings,
  };
}

export async function run(
  command: readonly string[],
  way: RunAs,
  folder: string,
): Promise<OwnedProcess> {
  const log = join(folder, "log");
  const server = spawnOwned(command, { folder, log, endSignal: "INT", ids: way.ids });
  const start = performance.now();
  for (;;) {
    const text = readFileSync(log, "utf8");
    if (/ready to accept (read-only )?connections/.test(text)) return server;
    if (server.hasEnded || performance.now() - start > START_MILLIS_MAX) {
      server.end();
      throw new Error(`postgres: ${text.slice(-600)}`);
    }
    await setTimeout(10);
  }
}

/** The processes of a server that was killed take a moment to see it, and hold its memory until then. */
async function untilRun<T>(start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start();
    } catch (error) {
      if (attempt === 50) throw error;
      await setTimeout(100);
    }
  }
}
