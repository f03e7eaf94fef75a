import * as fc from "fast-check";
import { expect, test } from "vitest";
import { WritePace, WriteRoom, writeRate } from "../../../../src/engine/lsm/commit/index.ts";
import type { WritePressure } from "../../../../src/engine/lsm/commit/write-pace.ts";
import { LsmEvents } from "../../../../src/engine/lsm/report/index.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";

const MIB = 1_024 * 1_024;
const CALM: WritePressure = {
  level0Tables: 0,
  level0Slow: 12,
  level0Stop: 20,
  debtBytes: 0,
  debtBytesSlow: 1_024 * MIB,
};

test("the rate falls by equal factors from the first sign of pressure to the last", async () => {
  const shown = (pressure: Partial<WritePressure>): string => {
    const rate = writeRate({ ...CALM, ...pressure });
    return rate === Infinity ? "unlimited" : `${(rate / MIB).toFixed(2)} MiB/s`;
  };
  const lines = [0, 4, 11, 12, 13, 14, 16, 18, 20, 30].map(
    (tables) => `${tables} tables in level 0: ${shown({ level0Tables: tables })}`,
  );
  for (const gib of [0.5, 1, 1.5, 2, 3, 4, 8]) {
    lines.push(`${gib} GiB of debt: ${shown({ debtBytes: gib * 1_024 * MIB })}`);
  }
  lines.push(`both at once: ${shown({ level0Tables: 14, debtBytes: 3 * 1_024 * MIB })}`);
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("./golden/write-rate.golden.txt");
});

test("more pressure never means a higher rate, and no pressure stops commits altogether", () => {
  const pressures = fc.record({
    level0Tables: fc.nat(100),
    level0Slow: fc.integer({ min: 2, max: 40 }),
    level0Stop: fc.integer({ min: 2, max: 80 }),
    debtBytes: fc.nat(2 ** 30),
    debtBytesSlow: fc.integer({ min: 65_536, max: 2 ** 30 }),
  });
  fc.assert(
    fc.property(pressures, fc.nat(20), fc.nat(2 ** 30), (pressure, tables, bytes) => {
      const rate = writeRate(pressure);
      const worse = writeRate({
        ...pressure,
        level0Tables: pressure.level0Tables + tables,
        debtBytes: pressure.debtBytes + bytes,
      });
      expect(worse).toBeLessThanOrEqual(rate);
      expect(worse).toBeGreaterThanOrEqual(MIB);
    }),
  );
});

/** A room on a clock that only sleepers move. */
function roomOf(parts: { readonly rate: () => number; readonly isFull?: () => boolean }): {
  readonly host: SimulatedHost;
  readonly room: WriteRoom;
  readonly pace: WritePace;
} {
  const host = new SimulatedHost();
  const { clock, timers } = host;
  const pace = new WritePace(clock, parts.rate);
  const isFull = parts.isFull ?? ((): boolean => false);
  return {
    host,
    pace,
    room: new WriteRoom({
      clock,
      timers,
      isFull,
      pace,
      hurry: () => undefined,
      events: new LsmEvents(host, undefined),
    }),
  };
}

test("as much passes as the rate says, in the order of arrival, whatever the sizes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 50, maxLength: 200 }),
      fc.integer({ min: 1, max: 32 }),
      async (sizes, mebibytes) => {
        const rate = mebibytes * MIB;
        const { host, pace, room } = roomOf({ rate: () => rate });
        const order: number[] = [];
        const commits = sizes.map((size, at) =>
          room.enter(() => {
            pace.took(size);
            order.push(at);
          }, undefined),
        );
        await Promise.all(commits);
        expect(order).toEqual(sizes.map((_, at) => at));
        const total = sizes.reduce((sum, size) => sum + size, 0);
        const millis = host.clock.monotonicMillis();
        // The last one need not be paid for, the clock has whole milliseconds, and a burst is free.
        expect(millis).toBeGreaterThanOrEqual(((total - 200_000) / rate) * 1_000 - 4);
        expect(millis).toBeLessThanOrEqual((total / rate) * 1_000 + sizes.length + 4);
        expect(room.stats["slowdownMillis"]).toBe(millis);
        expect(room.stats["waitingForRoom"]).toBe(0);
      },
    ),
    { numRuns: 30 },
  );
});

test("a rate that recovers ends a long wait early", async () => {
  let rate = 1_000;
  const { host, pace, room } = roomOf({ rate: () => rate });
  pace.took(1_000_000);
  expect(room.isFree).toBe(false);
  const waiting = room.enter(() => "done", undefined);
  await host.timers.pause();
  rate = Infinity;
  expect(await waiting).toBe("done");
  expect(host.clock.monotonicMillis()).toBeLessThanOrEqual(200);
  expect(room.isFree).toBe(true);
});

test("of many that wait for room each looks for itself, so that memory grows by one beyond the bound", async () => {
  let bytes = 0;
  let most = 0;
  const { host, room } = roomOf({ rate: () => Infinity, isFull: () => bytes >= 100 });
  const all = Array.from({ length: 500 }, () =>
    room.enter(() => {
      bytes += 30;
      most = Math.max(most, bytes);
    }, undefined),
  );
  for (let flushes = 0; flushes < 200; flushes++) {
    await host.timers.pause();
    bytes = 0;
    room.changed();
  }
  await Promise.all(all);
  expect(most).toBeLessThan(130);
  expect(room.stats["stalls"]).toBeGreaterThan(100);
});

test("who gives up in the line goes at once and lets nobody pass", async () => {
  let isFull = true;
  const { host, room } = roomOf({ rate: () => Infinity, isFull: () => isFull });
  const order: string[] = [];
  const gaveUp = new AbortController();
  const first = room.enter(() => order.push("first"), undefined);
  const second = room.enter(() => {
    throw gaveUp.signal.reason as Error;
  }, gaveUp.signal);
  const third = room.enter(() => order.push("third"), undefined);
  const refused = expect(second).rejects.toMatchObject({ name: "AbortError" });
  gaveUp.abort();
  await refused;
  await host.timers.pause();
  expect(order).toEqual([]);
  isFull = false;
  room.changed();
  await Promise.all([first, third]);
  expect(order).toEqual(["first", "third"]);
});
