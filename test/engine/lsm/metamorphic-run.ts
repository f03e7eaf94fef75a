/**
 * Runs a program on an engine and on the plain model, and compares every answer. What the answers were is kept as well:
 * another run, with other options, must have got the same.
 */
import { expect } from "vitest";
import { KotobaError } from "../../../src/base/index.ts";
import { StorageError } from "../../../src/engine/contract/index.ts";
import type {
  Page,
  ReadView,
  Scan,
  ScanOptions,
  Snapshot,
} from "../../../src/engine/contract/index.ts";
import type { Version } from "../../../src/engine/contract/index.ts";
import { openLsmEngine } from "../../../src/engine/lsm/index.ts";
import type { LsmEngine, LsmOptions } from "../../../src/engine/lsm/index.ts";
import {
  applied,
  bytesOf,
  conflicts,
  rangeOf,
  scanned,
  textOf,
  toldOf,
  valueIn,
  writeOpOf,
} from "./metamorphic-model.ts";
import type { ModelCommit, Rows } from "./metamorphic-model.ts";
import type { Op, Row, Span, Step, Work, World } from "./metamorphic-program.ts";
import type { RandomOptions } from "./random-options.ts";
import { SimulatedHost } from "../../../src/testing/index.ts";

const PATH = "/home/db";
const EVERYTHING: Span = { start: "", end: undefined };

interface OpenScan {
  readonly scan: Scan;
  readonly view: Snapshot;
  /** What it has still to give. */
  rest: Rows;
}
interface HeldView {
  readonly view: Snapshot;
  readonly rows: Rows;
}
/** From where on the change log is read, and whether it may have lost that. */
interface Feed {
  readonly after: Version;
  readonly commits: number;
  readonly mayBeTrimmed: boolean;
}

/** A mistake on purpose, for tests of this test. */
export interface Plant {
  readonly options?: Partial<LsmOptions>;
  readonly change?: (engine: LsmEngine) => void;
}

export class MetamorphicRun {
  readonly #world: World;
  #host: SimulatedHost;
  #engine: LsmEngine | undefined;
  #options: RandomOptions = {};
  #openings = 0;
  #copies = 0;
  #cuts = 0;
  #commits: ModelCommit[] = [];
  /** So many of the commits are on the disk for good. */
  #durable = 0;
  #feed: Feed | undefined;
  /** The power is about to be cut. */
  #isCutting = false;
  #scans: OpenScan[] = [];
  #held: HeldView[] = [];
  /** What was asked for and found, in order. */
  readonly answers: string[] = [];
  /** How often each thing happened. */
  readonly tally: Map<string, number>;

  readonly #plant: Plant;

  constructor(world: World, tally: Map<string, number> = new Map(), plant: Plant = {}) {
    this.#world = world;
    this.tally = tally;
    this.#plant = plant;
    const { readMillis, seed } = world;
    this.#host = new SimulatedHost({ seed, readMillis });
  }

  /** The disk as it is, for tests that look at the files. */
  get host(): SimulatedHost {
    return this.#host;
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) await this.#step(step);
    await this.#close();
    await this.#open();
    await this.#close();
    this.answers.push(JSON.stringify(this.#rows));
  }

  get #rows(): Rows {
    return this.#commits.at(-1)?.rows ?? [];
  }

