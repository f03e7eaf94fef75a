/** A close writes what is in memory to tables, so that the next opening replays nothing; and loses nothing where it cannot. */
import { expect, test } from "vitest";
import type { Version } from "../../../src/engine/contract/index.ts";
import type { LsmEngine, LsmOptions } from "../../../src/engine/lsm/index.ts";
import { MemoryFlush } from "../../../src/engine/lsm/memory-flush.ts";
import type { MemoryFlushParts } from "../../../src/engine/lsm/memory-flush.ts";
import { openLsmEngine } from "../../../src/engine/lsm/index.ts";
import { SimulatedHost } from "../../../src/testing/index.ts";
import { TINY, entriesOf, put } from "./support.ts";

type Rows = (readonly [string, string])[];
type Options = Omit<LsmOptions, "path" | "host">;

const path = "/db";
const open = (host: SimulatedHost, options: Options = {}): Promise<LsmEngine> =>
  openLsmEngine({ path, host, ...options });

async function filled(host: SimulatedHost, options: Options, count: number): Promise<LsmEngine> {
  const engine = await open(host, options);
  for (const [key, value] of rows(count)) {
    await engine.write({ ops: [put(key, value)], requires: [] });
  }
  return engine;
}
function rows(count: number): Rows {
  return Array.from({ length: count }, (_, i) => [`k${100 + i}`, "x".repeat(100)] as const);
}

/** What the next opening replays, and what it shows. */
async function reopened(host: SimulatedHost): Promise<{ commits: number; rows: Rows }> {
  const engine = await open(host);
  const shown = {
    commits: engine.recoveryReport.commitsReplayed,
    rows: await entriesOf(engine.snapshot()),
  };
  await engine.close();
  return shown;
}

test("after a close in good order the next opening replays nothing, and all is there", async () => {
  const host = new SimulatedHost();
  const engine = await filled(host, {}, 20);
  await engine.close();
  expect(await reopened(host.crash("lost"))).toEqual({ commits: 0, rows: rows(20) });
});

test("a close with nothing in memory writes no table", async () => {
  const host = new SimulatedHost();
  await (await filled(host, {}, 20)).close();
  const tables = host.paths().filter((name) => name.endsWith(".sst"));
  await (await open(host)).close();
  expect(host.paths().filter((name) => name.endsWith(".sst"))).toEqual(tables);
});

test("the option leaves it out, and so does more in memory than the option allows", async () => {
  for (const closeFlushBytesMax of [0, 1_000]) {
    const host = new SimulatedHost();
    await (await filled(host, { closeFlushBytesMax }, 20)).close();
    expect(await reopened(host)).toEqual({ commits: 20, rows: rows(20) });
  }
});

test("memtables that wait for their flush are flushed too, and what was acknowledged early", async () => {
  for (const durability of ["memory", "buffered"] as const) {
    const host = new SimulatedHost();
    const engine = await open(host, { durability, flushBytesMax: 1_024, l0TablesTrigger: 64 });
    const written: unknown[] = [];
    for (const [key, value] of rows(12)) {
      written.push(engine.write({ ops: [put(key, value)], requires: [] }));
    }
    const closed = engine.close();
    const settled = await Promise.allSettled(written);
    await closed;
    const kept = rows(12).filter((_, i) => settled[i]!.status === "fulfilled");
    expect(kept.length).toBeGreaterThan(0);
    const shown = await reopened(host.crash("lost"));
    expect(shown.commits).toBe(0);
    expect(shown.rows).toEqual(expect.arrayContaining(kept));
  }
});

test("a close does not wait for level 0 to get room, which no compaction makes then", async () => {
  let tables = 0;
  let held = false;
  const parts = {
    host: new SimulatedHost(),
    settings: { closeFlushBytesMax: 1_000 },
    tree: { active: { isEmpty: false }, rotatedSequence: 9, flushedSequence: 0 },
    // Each change is a table more; the second one fills level 0.
    room: {
      refusals: 0,
      changed: () => undefined,
      nextChange: () => (++tables > 2 ? new Promise(() => undefined) : Promise.resolve()),
      assertNotRefused: () => undefined,
    },
    pressure: { bytesToFlush: 500 },
    log: () => ({ appended: 9, wake: () => undefined }),
    maintenance: () => ({
      get mayFlush() {
        return tables < 2;
      },
      beginNoCompaction: () => (held = true),
      wake: () => undefined,
    }),
    hasFailed: () => false,
  };
  await new MemoryFlush(parts as unknown as MemoryFlushParts).atClose();
  expect([tables, held]).toEqual([2, true]);
}, 5_000);

test("a disk that is slower than a close may wait: what is not flushed stays in the log", async () => {
  const host = new SimulatedHost();
  const engine = await filled(host, { ...TINY, flushBytesMax: 100_000 }, 60);
  const files = host.files.open.bind(host.files);
  const { clock } = host as unknown as { clock: { passes(millis: number): void } };
  // Each table takes longer than that.
  host.files.open = (name, mode) => {
    if (name.endsWith(".sst") && mode === "create") clock.passes(60_000);
    return files(name, mode);
  };
  await engine.close();
  host.files.open = files;
  expect(await reopened(host)).toEqual({ commits: 60, rows: rows(60) });
});

test("whatever fails during a close, and however the power goes after it, nothing that was acknowledged is lost", async () => {
  const counted = new SimulatedHost();
  const probe = await filled(counted, {}, 5);
  const before = counted.calls;
  await probe.close();
  const calls = counted.calls - before;
  expect(calls).toBeGreaterThan(20);
  for (const fault of ["EIO", "ENOSPC"] as const) {
    for (let call = 1; call <= calls; call++) {
      const host = new SimulatedHost();
      const engine = await filled(host, {}, 5);
      host.failAt(host.calls + call, fault);
      // Whether it says so depends on what failed; that nothing is lost does not.
      await engine.close().catch((error: unknown) => expect(error).toBeInstanceOf(Error));
      for (const unsynced of ["lost", "kept"] as const) {
        const shown = await reopened(host.afterPowerCut(unsynced));
        expect(shown.rows, `${fault} at call ${call}`).toEqual(rows(5));
      }
    }
  }
});

test("a full disk keeps a close from flushing, and not from closing", async () => {
  const host = new SimulatedHost();
  const engine = await filled(host, {}, 5);
  const files = host.files.open.bind(host.files);
  host.files.open = (name, mode) => {
    if (name.endsWith(".sst")) host.failAt(host.calls + 1, "ENOSPC");
    return files(name, mode);
  };
  await engine.close();
  host.files.open = files;
  expect(await reopened(host.crash("lost"))).toEqual({ commits: 5, rows: rows(5) });
});

test("a change log tells after a close in good order what it told before", async () => {
  const host = new SimulatedHost();
  await (await filled(host, { changeLog: {} }, 5)).close();
  const engine = await open(host, { changeLog: {} });
  expect(engine.recoveryReport.commitsReplayed).toBe(0);
  const told: number[] = [];
  for await (const batch of engine.changes!("0" as Version)) {
    told.push(...batch.map(({ version }) => Number(version)));
    if (told.length >= 5) break;
  }
  expect(told).toEqual([1, 2, 3, 4, 5]);
  await engine.close();
});
