/** Engines on a disk whose reads take their time, with a cache that holds next to nothing. */
import { openLsmEngine } from "../../../../src/engine/lsm/index.ts";
import type { LsmEngine, LsmOptions } from "../../../../src/engine/lsm/index.ts";
import { TINY, put } from "../support.ts";
import type { SimulatedHost } from "../../../../src/testing/index.ts";

export const SLOW: Omit<LsmOptions, "path" | "host"> = {
  ...TINY,
  blockCacheBytesMax: 64 * 1_024,
  slowReadMicros: 0,
};

export function openOn(host: SimulatedHost, options: Partial<LsmOptions> = {}): Promise<LsmEngine> {
  return openLsmEngine({ path: "/db", host, ...SLOW, ...options });
}

export const keyOf = (i: number): string => `k${String(i).padStart(5, "0")}`;
export const valueOf = (i: number): string => `${i}:${"v".repeat(200)}`;

/** An engine whose `rows` rows are all in tables. */
export async function filled(
  host: SimulatedHost,
  rows: number,
  options: Partial<LsmOptions> = {},
): Promise<LsmEngine> {
  const engine = await openOn(host, { flushBytesMax: 1 << 20, sliceMillis: 2, ...options });
  const ops = Array.from({ length: rows }, (_, i) => put(keyOf(i), valueOf(i)));
  await engine.write({ ops, requires: [] });
  await engine.compact();
  return engine;
}

/** How many reads of files there were while `work` ran. */
export async function readsDuring(
  host: SimulatedHost,
  work: () => unknown,
): Promise<{ readonly blocking: number; readonly beside: number }> {
  let blocking = 0;
  let beside = 0;
  const former = host.onCall;
  host.onCall = ({ what, path }) => {
    if (!path.endsWith(".sst")) return;
    if (what === "read") blocking++;
    if (what === "readAsync") beside++;
  };
  try {
    await work();
  } finally {
    host.onCall = former;
  }
  return { blocking, beside };
}
