/**
 * A host in memory, for tests: a disk that forgets what was not synced, fails when told to, and repeats exactly.
 *
 * Always true:
 * (1) The same seed and the same calls give the same disk, the same faults and the same state after a power cut.
 * (2) Every call on `files` or a handle counts as one I/O call, in the order of the calls; those that may change the
 *     disk count as changes too. Faults are set by these counts.
 * (3) After a power cut every further call on the dead host fails; what survived is a host of its own.
 * (4) The clock stands still, but for slow reads and sleepers: when nothing else is left to do in this turn of the event loop, it jumps
 *     to the moment at which the next one wakes.
 */
import { copyBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import { DatabaseLocked } from "../../engine/contract/index.ts";
import type {
  Clock,
  DirectoryLock,
  FileHandle,
  FileSystem,
  Host,
  OpenMode,
  Random,
  Timers,
} from "../../engine/lsm/host/index.ts";
import { seededRandom } from "../kit/index.ts";
import type { SeededRandom } from "../kit/index.ts";
import { SimulatedClock } from "./simulated-clock.ts";
import { SimulatedFile } from "./simulated-file.ts";
import { SimulatedHandle, failureOf } from "./simulated-handle.ts";
import type { Fault } from "./simulated-handle.ts";
import { SimulatedNames, normalPath, parentOf } from "./simulated-names.ts";
import type { SimulatedNode } from "./simulated-names.ts";

/** lost: nothing unsynced survives. kept: everything does. seeded: some of it, chosen by the seed. */
export type Unsynced = "lost" | "kept" | "seeded";

export interface SimulatedHostOptions {
  /** Default 1. */
  readonly seed?: number;
  /** Called before each I/O call, with its number from 1: the place to look at the disk, or to cut the power. */
  readonly onCall?: (call: IoCall) => void;
  /** How long a read takes by the clock of this host, in milliseconds. Default 0. */
  readonly readMillis?: number;
}
export interface IoCall {
  /** From 1, among all calls. */
  readonly call: number;
  /** From 1, among the calls that may change the disk; undefined for the others. */
  readonly change: number | undefined;
  readonly what: string;
  readonly path: string;
}

/** Streams of the seed. */
const [FAULTS, POWER_CUTS] = [1, 2];

interface Disk {
  readonly names: ReadonlyMap<string, SimulatedNode>;
  readonly nowMillis: number;
}

export class SimulatedHost implements Host {
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  readonly seed: number;
  /** What warn() was called with. */
  readonly warnings: { readonly error: unknown; readonly where: string }[] = [];
  /** Called before each I/O call. */
  onCall: ((call: IoCall) => void) | undefined;
  /** How long a read takes, in milliseconds. One that blocks moves the clock; one beside the thread sleeps. */
  readMillis: number;

  readonly #names: SimulatedNames;
  readonly #clock: SimulatedClock;
  readonly #faultChoices: SeededRandom;
  readonly #faults = new Map<number, Fault>();
  readonly #changeFaults = new Map<number, Fault>();
  readonly #locks = new Set<string>();
  #calls = 0;
  #changes = 0;
  #dead = false;

  constructor(options: SimulatedHostOptions = {}, disk?: Disk) {
    this.seed = options.seed ?? 1;
    this.onCall = options.onCall;
    this.readMillis = options.readMillis ?? 0;
    this.#names = new SimulatedNames(disk?.names ?? new Map());
    this.#clock = new SimulatedClock(disk?.nowMillis);
    this.#faultChoices = seededRandom(this.seed, FAULTS);
    this.clock = this.#clock;
    this.timers = this.#clock;
    this.random = seededRandom(this.seed);
    this.files = this.#fileSystem();
  }

  /** I/O calls so far. */
  get calls(): number {
    return this.#calls;
  }
  /** I/O calls so far that may change the disk: open to create, write, truncate, sync and the changes of names. */
  get changes(): number {
    return this.#changes;
  }
  get dead(): boolean {
    return this.#dead;
  }

  /** The `call`-th I/O call, from 1, fails. */
  failAt(call: number, fault: Fault): void {
    this.#faults.set(call, fault);
  }

  /** The `change`-th call that may change the disk, from 1, fails. */
  failAtChange(change: number, fault: Fault): void {
    this.#changeFaults.set(change, fault);
  }

  /** Cuts the power: this host is dead, and its disk goes on in the one returned. */
  crash(unsynced: Unsynced = "seeded", seed: number = this.seed): SimulatedHost {
    this.#dead = true;
    return this.afterPowerCut(unsynced, seed);
  }

  /** What a power cut at this moment would leave, on a host of its own; this one goes on. */
  afterPowerCut(unsynced: Unsynced = "seeded", seed: number = this.seed): SimulatedHost {
    if (unsynced === "kept")
      return this.#hostOf(
        this.#names.afterPowerCut(() => 1),
        seed,
        true,
      );
    const random = seededRandom(seed, POWER_CUTS);
    const choose = unsynced === "lost" ? undefined : (choices: number) => random.below(choices);
    return this.#hostOf(this.#names.afterPowerCut(choose), seed, false, choose);
  }

  #hostOf(
    names: Map<string, SimulatedNode>,
    seed: number,
    keep: boolean,
    choose?: (choices: number) => number,
  ): SimulatedHost {
    // One file may have several names, and must still be one file afterwards.
    const survivors = new Map<SimulatedFile, SimulatedFile>();
    const disk = new Map<string, SimulatedNode>();
    for (const path of [...names.keys()].sort()) {
      const node = names.get(path)!;
      if (node === "directory") {
        disk.set(path, node);
        continue;
      }
      let survivor = survivors.get(node);
      if (survivor === undefined) {
        survivor = new SimulatedFile(keep ? node.content : node.afterPowerCut(choose));
        survivors.set(node, survivor);
      }
      disk.set(path, survivor);
    }
    return new SimulatedHost(
      { seed: seed + 1 },
      { names: disk, nowMillis: this.clock.nowMillis() },
    );
  }

  warn(error: unknown, where: string): void {
    this.warnings.push({ error, where });
  }

  // -------------------------------------------------------------- for tests that look or damage

  /** Paths of all files, sorted. No I/O call. */
  paths(): readonly string[] {
    return this.#names.files();
  }

  /** A copy of what the file holds. No I/O call. */
  contentOf(path: string): Bytes {
    return copyBytes(this.#fileAt(normalPath(path)).content);
  }

  /** Gives the existing file other content, durable, as bit rot or a foreign hand would. No I/O call. */
  damage(path: string, content: Bytes): void {
    const file = this.#fileAt(normalPath(path));
    file.truncate(0);
    file.write(content, 0);
    file.harden(file.covered);
  }

  // -------------------------------------------------------------- calls and faults

  /** Counts the call and says what is to go wrong in it, or throws it. */
  #enter(what: string, path: string, changes: boolean): Fault | undefined {
    if (this.#dead) throw failureOf("power-cut", what, path);
    this.#calls++;
    if (changes) this.#changes++;
    const change = changes ? this.#changes : undefined;
    this.onCall?.({ call: this.#calls, change, what, path });
    if (this.#dead) throw failureOf("power-cut", what, path);
    const fault =
      this.#faults.get(this.#calls) ??
      (changes ? this.#changeFaults.get(this.#changes) : undefined);
    if (fault === "power-cut") {
      this.#dead = true;
      return fault;
    }
    const mayDoPart = what === "write" || what === "sync";
    if (fault !== undefined && !mayDoPart) throw failureOf(fault, what, path);
    return fault;
  }

  /** Runs a call that changes names or content at once; a power cut comes after it, before any sync. */
  #call<T>(what: string, path: string, changes: boolean, work: (path: string) => T): T {
    const fault = this.#enter(what, path, changes);
    const result = work(normalPath(path));
    if (fault !== undefined) throw failureOf(fault, what, path);
    return result;
  }

  #fileSystem(): FileSystem {
    return {
      open: (path, mode) => this.#open(path, mode),
      exists: (path) =>
        this.#call("exists", path, false, (at) => this.#names.get(at) !== undefined),
      list: (path) =>
        this.#call("list", path, false, (at) => {
          this.#assertDirectory(at, "list");
          return this.#names.list(at);
        }),
      size: (path) => this.#call("size", path, false, (at) => this.#fileAt(at).size),
      makeDirectory: (path) => this.#makeDirectory(normalPath(path)),
      remove: (path) =>
        this.#call("remove", path, true, (at) => {
          this.#fileAt(at);
          this.#names.change({ path: at, node: undefined });
        }),
      // At once, so that a run repeats exactly.
      removeInBackground: async (path) => this.files.remove(path),
      rename: (from, to) =>
        this.#call("rename", from, true, (at) => {
          const node = this.#fileAt(at);
          const target = this.#freePath(to, "rename");
          if (target === at) return;
          this.#names.change({ path: at, node: undefined }, { path: target, node });
        }),
      link: (from, to) =>
        this.#call("link", from, true, (at) => {
          const node = this.#fileAt(at);
          const target = this.#freePath(to, "link");
          if (this.#names.get(target) !== undefined) throw failureOf("EEXIST", "link", to);
          this.#names.change({ path: target, node });
        }),
      syncDirectory: (path) => this.#syncDirectory(path),
      syncDirectoryInBackground: (path) => this.#syncDirectoryInBackground(path),
      lock: (directory) => this.#lock(directory),
    };
  }

  #open(path: string, mode: OpenMode): FileHandle {
    return this.#call("open", path, mode === "create", (at) => {
      if (mode === "create") {
        if (this.#names.get(at) !== undefined) throw failureOf("EEXIST", "open", path);
        this.#freePath(path, "open");
        this.#names.change({ path: at, node: new SimulatedFile(new Uint8Array(0)) });
      }
      const choices = this.#faultChoices;
      return new SimulatedHandle(path, this.#fileAt(at), mode, {
        enter: (what, changes) => this.#enter(what, path, changes),
        isDead: () => this.#dead,
        choose: (count) => choices.below(count),
        readTakes: () => this.#clock.passes(this.readMillis),
        readTook: () =>
          this.readMillis > 0 ? this.timers.sleep(this.readMillis) : this.timers.pause(),
      });
    });
  }

  #makeDirectory(path: string): void {
    if (this.#names.get(path) === "directory") return;
    this.#makeDirectory(parentOf(path));
    this.#call("makeDirectory", path, true, (at) => {
      if (this.#names.get(at) !== undefined) throw failureOf("EEXIST", "makeDirectory", path);
      this.#names.change({ path: at, node: "directory" });
    });
    this.#syncDirectory(parentOf(path));
  }

  #syncDirectory(path: string): void {
    const fault = this.#enter("syncDirectory", path, true);
    if (fault !== undefined) throw failureOf(fault, "syncDirectory", path);
    const at = normalPath(path);
    this.#assertDirectory(at, "syncDirectory");
    this.#names.harden(at);
  }

  async #syncDirectoryInBackground(path: string): Promise<void> {
    const fault = this.#enter("syncDirectory", path, true);
    const at = normalPath(path);
    this.#assertDirectory(at, "syncDirectory");
    const covered = this.#names.covered;
    // The outcome comes on a later turn, as from a disk: what a power cut before that keeps is still open.
    await Promise.resolve();
    const outcome = this.#dead ? "power-cut" : fault;
    if (outcome !== undefined) throw failureOf(outcome, "syncDirectory", path);
    this.#names.harden(at, covered);
  }

  async #lock(directory: string): Promise<DirectoryLock> {
    const path = normalPath(directory);
    this.#call("lock", directory, false, () => this.#assertDirectory(path, "lock"));
    if (this.#locks.has(path)) throw new DatabaseLocked(directory, "this process, in memory");
    this.#locks.add(path);
    let released = false;
    return {
      release: async () => {
        if (!released) this.#locks.delete(path);
        released = true;
      },
    };
  }

  #fileAt(path: string): SimulatedFile {
    const node = this.#names.get(path);
    if (node === undefined) throw failureOf("ENOENT", "open", path);
    if (node === "directory") throw failureOf("EISDIR", "open", path);
    return node;
  }

  #assertDirectory(path: string, what: string): void {
    const node = this.#names.get(path);
    if (node !== "directory") {
      throw failureOf(node === undefined ? "ENOENT" : "ENOTDIR", what, path);
    }
  }

  /** A path at which a file may stand: its directory exists, and it is none itself. */
  #freePath(path: string, what: string): string {
    const at = normalPath(path);
    this.#assertDirectory(parentOf(at), what);
    if (this.#names.get(at) === "directory") throw failureOf("EISDIR", what, path);
    return at;
  }
}
