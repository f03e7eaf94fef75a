/**
 * Many transactions at once through the public API, on rules that only serializability keeps (concurrent-rules.ts), on
 * both engines. Bodies wait between their steps: not at all, for microtasks, for turns of the event loop or on a timer, as
 * the seed says. The same bodies without a transaction break every rule: that is tested, too.
 *
 * KOTOBA_ROUNDS=30 npx vitest --run test/simulation/concurrent.test.ts   runs more seeds.
 */
import { open } from "kotobadb";
import { MemoryEngine, openLsmEngine } from "kotobadb/engine";
import type { StorageEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";
import { seededRandom } from "../../src/testing/kit/index.ts";
import type { SeededRandom } from "../../src/testing/kit/index.ts";
import { collections, rules } from "./concurrent-rules.ts";
import type { Database, Hands, Rule, Turn } from "./concurrent-rules.ts";
import { tapped } from "../prove/kit/engine-tap.ts";
import { ROUNDS, seeds, withSeed } from "./seeds.ts";
import { turns } from "../prove/kit/turns.ts";

const kinds = ["memory", "lsm"] as const;
type EngineKind = (typeof kinds)[number];
const FILE = "concurrent.test.ts";

async function openEngine(kind: EngineKind, host: SimulatedHost): Promise<StorageEngine> {
  if (kind === "memory") return new MemoryEngine();
  return openLsmEngine({
    host,
    path: "/home/rules/db",
    flushBytesMax: 4_000,
    l0TablesTrigger: 2,
    levelBaseBytes: 8_000,
    levelFanOut: 2,
    tableBytesTarget: 4_000,
    sliceMillis: 0,
  });
}

/** Between two steps of a body. The clock of the host is the timer: it jumps when nothing else is left to do. */
function pauses(random: SeededRandom, host: SimulatedHost): () => Promise<void> {
  return async () => {
    switch (random.below(4)) {
      case 0:
        return;
      case 1:
        for (let i = random.below(12); i >= 0; i--) await Promise.resolve();
        return;
      case 2:
        return turns(1 + random.below(3));
      default:
        return host.timers.sleep(random.below(20));
    }
  };
}

interface Outcome {
  readonly broken: string | undefined;
  readonly commits: number;
  /** Runs of bodies that lost to another transaction. */
  readonly retries: number;
}

/** So many workers, each with so many bodies one after the other. */
async function runRule(
  rule: Rule,
  kind: EngineKind,
  seed: number,
  options: {
    readonly run?: (db: Database, body: (on: Hands) => Promise<void>) => Promise<void>;
    readonly plant?: (engine: StorageEngine) => StorageEngine;
  } = {},
): Promise<Outcome> {
  const random = seededRandom(seed, 3);
  const host = new SimulatedHost({ seed });
  const engine = await openEngine(kind, host);
  const db = await open(
    { engine: options.plant?.(engine) ?? engine },
    { collections, host, fullScan: "allow" },
  );
  await db.ready();
  await rule.prepare(db);
  let [commits, attempts] = [0, 0];
  const run = options.run ?? ((on, body) => on.transaction((tx) => body(tx)));
  const works = async (worker: number): Promise<void> => {
    const turn: Turn = { random, worker, pause: pauses(random, host) };
    for (let i = 0; i < 4; i++) {
      const body = rule.draw(turn);
      await run(db, async (on) => {
        attempts++;
        await body(on);
      });
      commits++;
      await turn.pause();
    }
  };
  let broken: string | undefined;
  try {
    await Promise.all(Array.from({ length: 10 }, (_, worker) => works(worker)));
  } catch (error) {
    // A body that meets what cannot be has found the rule broken by itself.
    if (!(error instanceof Error) || error.name !== "Error") throw error;
    broken = error.message;
  }
  broken ??= await rule.broken(db, commits);
  const { problems } = await db.verify();
  await db.close();
  expect(host.warnings).toEqual([]);
  return { broken: broken ?? problems[0], commits, retries: attempts - commits };
}

for (const kind of kinds) {
  for (const rule of rules) {
    test(
      `${rule.name}, ${kind}`,
      async () => {
        let retries = 0;
        for (const seed of seeds(1, 2)) {
          await withSeed(FILE, seed, async () => {
            const outcome = await runRule(rule, kind, seed);
            expect(outcome.broken).toBeUndefined();
            retries += outcome.retries;
          });
        }
        // Without a single conflict nothing was tried.
        expect(retries).toBeGreaterThan(3);
      },
      60_000 * ROUNDS,
    );
  }
}

// ------------------------------------------------------------------ the test is tested

/** Does any of some seeds break the rule? */
async function isBroken(
  rule: Rule,
  kind: EngineKind,
  options: Parameters<typeof runRule>[3],
): Promise<boolean> {
  for (let seed = 1; seed <= 20; seed++) {
    const { broken } = await runRule(rule, kind, seed, options);
    if (broken !== undefined) return true;
  }
  return false;
}

for (const rule of rules) {
  test(`planted: without a transaction it is not kept: ${rule.name}`, async () => {
    const run = (db: Database, body: (on: Hands) => Promise<void>): Promise<void> => body(db);
    expect(await isBroken(rule, "memory", { run })).toBe(true);
  });

  test(`planted: an engine that does not check what was read does not keep it: ${rule.name}`, async () => {
    const plant = (engine: StorageEngine): StorageEngine =>
      tapped(engine, (plan, commit) => commit({ ...plan, readKeys: [], readRanges: [] }));
    expect(await isBroken(rule, "lsm", { plant })).toBe(true);
  });
}

test("planted: an engine that checks keys, but no ranges, breaks what is only looked for by ranges", async () => {
  const plant = (engine: StorageEngine): StorageEngine =>
    tapped(engine, (plan, commit) => commit({ ...plan, readRanges: [] }));
  for (const rule of rules.filter(({ name }) =>
    /open orders|an email once|overlap|greatest/.test(name),
  ))
    expect(await isBroken(rule, "memory", { plant }), rule.name).toBe(true);
});

test("the same seed gives the same run: as many commits, retries and rows", async () => {
  const all = [];
  for (let i = 0; i < 2; i++) {
    const outcomes = [];
    for (const rule of rules) outcomes.push(await runRule(rule, "lsm", 9));
    all.push(outcomes);
  }
  expect(all[1]).toEqual(all[0]);
});
