/**
 * A host in memory, for tests: a disk that forgets what was not synced, fails or lies when told to, and repeats exactly.
 *
 * Always true:
 * (1) The same seed and the same calls give the same disk, the same faults and the same state after a power cut.
 * (2) Every call on `files` or a handle counts as one I/O call, in the order of the calls; those that may change the
 *     disk count as changes too. Faults are set by these counts.
 * (3) After a power cut every further call on the dead host fails; what survived is a host of its own.
 * (4) The clock stands still, but for slow calls and sleepers: when nothing else is left to do in this turn of the event
 *     loop, it jumps to the moment at which the next one wakes.
 */
import { copyBytes } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { Clock, FileSystem, Host, Random, Timers } from "../../engine/lsm/host/index.ts";
import { seededRandom } from "../kit/index.ts";
import type { SeededRandom } from "../kit/index.ts";
import type { Fault, IoCall } from "./fault.ts";
import { IoCalls } from "./io-calls.ts";
import { Journal } from "./journal.ts";
import { SimulatedClock } from "./simulated-clock.ts";
import { SimulatedFile } from "./simulated-file.ts";
import type { Choose } from "./simulated-file.ts";
import { SimulatedFileSystem } from "./simulated-file-system.ts";
import type { FileRules } from "./simulated-file-system.ts";
import { SimulatedNames, normalPath } from "./simulated-names.ts";
import type { SimulatedNode } from "./simulated-names.ts";

/**
 * What of the unsynced survives a power cut.
 *
 * - "lost": nothing. "kept": everything.
 * - "seeded": some of it, chosen by the seed: sectors and names each by itself, in whatever order, which is all that POSIX
 *   promises.
 * - "journal": changes of names and of sizes are journaled in their order, as ext4 does it: a prefix of them, chosen by
 *   the seed; a sync of one file or directory has journaled all that came before it.
 */
export type Unsynced = "lost" | "kept" | "seeded" | "journal";

/** A time in milliseconds: always the same, or drawn from the seed for each call, from `least` to `most`. */
export type Millis = number | { readonly least: number; readonly most: number };

export interface SimulatedHostOptions {
  /** Default 1. */
  readonly seed?: number;
  /** Called before each I/O call, with its number from 1: the place to look at the disk, or to cut the power. */
  readonly onCall?: (call: IoCall) => void;
  /** How long a read takes by the clock of this host. Default 0. */
  readonly readMillis?: Millis;
  /** How long a write takes, which always blocks. Default 0. */
  readonly writeMillis?: Millis;
  /** How long a sync of a file or a directory takes. Drawn, syncs that run side by side end in whatever order. Default 0. */
  readonly syncMillis?: Millis;
  /**
   * "windows": a file that is open can be neither removed, renamed nor replaced (EBUSY), a sync of a directory does
   * nothing, and names survive a power cut as with "journal", however it is made. Default "posix".
   */
  readonly rules?: FileRules;
  /** Keeps a line for each call in `trace`. Default false. */
  readonly traced?: boolean;
}

/** Streams of the seed. */
const [FAULTS, POWER_CUTS, LATENCY] = [1, 2, 3];

interface Disk {
  readonly names: ReadonlyMap<string, SimulatedNode>;
  readonly journal: Journal;
  readonly nowMillis: number;
}

/**
 * A whole machine in memory, for open() and for engines.
 *
 * @example
 * const host = new SimulatedHost({ seed: 7 });
 * const db = await open("/data", { collections, host });
 * host.failFrom(host.calls + 1, "ENOSPC"); // from here on the disk is full
 * await db.users.insert(ada).catch(() => undefined);
 * host.heal();
 * const after = host.crash("journal"); // the power fails
 * const again = await open("/data", { collections, host: after });
 */
export class SimulatedHost implements Host {
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  readonly seed: number;
  readonly rules: FileRules;
  /** What warn() was called with. */
  readonly warnings: { readonly error: unknown; readonly where: string }[] = [];
  /**
   * With `traced`, a line for each I/O call, in the order in which they ended: number, call, path, offset, length and
   * checksum of the bytes, what went wrong, and the time on this host's clock. Two runs that did the same have the same
   * lines.
   *
   * @example
   * "41 write /data/000003.log at 40 93 bytes 5bd1e995 1700000000000.000 ms"
   */
  readonly trace: readonly string[];
  /** How long a read takes. One that blocks moves the clock; one beside the thread sleeps. */
  readMillis: Millis;
  /** How long a write takes. */
  writeMillis: Millis;
  /** How long a sync takes. */
  syncMillis: Millis;

  readonly #names: SimulatedNames;
  readonly #journal: Journal;
  readonly #clock: SimulatedClock;
  readonly #io: IoCalls;
  readonly #latency: SeededRandom;
  readonly #fileSystem: SimulatedFileSystem;

