/**
 * Three PostgreSQL servers on loopback, a primary and two standbys, whose commits wait until one of the standbys has them:
 * what a failover needs. For tests, as start-server.ts; all end with the process that started them.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import pg from "pg";
import { freePorts, ownedFolder } from "../owned-process.ts";
import type { OwnedProcess } from "../owned-process.ts";
import { findBinaries } from "./find-binaries.ts";
import { waysToRun } from "./run-as.ts";
import type { RunAs } from "./run-as.ts";
import {
  FOLDER,
  NO_BINARIES,
  makeCluster,
  programsFor,
  run,
  serverSettings,
} from "./start-server.ts";

export interface TestCluster {
  /** One url with all hosts; the primary is the one in the middle, so that it has to be looked for. */
  readonly url: string;
  readonly primaryUrl: string;
  readonly standbyUrls: readonly string[];
  /**
   * Kills every process of the primary at once, makes the standby that has received more the primary, and has the other one
   * follow it. Answers once the new one takes writes.
   */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

const NAMES = ["n1", "n2", "n3"] as const;
const COMMITS_WAIT = `ANY 1 (${NAMES.join(",")})`;

interface Node {
  readonly name: string;
  readonly folder: string;
  readonly data: string;
  readonly port: number;
  readonly url: string;
  running: OwnedProcess | undefined;
}

export async function startCluster(): Promise<TestCluster> {
  const binaries = findBinaries();
  if (binaries === undefined) throw new Error(NO_BINARIES);
  const way = waysToRun()[0]!;
  const folder = ownedFolder(FOLDER);
  const cluster = new Cluster(way, programsFor(way, binaries.directory, folder), folder);
  try {
    await cluster.start();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

class Cluster implements TestCluster {
  readonly #way: RunAs;
  readonly #programs: string;
  readonly #folder: string;
  /** The primary is the first. */
  #nodes: readonly Node[] = [];

  constructor(way: RunAs, programs: string, folder: string) {
    this.#way = way;
    this.#programs = programs;
    this.#folder = folder;
  }

  get url(): string {
    const [first, second, third] = this.#nodes.map(({ port }) => `127.0.0.1:${port}`);
    const hosts = [second, first, third].filter((host) => host !== undefined);
    return `postgres://postgres@${hosts.join(",")}/postgres?target_session_attrs=read-write`;
  }

  get primaryUrl(): string {
    return this.#nodes[0]!.url;
  }

  get standbyUrls(): readonly string[] {
    return this.#nodes.slice(1).map(({ url }) => url);
  }

  async start(): Promise<void> {
    const nodes: Node[] = [];
    const ports = await freePorts(NAMES.length);
    for (const [at, name] of NAMES.entries()) nodes.push(this.#node(name, ports[at]!));
    const [primary, ...standbys] = nodes;
    makeCluster(this.#way, this.#programs, primary!.folder, primary!.data);
    // A copy of a cluster that was never started is a base backup.
    for (const { data } of standbys) this.#command(["cp", "-a", primary!.data, data]);
    this.#nodes = nodes;
    await this.#run(primary!, undefined);
    for (const node of standbys) await this.#run(node, primary);
    await this.#untilFollowed(primary!, standbys.length);
  }

  async failOver(): Promise<void> {
    const [dead, ...standbys] = this.#nodes;
    kill(dead!);
    await dead!.running!.gone;
    dead!.running = undefined;
    const received = await Promise.all(
      standbys.map(async (node) => ({
        node,
        bytes: Number(await ask(node.url, "select pg_last_wal_receive_lsn() - '0/0'::pg_lsn")),
      })),
    );
    const [next, last] = received.toSorted((a, b) => b.bytes - a.bytes).map(({ node }) => node);
    await ask(next!.url, "select pg_promote()");
    last!.running!.end();
    await last!.running!.gone;
    await this.#run(last!, next);
    this.#nodes = [next!, last!];
    await this.#untilFollowed(next!, 1);
  }

  async stop(): Promise<void> {
    for (const { running } of this.#nodes) running?.end();
    for (const { running } of this.#nodes) await running?.gone;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #node(name: string, port: number): Node {
    const folder = join(this.#folder, name);
    mkdirSync(folder);
    this.#ownedByServer(folder);
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    return { name, folder, data: join(folder, "data"), port, url, running: undefined };
  }

  async #run(node: Node, primary: Node | undefined): Promise<void> {
    const settings = {
      ...serverSettings({ tcp: true }, node.folder, node.port),
      synchronous_commit: "on",
      synchronous_standby_names: COMMITS_WAIT,
      wal_keep_size: "256MB",
      max_connections: "100",
      shared_buffers: "32MB",
      ...(primary === undefined
        ? {}
        : {
            primary_conninfo: `host=127.0.0.1 port=${primary.port} user=postgres application_name=${node.name}`,
          }),
    };
    if (primary !== undefined) this.#command(["touch", join(node.data, "standby.signal")]);
    node.running = await run(
      [
        ...this.#way.prefix,
        join(this.#programs, "postgres"),
        "-D",
        node.data,
        ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      ],
      this.#way,
      node.folder,
    );
  }

  /** Until then its commits wait. */
  async #untilFollowed({ url }: Node, count: number): Promise<void> {
    const followers = "select count(*) from pg_stat_replication where state = 'streaming'";
    for (let attempt = 1; (await ask(url, followers)) !== String(count); attempt++) {
      if (attempt === 200) throw new Error("the standbys do not follow the primary");
      await setTimeout(50);
    }
  }

  #ownedByServer(path: string): void {
    const { gid, uid } = this.#way.ids;
    if (uid !== undefined && gid !== undefined) spawnSync("chown", [`${uid}:${gid}`, path]);
  }

  /** As the server's user. */
  #command([program, ...rest]: readonly string[]): void {
    const { status, stderr } = spawnSync(program!, rest, { ...this.#way.ids, encoding: "utf8" });
    if (status !== 0) throw new Error(`${program}: ${stderr}`);
  }
}

/** First its children, so that none of them goes on for a moment. */
function kill({ data }: Node): void {
  const pid = Number(readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[0]);
  process.kill(pid, "SIGSTOP");
  const { stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" });
  for (const child of (stdout ?? "").split(/\s+/).filter((text) => text !== ""))
    process.kill(Number(child), "SIGKILL");
  process.kill(pid, "SIGKILL");
}

/** The one value that the server answers. */
async function ask(url: string, text: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(text);
    return String(Object.values(rows[0] ?? {})[0]);
  } finally {
    await client.end();
  }
}