  #count(what: string, times = 1): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + times);
  }

  #answer(what: string, found: unknown, wanted: unknown): void {
    expect(found, what).toEqual(wanted);
    this.answers.push(`${what}: ${JSON.stringify(found)}`);
  }

  // ---------------------------------------------------------------- steps

  async #step(step: Step): Promise<void> {
    const engine = (this.#engine ??= await this.#open());
    switch (step.do) {
      case "transaction":
        return this.#transact(engine, step);
      case "read":
        return this.#read(engine, step.span, step.options);
      case "getMany":
        return this.#getMany(engine, step.keys);
      case "scan":
        return this.#beginScan(engine, step.span, step.options);
      case "next":
        return this.#next();
      case "snapshot":
        this.#held.push({ view: engine.snapshot(), rows: this.#rows });
        return;
      case "closeOldest":
        this.#closeScan(this.#scans.shift());
        return this.#held.shift()?.view.close();
      case "changes":
        return this.#compareChanges(engine);
      case "readOnly":
        return this.#readOnly();
      case "reopen":
        return this.#close();
      case "pause":
        for (let i = 0; i < step.turns; i++) await this.#host.timers.pause();
        return;
      case "sleep":
        return this.#host.timers.sleep(step.millis);
      case "powerCut":
        return this.#cutPower(engine, step);
      default:
        return this.#work(engine, step);
    }
  }

  async #work(engine: LsmEngine, work: Work): Promise<void> {
    this.#count(work.do);
    switch (work.do) {
      case "write":
        return this.#write(engine, work.ops, work.isDurable);
      case "writes":
        await settled(work.all.map((ops) => this.#write(engine, ops, false)));
        return;
      case "load":
        return this.#load(engine, work.rows, work.isSorted);
      case "flush":
        await engine.flush();
        break;
      case "compact":
        await engine.compact();
        break;
      case "compactRange":
        await engine.compact(rangeOf(work.span));
        break;
      case "cleanupWal":
        await engine.cleanupWal();
        break;
      case "checkpoint":
        return this.#checkpoint(engine);
      case "close":
        return this.#close();
    }
    this.#durable = this.#commits.length;
  }

  #commit(ops: readonly Op[]): number {
    return this.#commits.push(applied(this.#rows, ops));
  }

  async #write(engine: LsmEngine, ops: readonly Op[], isDurable: boolean): Promise<void> {
    const number = this.#commit(ops);
    const plan = { ops: ops.map(writeOpOf), requires: [] };
    await engine.write(isDurable ? { ...plan, durability: "durable" } : plan);
    const { durability = "durable" } = this.#options;
    if (isDurable || durability === "durable") this.#isDurable(number);
  }

  #isDurable(commits: number): void {
    this.#durable = Math.max(this.#durable, commits);
  }

  async #load(engine: LsmEngine, rows: Rows, isSorted: boolean): Promise<void> {
    const ordered = isSorted ? rows.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) : rows;
    const last = [...new Map(ordered)].map(([key, value]) => ({ op: "put", key, value }) as const);
    // Beside a change log there is no bulk load: the same rows are written.
    if (engine.load === undefined) return this.#write(engine, last, true);
    const number = this.#commit(last);
    const pieces = async function* () {
      for (let i = 0; i < ordered.length; i += 7) {
        yield ordered
          .slice(i, i + 7)
          .map(([key, value]) => [bytesOf(key), bytesOf(value)] as const);
      }
    };
    await engine.load(pieces());
    this.#isDurable(number);
  }

  async #transact(engine: LsmEngine, step: Step & { do: "transaction" }): Promise<void> {
    const { isExclusive, keys, ops, spans } = step;
    const before = this.#rows;
    const transaction = await engine.begin({ exclusive: isExclusive });
    const look = async (): Promise<void> => {
      for (const span of spans) await this.#compareScan(transaction, before, span, {});
      await this.#compareGets(transaction, before, keys);
    };
    await look();
    const other = isExclusive ? [] : step.other;
    if (other.length > 0) {
      await this.#write(engine, other, false);
      await look();
    }
    const wanted = conflicts(before, other, keys, spans);
    const plan = {
      readKeys: keys.map(bytesOf),
      readRanges: spans.map(rangeOf),
      ops: ops.map(writeOpOf),
      requires: [],
      durability: "durable",
    } as const;
    const isRefused = await isConflict(async () => transaction.commit(plan));
    if (wanted !== undefined) expect(isRefused, "the commit was refused").toBe(wanted);
    this.answers.push(`refused: ${isRefused}`);
    this.#count(isRefused ? "conflict" : "transaction");
    if (!isRefused) this.#isDurable(this.#commit(ops));
  }

  // ---------------------------------------------------------------- reading

  async #read(engine: LsmEngine, span: Span, options: ScanOptions): Promise<void> {
    const reader = await engine.begin({ readOnly: true });
    for (const { rows, view } of [{ view: reader, rows: this.#rows }, ...this.#held]) {
      await this.#compareScan(view, rows, span, options);
      this.#answer("get", await textAt(view, span.start), valueIn(rows, span.start));
    }
    reader.abort();
  }

  async #getMany(engine: LsmEngine, keys: readonly string[]): Promise<void> {
    const reader = await engine.begin({ readOnly: true });
    for (const { rows, view } of [{ view: reader, rows: this.#rows }, ...this.#held]) {
      await this.#compareGets(view, rows, keys);
    }
    reader.abort();
  }

  async #compareScan(view: ReadView, rows: Rows, span: Span, options: ScanOptions): Promise<void> {
    const found = await drained(view.scan(rangeOf(span), options));
    this.#answer(`scan ${JSON.stringify([span, options])}`, found, scanned(rows, span, options));
  }

  async #compareGets(view: ReadView, rows: Rows, keys: readonly string[]): Promise<void> {
    const found = await view.getMany(keys.map(bytesOf));
    const texts = found.map((value) => (value === undefined ? undefined : textOf(value)));
    this.#answer(
      `get ${JSON.stringify(keys)}`,
      texts,
      keys.map((key) => valueIn(rows, key)),
    );
  }

  async #compareAll(view: ReadView, rows: Rows): Promise<void> {
    expect(await drained(view.scan(rangeOf(EVERYTHING)))).toEqual(rows);
    const back = await drained(view.scan(rangeOf(EVERYTHING), { reverse: true, expect: "all" }));
    expect(back.toReversed()).toEqual(rows);
  }

  async #beginScan(engine: LsmEngine, span: Span, options: ScanOptions): Promise<void> {
    const view = engine.snapshot();
    const scan = view.scan(rangeOf(span), options);
    this.#scans.push({ scan, view, rest: scanned(this.#rows, span, options) });
    await this.#next();
  }

  /** One page of the newest scan; an older one gets its turn when that is at its end. */
  async #next(): Promise<void> {
    const open = this.#scans.at(-1);
    if (open === undefined) return;
    const page = await open.scan.next();
    const found = rowsOf(page);
    expect(found).toEqual(open.rest.slice(0, found.length));
    open.rest = open.rest.slice(found.length);
    if (!page.done) return;
    expect(open.rest).toEqual([]);
    this.#closeScan(this.#scans.pop());
  }

  #closeScan(open: OpenScan | undefined): void {
    open?.scan.close();
    open?.view.close();
  }

  async #compareChanges(engine: LsmEngine): Promise<void> {
    const feed = this.#feed;
    // The log of a database that has failed never gets what was acknowledged before it was written.
    if (this.#isCutting || feed === undefined || engine.changes === undefined) return;
    const wanted = this.#commits.slice(feed.commits).map(({ told }) => told);
    if (wanted.length === 0) return;
    const found: string[][] = [];
    try {
      for await (const batch of engine.changes(feed.after)) {
        for (const { ops } of batch) found.push(ops.map(toldOf).toSorted());
        if (found.length >= wanted.length) break;
      }
    } catch (error) {
      const isTooOld = error instanceof StorageError && error.code === "TooOld";
      if (!isTooOld || !feed.mayBeTrimmed) throw error;
      this.#feed = this.#feedFrom(engine);
      return;
    }
    expect(found).toEqual(wanted);
    this.#count("changes compared");
  }

  #feedFrom(engine: LsmEngine): Feed {
    const view = engine.snapshot();
    const after = view.version!;
    view.close();
    const mayBeTrimmed = this.#options.changeLog?.bytesMax !== undefined;
    return { after, commits: this.#commits.length, mayBeTrimmed };
  }

  // ---------------------------------------------------------------- copies, reopening, power cuts

  #nextOptions(): RandomOptions {
    const { openings } = this.#world;
    return openings[this.#openings++ % openings.length]!;
  }

  #openWith(options: RandomOptions, more: Partial<LsmOptions> = {}): Promise<LsmEngine> {
    return openLsmEngine({ path: PATH, host: this.#host, ...options, ...more });
  }

  async #open(isAfterCut = false): Promise<LsmEngine> {
    const options = this.#nextOptions();
    // Salvage serves what was written behind a hole, which is no state that there ever was.
    const isUnsafe = isAfterCut && options.recovery === "salvage";
    this.#options = isUnsafe ? { ...options, recovery: "point-in-time" } : options;
    this.#count(`policy ${this.#options.policy ?? "leveled"}`);
    const engine = await this.#openWith(this.#options, {
      ...this.#plant.options,
      onEvent: (event) => {
        if (event.type === "compaction-begin")
          this.#count(`compacted: ${event.why.replaceAll(/[\d.]+/g, "_")}`);
      },
    });
    this.#plant.change?.(engine);
    this.#engine = engine;
    const { changeLog } = this.#options;
    if (changeLog === undefined) this.#feed = undefined;
    else if (this.#feed === undefined) this.#feed = this.#feedFrom(engine);
    else if (changeLog.bytesMax !== undefined) this.#feed = { ...this.#feed, mayBeTrimmed: true };
    return engine;
  }

  /** Whatever is held still reads as it did; then everything is closed. */
  async #close(): Promise<void> {
    const engine = this.#engine;
    if (engine === undefined) return;
    while (this.#scans.length > 0) await this.#next();
    for (const { rows, view } of this.#held) await this.#compareAll(view, rows);
    for (const { view } of this.#held.splice(0)) view.close();
    await this.#compareChanges(engine);
    const reader = engine.snapshot();
    await this.#compareAll(reader, this.#rows);
    reader.close();
    expect(await engine.verify()).toEqual([]);
    const stats = engine.stats();
    expect(stats["openViews"]).toBe(0);
    for (const name of ["flushes", "compactions", "moves", "drops", "loads", "loadRuns"])
      this.#count(name, stats[name] ?? 0);
    if (stats["sstableCount"]! > 8) this.#count("more than 8 tables");
    await engine.close();
    this.#engine = undefined;
    expect(this.#host.warnings).toEqual([]);
    this.#durable = this.#commits.length;
  }

  async #readOnly(): Promise<void> {
    await this.#close();
    const engine = await this.#openWith(this.#nextOptions(), { readOnly: true });
    const view = engine.snapshot();
    await this.#compareAll(view, this.#rows);
    view.close();
    await expect(async () => engine.flush()).rejects.toMatchObject({ code: "OpenedReadOnly" });
    expect(await engine.verify()).toEqual([]);
    await engine.close();
    this.#count("read only");
  }

  async #checkpoint(engine: LsmEngine): Promise<void> {
    const path = `/copies/${this.#copies++}`;
    await engine.checkpoint(path);
    this.#durable = this.#commits.length;
    const copy = await this.#openWith(this.#nextOptions(), { path });
    const view = copy.snapshot();
    await this.#compareAll(view, this.#rows);
    view.close();
    expect(await copy.verify()).toEqual([]);
    // What the copy does from here on is its own affair.
    await copy.write({ ops: [writeOpOf({ op: "delRange", span: EVERYTHING })], requires: [] });
    await copy.compact();
    await copy.close();
  }

  async #cutPower(engine: LsmEngine, step: Step & { do: "powerCut" }): Promise<void> {
    const former = this.#host;
    former.failAtChange(former.changes + step.after, "power-cut");
    this.#isCutting = true;
    try {
      await this.#work(engine, step.during);
      this.#count("power cut after work");
    } catch (error) {
      if (!former.dead || !(error instanceof KotobaError)) throw error;
      this.#count(`power cut in ${step.during.do}`);
    }
    this.#isCutting = false;
    this.#host = former.crash(step.unsynced, this.#world.seed + this.#cuts++);
    this.#host.readMillis = this.#world.readMillis;
    for (const scan of this.#scans.splice(0)) this.#closeScan(scan);
    for (const { view } of this.#held.splice(0)) view.close();
    await failing(async () => engine.close());
    this.#engine = undefined;
    await this.#comeBack(await this.#open(true));
  }

  /** What is there is some commit, not before the newest that was promised; what was lost is done again. */
  async #comeBack(engine: LsmEngine): Promise<void> {
    const reader = engine.snapshot();
    const rows = await drained(reader.scan(rangeOf(EVERYTHING)));
    // Commits are counted, so it is known which one it is, also where two led to the same rows.
    const there = Number(reader.version);
    reader.close();
    expect(there).toBeGreaterThanOrEqual(this.#durable);
    expect(there).toBeLessThanOrEqual(this.#commits.length);
    expect(rows).toEqual(this.#commits[there - 1]?.rows ?? []);
    const lost = this.#commits.splice(there);
    this.#durable = there;
    if (this.#feed !== undefined) this.#feed = this.#feedAfterCut(engine, this.#feed, there);
    for (const { ops } of lost) await this.#write(engine, ops, true);
    if (lost.length > 0) this.#count("commits lost", lost.length);
  }

  #feedAfterCut(engine: LsmEngine, feed: Feed, there: number): Feed {
    return feed.commits <= there ? feed : this.#feedFrom(engine);
  }
}

function rowsOf(page: Page): Row[] {
  const { buffer, keyEnd, keyStart, valueEnd, valueStart } = page;
  return Array.from({ length: page.rows }, (_, i): Row => {
    const value = textOf(buffer.subarray(valueStart[i] ?? 0, valueEnd[i] ?? 0));
    return [textOf(buffer.subarray(keyStart[i], keyEnd[i])), value];
  });
}

async function drained(scan: Scan): Promise<Row[]> {
  const rows: Row[] = [];
  for (;;) {
    const page = await scan.next();
    rows.push(...rowsOf(page));
    if (page.done) return rows;
  }
}

async function textAt(view: ReadView, key: string): Promise<string | undefined> {
  const value = await view.get(bytesOf(key));
  return value === undefined ? undefined : textOf(value);
}

async function isConflict(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return false;
  } catch (error) {
    if (error instanceof KotobaError && error._tag === "Conflict") return true;
    throw error;
  }
}

/** Waits for all, then fails as the first one that failed. */
async function settled(all: readonly Promise<void>[]): Promise<void> {
  for (const one of await Promise.allSettled(all)) if (one.status === "rejected") throw one.reason;
}

async function failing(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof KotobaError)) throw error;
  }
}