  constructor(options: SimulatedHostOptions = {}, disk?: Disk) {
    this.seed = options.seed ?? 1;
    this.rules = options.rules ?? "posix";
    this.readMillis = options.readMillis ?? 0;
    this.writeMillis = options.writeMillis ?? 0;
    this.syncMillis = options.syncMillis ?? 0;
    this.#journal = disk?.journal ?? new Journal();
    this.#names = new SimulatedNames(disk?.names ?? new Map(), this.#journal);
    this.#clock = new SimulatedClock(disk?.nowMillis);
    this.#latency = seededRandom(this.seed, LATENCY);
    const trace: string[] = [];
    this.trace = trace;
    const clock = this.#clock;
    this.#io = new IoCalls(options.traced === true ? trace : undefined, () =>
      clock.preciseMillis(),
    );
    this.#io.onCall = options.onCall;
    this.clock = clock;
    this.timers = clock;
    this.random = seededRandom(this.seed);
    this.#fileSystem = this.#makeFileSystem();
    this.files = this.#fileSystem;
  }

  /** Called before each I/O call. */
  get onCall(): ((call: IoCall) => void) | undefined {
    return this.#io.onCall;
  }
  set onCall(listener: ((call: IoCall) => void) | undefined) {
    this.#io.onCall = listener;
  }
  /** I/O calls so far. */
  get calls(): number {
    return this.#io.calls;
  }
  /** I/O calls so far that may change the disk: open to create, write, truncate, sync and the changes of names. */
  get changes(): number {
    return this.#io.changes;
  }
  get dead(): boolean {
    return this.#io.dead;
  }
  /** How many calls met a fault. */
  get faultsMet(): number {
    return this.#io.faults.met;
  }

  /** The `call`-th I/O call, from 1, fails or lies. A fault that does not fit this call does nothing. */
  failAt(call: number, fault: Fault): void {
    this.#io.faults.at(call, fault);
  }

  /** The `change`-th call that may change the disk, from 1, fails or lies. */
  failAtChange(change: number, fault: Fault): void {
    this.#io.faults.atChange(change, fault);
  }

  /**
   * From the `call`-th I/O call on, each that the fault fits and that `only` says yes to fails or lies, until heal().
   *
   * @example
   * host.failFrom(1, "ENOSPC", ({ what }) => what === "write"); // a disk that is full
   * host.failFrom(host.calls + 1, "lying-sync"); // a drive that ignores flushes
   */
  failFrom(call: number, fault: Fault, only: (call: IoCall) => boolean = () => true): void {
    this.#io.faults.from(call, fault, only);
  }

  /** No fault is set from here on. What faults did to the disk stays. */
  heal(): void {
    this.#io.faults.clear();
  }

  /** Cuts the power: this host is dead, and its disk goes on in the one returned. */
  crash(unsynced: Unsynced = "seeded", seed: number = this.seed): SimulatedHost {
    this.#io.dead = true;
    return this.afterPowerCut(unsynced, seed);
  }

  /** What a power cut at this moment would leave, on a host of its own; this one goes on. */
  afterPowerCut(unsynced: Unsynced = "seeded", seed: number = this.seed): SimulatedHost {
    const random = seededRandom(seed, POWER_CUTS);
    const choose: Choose = (choices) => random.below(choices);
    const { last, written } = this.#journal;
    const journaled = unsynced === "lost" ? written : written + choose(last - written + 1);
    if (unsynced === "kept")
      return this.#hostOf(this.#names.afterJournal(last), seed, (file) => file.shareContent());
    if (unsynced === "journal")
      return this.#hostOf(this.#names.afterJournal(journaled), seed, (file) =>
        file.afterJournal(journaled, choose),
      );
    const chosen = unsynced === "lost" ? undefined : choose;
    const names =
      this.rules === "windows"
        ? this.#names.afterJournal(journaled)
        : this.#names.afterPowerCut(chosen);
    return this.#hostOf(names, seed, (file) => file.afterPowerCut(chosen));
  }

  #hostOf(
    names: Map<string, SimulatedNode>,
    seed: number,
    contentOf: (file: SimulatedFile) => Bytes,
  ): SimulatedHost {
    // One file may have several names, and must still be one file afterwards.
    const survivors = new Map<SimulatedFile, SimulatedFile>();
    const journal = new Journal();
    const disk = new Map<string, SimulatedNode>();
    for (const path of [...names.keys()].sort()) {
      const node = names.get(path)!;
      if (node === "directory") {
        disk.set(path, node);
        continue;
      }
      let survivor = survivors.get(node);
      if (survivor === undefined) {
        survivor = new SimulatedFile(contentOf(node), journal);
        survivors.set(node, survivor);
      }
      disk.set(path, survivor);
    }
    return new SimulatedHost(
      { seed: seed + 1, rules: this.rules },
      { names: disk, journal, nowMillis: this.clock.nowMillis() },
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
    return copyBytes(this.#fileSystem.fileAt(normalPath(path)).content);
  }

  /** Gives the existing file other content, durable, as bit rot or a foreign hand would. No I/O call. */
  damage(path: string, content: Bytes): void {
    const file = this.#fileSystem.fileAt(normalPath(path));
    file.truncate(0);
    file.write(content, 0);
    file.harden(this.#journal.last);
  }

  // -------------------------------------------------------------- parts

  #makeFileSystem(): SimulatedFileSystem {
    const choices = seededRandom(this.seed, FAULTS);
    const choose: Choose = (count) => (count > 0 ? choices.below(count) : 0);
    return new SimulatedFileSystem({
      io: this.#io,
      names: this.#names,
      journal: this.#journal,
      rules: this.rules,
      handleHost: {
        io: this.#io,
        journal: this.#journal,
        choose,
        someFile: () => {
          const files = this.paths()
            .map((path) => this.#fileSystem.fileAt(path))
            .filter(({ size }) => size > 0);
          return files[choose(files.length)] ?? new SimulatedFile(new Uint8Array(0), this.#journal);
        },
        takes: (what) => this.#clock.passes(this.#millisOf(what)),
        took: (what) => {
          const millis = this.#millisOf(what);
          if (millis > 0) return this.timers.sleep(millis);
          return what === "read" ? this.timers.pause() : Promise.resolve();
        },
      },
    });
  }

  #millisOf(what: "read" | "write" | "sync"): number {
    const millis = this[`${what}Millis`];
    if (typeof millis === "number") return millis;
    return millis.least + this.#latency.below(millis.most - millis.least + 1);
  }
}
