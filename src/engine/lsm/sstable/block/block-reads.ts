/**
 * Blocks that are not in the cache: are they read at once, or beside the thread?
 *
 * A block in the operating system's cache is there in about a microsecond, and any promise would cost more than that. One
 * that must come from a slow disk would stop the whole process for as long. Nobody tells which it will be, so the time
 * that reads took of late is the guess for the next one.
 *
 * Always true:
 * (1) While reads are quick, they happen where they are needed, and no promise is made.
 * (2) While they are slow, work that runs under an errand stops at the first block that is missing (BLOCK_MISSING); all
 *     other work (commits, compactions, checks) reads at once still.
 * (3) A block is read once for all errands that wait for it. A failed read is told to each errand that needs the block,
 *     and to nobody where it was only read ahead: who needs it later will ask again.
 */
import type { Bytes } from "../../../../base/index.ts";
import { BLOCK_MISSING } from "../../cursor/index.ts";
import type { Clock } from "../../host/index.ts";
import type { BlockHandle } from "./block-frame.ts";
import { Errand, blockName } from "./errand.ts";
import type { BlockHome } from "./errand.ts";

/** The weight of the newest read in the average. One read that was held up by something else is not a slow disk. */
const NEWEST_WEIGHT = 1 / 8;
/** A read counts as at most so many times the threshold, so that the average comes down again soon. */
const COUNTED_MAX = 4;
/** Quick again below this part of the threshold: a disk between the two does not make us change our minds all the time. */
const QUICK_PART = 1 / 2;
/** While reads are slow, one is done at once now and then, to see whether they still are. */
const PROBE_MILLIS = 250;
/** Reads beside the thread at a time; beyond it nothing is read ahead. */
const READS_UNDER_WAY_MAX = 64;

export class BlockReads {
  readonly #clock: Clock | undefined;
  readonly #slowMillis: number;
  readonly #underWay = new Map<string, Promise<Bytes>>();
  #averageMillis = 0;
  #nextProbeMillis = 0;
  #isSlow: boolean;
  #errand: Errand | undefined;
  #readsNow = 0;
  #readsLater = 0;
  #readsAhead = 0;
  #slowTurns = 0;

  /**
   * @param slowMicros Reads that take longer than this on average are slow; 0: all of them are, Infinity: none is.
   *   Without a clock none is either.
   */
  constructor(clock?: Clock, slowMicros: number = Infinity) {
    this.#clock = slowMicros === Infinity ? undefined : clock;
    this.#slowMillis = slowMicros / 1_000;
    this.#isSlow = this.#clock !== undefined && slowMicros === 0;
  }

  /** Reads should run under an errand, so that they do not block the thread. */
  get isSlow(): boolean {
    return this.#isSlow;
  }
  /** The errand of the work that is on the stack. */
  get errand(): Errand | undefined {
    return this.#errand;
  }
  /** So many reads are under way that none should be added but those that are needed. */
  get isBusy(): boolean {
    return this.#underWay.size >= READS_UNDER_WAY_MAX;
  }

  get stats(): Readonly<
    Record<"readsNow" | "readsLater" | "readsAhead" | "readMicros" | "slowTurns", number>
  > {
    return {
      readsNow: this.#readsNow,
      readsLater: this.#readsLater,
      readsAhead: this.#readsAhead,
      readMicros: this.#averageMillis * 1_000,
      slowTurns: this.#slowTurns,
    };
  }

  /** Work that may stop at missing blocks; `ahead`: see Errand. */
  newErrand(ahead: number): Errand {
    return new Errand(this, ahead);
  }

  /** Runs `work` under the errand; undefined if it stopped at a block, which errand.arrived() waits for. */
  run<T>(errand: Errand, work: () => T): T | undefined {
    const outer = this.#errand;
    this.#errand = errand;
    try {
      return work();
    } catch (error) {
      if (error !== BLOCK_MISSING) throw error;
      return undefined;
    } finally {
      this.#errand = outer;
    }
  }

  /** HOT: bench/micro/lsm-storage. A block is read at once from here on; gives what took() is told when it was. */
  starts(): number {
    this.#readsNow++;
    return this.#clock === undefined ? 0 : this.#clock.monotonicMillis();
  }
  took(start: number): void {
    if (this.#clock !== undefined) this.#count(this.#clock.monotonicMillis() - start);
  }

  /** Is this read the one that tries whether reads are quick again? */
  takesProbe(): boolean {
    if (this.#slowMillis === 0 || this.#clock === undefined) return false;
    const now = this.#clock.monotonicMillis();
    if (now < this.#nextProbeMillis) return false;
    this.#nextProbeMillis = now + PROBE_MILLIS;
    return true;
  }

  /** Reads beside the thread, unless that is under way. The promise may be left alone: its failure is handled. */
  later(
    home: BlockHome,
    handle: BlockHandle,
    valueBytes: number | undefined,
    isAhead: boolean,
  ): Promise<Bytes> {
    const name = blockName(home, handle);
    const former = this.#underWay.get(name);
    if (former !== undefined) return former;
    if (isAhead) this.#readsAhead++;
    else this.#readsLater++;
    const read = home.readLater(handle, valueBytes).finally(() => void this.#underWay.delete(name));
    read.catch(() => undefined);
    this.#underWay.set(name, read);
    return read;
  }

  #count(millis: number): void {
    const counted = Math.min(millis, this.#slowMillis * COUNTED_MAX);
    this.#averageMillis += (counted - this.#averageMillis) * NEWEST_WEIGHT;
    if (!this.#isSlow) {
      if (this.#averageMillis < this.#slowMillis) return;
      this.#isSlow = true;
      this.#slowTurns++;
      this.#nextProbeMillis = this.#clock!.monotonicMillis() + PROBE_MILLIS;
      return;
    }
    if (this.#averageMillis < this.#slowMillis * QUICK_PART) this.#isSlow = false;
    // A quick probe is followed by the next one at once, a slow one only after a while.
    else if (millis < this.#slowMillis * QUICK_PART) this.#nextProbeMillis = 0;
  }
}
