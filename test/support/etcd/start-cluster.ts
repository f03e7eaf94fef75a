/**
 * A cluster of three etcd nodes on the loopback for tests: nothing installed, each node to be killed and started again.
 *
 * Always true:
 * (1) Nodes end with the process that started them, however that ends.
 * (2) Of three nodes two are enough: with one of them killed the cluster goes on, once it has a leader.
 */
import { readFileSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { freePorts, ownedFolder, spawnOwned } from "../owned-process.ts";
import type { OwnedProcess } from "../owned-process.ts";
import { findEtcd } from "./find-etcd.ts";

export interface TestCluster {
  /** Of the nodes, in their order. */
  readonly urls: readonly string[];
  /** The number of the node that leads; waits until all that are there agree on it. */
  leader(): Promise<number>;
  /** Kills a node where it stands. */
  kill(node: number): Promise<void>;
  /** Starts a killed node on what is on its disk; waits until it serves. */
  restart(node: number): Promise<void>;
  /** Stops a node where it stands: what is sent to it waits. */
  pause(node: number): Promise<void>;
  /** A paused node goes on with what it was doing; waits until it serves. */
  resume(node: number): Promise<void>;
  /** Forgets all that is older than the revision. */
  compact(revision: string): Promise<void>;
  stop(): Promise<void>;
}

const found = findEtcd();

/** Why tests on etcd are skipped; undefined where they are not. */
export const skipReason: string | undefined = "missing" in found ? found.missing : undefined;
if (skipReason !== undefined) console.warn(`Tests on etcd are skipped: ${skipReason}`);

const FOLDER = "ktetcd-";
const NODES = 3;
/** Somebody else may take a port before a node does. */
const START_ATTEMPTS_MAX = 3;
const MEMORY_PLACE = "/dev/shm";
/** Each node takes 128 MB for its log, before anything is in it. */
const MEMORY_BYTES_MIN: number = 4 * 2 ** 30;
const HEALTHY_MILLIS_MAX = 20_000;
const ASK_MILLIS_MAX = 2_000;

/** A leader is missed for half a second, so that its loss costs a test little and a slow machine loses none. */
const HEARTBEAT_MILLIS = 50;
const ELECTION_MILLIS = 500;
/** Each row of a range that was read is a comparison. Default 128. */
const OPERATIONS_MAX = 1_000_000;
/** As much as etcd takes without a warning, and what PORTABLE_LIMITS ask for. Default 1.5 MiB. */
const REQUEST_BYTES_MAX: number = 10 << 20;

export async function startCluster(): Promise<TestCluster> {
  if ("missing" in found) throw new Error(found.missing);
  for (let attempt = 1; ; attempt++) {
    const cluster = new Cluster(found.program, await freePorts(2 * NODES));
    try {
      await cluster.start();
      return cluster;
    } catch (error) {
      await cluster.stop();
      if (attempt === START_ATTEMPTS_MAX) throw error;
    }
  }
}

class Cluster implements TestCluster {
  readonly urls: readonly string[];
  readonly #program: string;
  readonly #peerUrls: readonly string[];
  readonly #folder = ownedFolder(FOLDER, quickPlace());
  readonly #nodes: OwnedProcess[] = [];
  /** Killed or paused. */
  readonly #away = new Set<number>();

  constructor(program: string, ports: readonly number[]) {
    const urls = ports.map((port) => `http://127.0.0.1:${port}`);
    this.#program = program;
    this.urls = urls.slice(0, NODES);
    this.#peerUrls = urls.slice(NODES);
  }

  async start(): Promise<void> {
    for (const node of this.urls.keys()) this.#spawn(node);
    await Promise.all([...this.urls.keys()].map((node) => this.#untilHealthy(node)));
  }

  async leader(): Promise<number> {
    let leader = -1;
    await this.#until("a leader", async () => {
      const there = [...this.urls.keys()].filter((node) => !this.#away.has(node));
      const told = await Promise.all(there.map((node) => statusOf(this.urls[node]!)));
      const leading = told.find((status) => status !== undefined && status.id === status.leader);
      leader = leading === undefined ? -1 : there[told.indexOf(leading)]!;
      // Who has not yet missed a leader that is gone tells its name.
      return leader >= 0 && told.every((status) => status?.leader === leading?.id);
    });
    return leader;
  }

  async kill(node: number): Promise<void> {
    this.#away.add(node);
    this.#nodes[node]!.end();
    await this.#nodes[node]!.gone;
  }

  async restart(node: number): Promise<void> {
    this.#spawn(node);
    await this.#untilHealthy(node);
    this.#away.delete(node);
  }

  async pause(node: number): Promise<void> {
    this.#away.add(node);
    this.#nodes[node]!.send("STOP");
  }

  async resume(node: number): Promise<void> {
    this.#nodes[node]!.send("CONT");
    await this.#untilHealthy(node);
    this.#away.delete(node);
  }

  async compact(revision: string): Promise<void> {
    const answer = await ask(`${this.urls[0]}/v3/kv/compaction`, { revision });
    if (answer === undefined) throw new Error("etcd has not compacted.");
  }

  async stop(): Promise<void> {
    for (const node of this.#nodes) node.end();
    await Promise.all(this.#nodes.map(({ gone }) => gone));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #spawn(node: number): void {
    const [url, peerUrl] = [this.urls[node]!, this.#peerUrls[node]!];
    const settings = {
      name: `n${node}`,
      "data-dir": join(this.#folder, `n${node}`),
      "listen-client-urls": url,
      "advertise-client-urls": url,
      "listen-peer-urls": peerUrl,
      "initial-advertise-peer-urls": peerUrl,
      "initial-cluster": this.#peerUrls.map((one, at) => `n${at}=${one}`).join(),
      "heartbeat-interval": HEARTBEAT_MILLIS,
      "election-timeout": ELECTION_MILLIS,
      "max-txn-ops": OPERATIONS_MAX,
      "max-request-bytes": REQUEST_BYTES_MAX,
      logger: "zap",
    };
    this.#nodes[node] = spawnOwned(
      [this.#program, ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`)],
      {
        folder: this.#folder,
        log: this.#logOf(node),
        endSignal: "KILL",
        // etcd takes settings from variables, too; those of whoever runs the tests are not for these nodes.
        environment: {
          PATH: process.env["PATH"] ?? "",
          ETCD_UNSUPPORTED_ARCH: process.arch,
        },
      },
    );
  }

  #logOf(node: number): string {
    return join(this.#folder, `n${node}.log`);
  }

  /** It has a leader, and answers a read that all agree upon. */
  async #untilHealthy(node: number): Promise<void> {
    await this.#until(`node ${node}`, async () => {
      if (this.#nodes[node]!.hasEnded) {
        const log = readFileSync(this.#logOf(node), "utf8");
        throw new Error(`Node ${node} of etcd has ended: ${log.slice(-600)}`);
      }
      const answer = await ask<{ readonly health: string }>(`${this.urls[node]}/health`);
      return answer?.health === "true";
    });
  }

  async #until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const start = performance.now();
    while (!(await holds())) {
      if (performance.now() - start > HEALTHY_MILLIS_MAX)
        throw new Error(`etcd: waited in vain for ${what}.`);
      await setTimeout(30);
    }
  }
}

/** In memory, where there is much of it: etcd waits for the disk at each commit, which after a kill proves nothing. */
function quickPlace(): string {
  try {
    const { bavail, bsize } = statfsSync(MEMORY_PLACE);
    if (bavail * bsize > MEMORY_BYTES_MIN) return MEMORY_PLACE;
  } catch {
    // There is none.
  }
  return tmpdir();
}

interface Status {
  readonly id: string;
  /** Of the node that it takes for the leader; "0" or undefined: of none. */
  readonly leader: string | undefined;
}

async function statusOf(url: string): Promise<Status | undefined> {
  const told = await ask<{
    readonly header: { readonly member_id: string };
    readonly leader?: string;
  }>(`${url}/v3/maintenance/status`, {});
  return told && { id: told.header.member_id, leader: told.leader };
}

/** The answer, if there is one and it is not a refusal. */
async function ask<Answer>(url: string, body?: object): Promise<Answer | undefined> {
  try {
    const response = await fetch(url, {
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ASK_MILLIS_MAX),
    });
    return response.ok ? ((await response.json()) as Answer) : undefined;
  } catch {
    return undefined;
  }
}
