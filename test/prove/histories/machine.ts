/**
 * What histories are recorded on: an engine of some kind, and on a simulated disk some trouble of some kind. All of it
 * follows from the seed.
 */
import { KotobaError } from "kotobadb";
import { MemoryEngine, openLsmEngine, StorageError } from "kotobadb/engine";
import type { Durability, LsmOptions, StorageEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import type { Unsynced } from "kotobadb/testing";
import { seededRandom } from "../../../src/testing/kit/index.ts";
import type { SeededRandom } from "../../../src/testing/kit/index.ts";
import { someOptions } from "../../engine/lsm/random-options.ts";
import { TINY } from "../../engine/lsm/support.ts";

export const engineKinds = ["memory", "tiny", "slow", "random options"] as const;
export type EngineKind = (typeof engineKinds)[number];
export const troubles = ["none", "power cuts", "failing calls", "openings"] as const;
export type Trouble = (typeof troubles)[number];

const WAYS: readonly Unsynced[] = ["seeded", "lost", "kept", "seeded"];
const TROUBLES_MAX = 8;
const PATH = "/home/histories/db";

/** A mistake on purpose: in the engine, on its way into the history, or in the machine, before anything is opened. */
export interface Plant {
  readonly engine?: (engine: StorageEngine) => StorageEngine;
  readonly host?: (host: SimulatedHost) => void;
}

/** A machine whose disk may fail, and the database on it. */
export class Machine {
  readonly kind: EngineKind;
  readonly durability: Durability;
  readonly #options: Omit<LsmOptions, "path" | "host">;
  #trouble: Trouble;
  /** Trouble without an end would let nothing end. */
  #troublesLeft = TROUBLES_MAX;
  readonly #random: SeededRandom;
  readonly #plant: Plant;
  host: SimulatedHost;
  /** How often the power was cut, and how many calls were told to fail. */
  powerCuts = 0;
  faults = 0;

  constructor(kind: EngineKind, trouble: Trouble, seed: number, plant: Plant = {}) {
    const random = seededRandom(seed, 11);
    this.kind = kind;
    this.#trouble = trouble;
    this.#random = random;
    this.#plant = plant;
    this.durability = random.oneIn(3)
      ? (["buffered", "memory"] as const)[random.below(2)]!
      : "durable";
    const { durability } = this;
    // Memtables of the largest size drawn would not be full by the end; salvage gives up what it cannot read.
    const flushBytesMax = 1_024 * (1 + 2 * random.below(2));
    const always = { flushBytesMax, recovery: "strict", durability } as const;
    if (kind === "random options") this.#options = { ...someOptions(seed, 1)[0]!, ...always };
    else this.#options = { ...TINY, ...always, ...(kind === "slow" ? { slowReadMicros: 0 } : {}) };
    const readMillis = kind === "slow" ? 1 : 0;
    this.host = new SimulatedHost({ seed, readMillis });
    plant.host?.(this.host);
  }

  /** Calls may fail. */
  get isTroubled(): boolean {
    return this.#trouble === "power cuts" || this.#trouble === "failing calls";
  }

  /** Opens what is there, after a power cut what that left. */
  async open(): Promise<StorageEngine> {
    if (this.kind === "memory") return this.#planted(new MemoryEngine());
    if (this.host.dead) {
      const { readMillis } = this.host;
      this.powerCuts++;
      this.host = this.host.crash(
        WAYS[this.#random.below(WAYS.length)],
        this.#random.below(2 ** 30),
      );
      this.host.readMillis = readMillis;
      this.#plant.host?.(this.host);
    }
    for (;;) {
      try {
        const engine = await openLsmEngine({ path: PATH, host: this.host, ...this.#options });
        this.#plan();
        return this.#planted(engine);
      } catch (error) {
        // An opening may meet the trouble as well; the one after it meets what that left.
        if (!isOwnError(error) || !this.isTroubled) throw error;
        if (this.host.dead) return this.open();
      }
    }
  }

  #planted(engine: StorageEngine): StorageEngine {
    return this.#plant.engine?.(engine) ?? engine;
  }

  /** What is open now, or the database opened without further trouble, has nothing wrong with it. Closes it. */
  async checkWhole(engine: StorageEngine): Promise<void> {
    try {
      const problems = (await engine.verify?.()) ?? [];
      // One that failed may have left an edit in its manifest that it never showed.
      if (engine.stats?.()["isFailed"] === 1) throw new StorageError("Io");
      if (problems.length > 0) throw new Error(`verify: ${problems.join("\n")}`);
      await engine.close();
    } catch (error) {
      if (!isOwnError(error) || !this.isTroubled) throw error;
      await engine.close().catch(() => undefined);
      this.#trouble = "none";
      this.host = this.host.dead ? this.host : this.host.afterPowerCut("kept");
      await this.checkWhole(await this.open());
    }
  }

  /** What goes wrong next, at a call that is not far away. */
  #plan(): void {
    const { host } = this;
    const random = this.#random;
    const change = host.changes + 1 + random.below(120);
    if (--this.#troublesLeft < 0) return;
    if (this.#trouble === "power cuts") host.failAtChange(change, "power-cut");
    if (this.#trouble !== "failing calls") return;
    this.faults++;
    if (random.oneIn(3))
      host.failAt(host.calls + 1 + random.below(300), random.oneIn(3) ? "ENOSPC" : "EIO");
    else host.failAtChange(change, random.oneIn(2) ? "ENOSPC" : "EIO");
  }
}

export function isOwnError(error: unknown): error is KotobaError {
  return error instanceof KotobaError;
}
