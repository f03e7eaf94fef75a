/** Whatever is written and whatever is set: jobs keep the order of the levels, end, and do not get into each other's way. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  applyEdit,
  pickCompaction,
  tablesOf,
  versionOf,
  versionProblems,
} from "../../../../src/engine/lsm/compaction/index.ts";
import type {
  CompactionJob,
  PickSettings,
  PickState,
  Version,
} from "../../../../src/engine/lsm/compaction/index.ts";
import { ROUNDS } from "../support.ts";
import { afterJob, keyOf, outputsOf, overtaken, settingsCase, tableOf } from "./pick-cases.ts";

const flushCase = fc.record({
  start: fc.nat(900),
  span: fc.oneof(fc.nat(20), fc.nat(1_000)),
  fileBytes: fc.integer({ min: 10, max: 3_000 }),
  tombstones: fc.constantFrom(0, 0, 50),
  denseBlocks: fc.nat(10),
  /** How many jobs end before the next flush. */
  jobs: fc.nat(3),
});
const deleteCase = fc.record({ start: fc.nat(900), span: fc.nat(900), at: fc.nat(40) });

/** No amount of work for what is there can be larger. */
const JOBS_MAX = 2_000;

class World {
  version: Version = versionOf([]);
  readonly settings: PickSettings;
  #number = 0;
  #sequence = 1;
  now = 0;
  rangeDeletes: PickState["rangeDeletes"] = [];

  constructor(settings: PickSettings) {
    this.settings = settings;
  }

  readonly next = (): number => ++this.#number;

  get sequence(): number {
    return this.#sequence;
  }

  flush(flush: { start: number; span: number; fileBytes: number }): void {
    const end = flush.start + flush.span;
    const parts = { ...flush, end, fileNumber: this.next(), sequence: this.#sequence };
    this.#sequence += 10;
    this.version = applyEdit(this.version, {
      added: [tableOf({ ...parts, writtenAtMillis: this.now })],
    });
    this.now++;
  }

  state(busy: ReadonlySet<number> = new Set()): PickState {
    const { now, rangeDeletes } = this;
    return { busy, oldestSequence: this.#sequence - 1, nowMillis: now, rangeDeletes };
  }

  pick(busy?: ReadonlySet<number>): CompactionJob | undefined {
    return pickCompaction(this.version, this.settings, this.state(busy));
  }

  check(): void {
    expect(versionProblems(this.version)).toEqual([]);
    expect(overtaken(this.version)).toEqual([]);
  }
}

test("jobs keep newer data above older, and end when nothing is written", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      settingsCase,
      fc.array(flushCase, { minLength: 5, maxLength: 60, size: "max" }),
      fc.array(deleteCase, { maxLength: 3 }),
      (settings, flushes, deletes) => {
        const world = new World(settings);
        const step = (): boolean => {
          const job = world.pick();
          if (job === undefined) return false;
          expect(job.inputs.length).toBeGreaterThan(0);
          expect(job.inputs.every((table) => tablesOf(world.version).includes(table))).toBe(true);
          seen.add(
            `${settings.policy} ${job.isDrop === true ? "drop" : job.isMove ? "move" : "merge"}`,
          );
          if (job.outputLevel === 0 && job.isDrop !== true) seen.add(`${settings.policy} within`);
          world.version = afterJob(world.version, job, world.next, world.now);
          world.check();
          return true;
        };
        for (const [index, flush] of flushes.entries()) {
          for (const one of deletes.filter(({ at }) => at === index)) {
            const sequence = world.sequence + 9;
            const range = { start: keyOf(one.start), end: keyOf(one.start + one.span), sequence };
            world.rangeDeletes = [...world.rangeDeletes, range];
          }
          world.flush(flush);
          world.check();
          for (let i = 0; i < flush.jobs && step(); i++);
        }
        let jobs = 0;
        while (step()) expect(jobs++).toBeLessThan(JOBS_MAX);
      },
    ),
    // Which kinds of jobs come up is chance: one run is always the same, longer ones are at random.
    { numRuns: 150 * ROUNDS, ...(ROUNDS === 1 ? { seed: 1 } : {}) },
  );
  for (const kind of [
    "leveled merge",
    "leveled move",
    "leveled drop",
    "leveled within",
    "lazy-leveled merge",
    "lazy-leveled move",
    "tiered merge",
    "fifo drop",
    "fifo within",
  ]) {
    expect(seen).toContain(kind);
  }
});

test("no table is in two jobs, and jobs that run side by side may end in any order", () => {
  let together = 0;
  fc.assert(
    fc.property(
      settingsCase,
      fc.array(flushCase, { minLength: 20, maxLength: 80, size: "max" }),
      fc.infiniteStream(fc.nat(2)),
      (settings, flushes, dice) => {
        const world = new World(settings);
        const running: CompactionJob[] = [];
        const end = (at: number): void => {
          const [job] = running.splice(at, 1);
          const added = job!.isDrop === true ? [] : outputsOf(job!, world.next, world.now);
          const removed = job!.inputs.map((table) => table.fileNumber);
          world.version = applyEdit(world.version, { removed, added });
          world.check();
        };
        for (const flush of flushes) {
          world.flush(flush);
          const inputs = running.flatMap((job) => job.inputs);
          const busy = new Set(inputs.map((table) => table.fileNumber));
          const job = world.pick(busy);
          if (job !== undefined) {
            expect(job.inputs.some((table) => busy.has(table.fileNumber))).toBe(false);
            running.push(job);
            if (running.length > 1) together++;
          }
          const choice = dice.next().value!;
          if (running.length > 0 && (choice === 0 || running.length > 3)) {
            end(choice % running.length);
          }
        }
        while (running.length > 0) end(0);
      },
    ),
    { numRuns: 150 * ROUNDS },
  );
  expect(together).toBeGreaterThan(50);
});
