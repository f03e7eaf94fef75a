/** The quick share of the faults, and the test of the test: planted mistakes are found out. */
import type { Fault, SimulatedHost } from "kotobadb/testing";
import { expect, test, vi } from "vitest";
import { overlaid } from "../../src/testing/kit/index.ts";
import { faults } from "./faults.ts";
import { attackAndJudge } from "./faults/attack.ts";
import { engineSubject } from "./faults/engine-under-attack.ts";
import type { Before } from "./faults/engine-under-attack.ts";
import { attackAt, FAULTS, KINDS } from "./faults/kinds.ts";
import type { Attack } from "./faults/kinds.ts";
import { proveQuickly } from "./kit/prove-quickly.ts";
import type * as Crc32 from "../../src/engine/lsm/codec/crc32.ts";
import type { FileHandle } from "../../src/engine/lsm/host/index.ts";

const counts = proveQuickly(faults, { timeoutMillis: 300_000 });

test("most kinds of faults came up in this share, and every outcome of a lie", () => {
  const kinds = FAULTS.filter((fault) => counts.has(fault) || counts.has(`${fault} from then on`));
  expect(FAULTS.length).toBeGreaterThan(30);
  expect(kinds.length).toBeGreaterThan(25);
  for (const what of ["all there", "damage told"])
    expect(counts.get(`after a lie: ${what}`), what).toBeGreaterThan(3);
  // Only what hit the end of the newest log: rare.
  expect(counts.get("after a lie: newest commits missing unseen")).toBeGreaterThan(0);
  expect(counts.get("attacks on databases")).toBeGreaterThan(100);
  expect(counts.get("runs that ended with an error")).toBeGreaterThan(300);
});

// ------------------------------------------------------------------ the test is tested

const planted = vi.hoisted(() => ({ noChecksums: false }));
vi.mock("../../src/engine/lsm/codec/crc32.ts", async (original) => {
  const real = await original<typeof Crc32>();
  // Of a place and a length, and of no content, but for the heads of files, which tell one log from another.
  const crc32: typeof real.crc32 = (bytes, start, end, seed) =>
    planted.noChecksums && end - start > 40
      ? real.crc32(bytes, start, start, seed ^ (end - start))
      : real.crc32(bytes, start, end, seed);
  return { ...real, crc32 };
});

/** Wraps every handle that is opened. */
function wrapped(wrap: (handle: FileHandle, host: SimulatedHost) => Partial<FileHandle>) {
  return (host: SimulatedHost): void => {
    const open = host.files.open.bind(host.files);
    host.files.open = (path, mode) => {
      const handle = open(path, mode);
      return overlaid(handle, wrap(handle, host));
    };
  };
}

/** Makes the attacks with this fault, call after call, until one finds something. */
async function firstProblem(
  plant: ((host: SimulatedHost) => void) | undefined,
  fault: Fault,
  before: Before,
  only: (attack: Attack) => boolean = () => true,
): Promise<string | undefined> {
  const subject = engineSubject(before, plant);
  const calls = await subject.calls(1);
  for (const at of calls)
    for (let kind = 0; kind < KINDS; kind++) {
      const attack = attackAt(at, kind);
      if (attack?.fault !== fault || !only(attack)) continue;
      try {
        await attackAndJudge(subject, 1, attack, new Map());
      } catch (error) {
        return String(error);
      }
    }
  return undefined;
}

const isLog = (path: string): boolean => path.endsWith(".log");

test("planted: an error of a log write that is swallowed is found out", async () => {
  const plant = wrapped((handle) => ({
    write: (...call) => {
      try {
        handle.write(...call);
      } catch (error) {
        if (!isLog(handle.path)) throw error;
      }
    },
  }));
  expect(await firstProblem(plant, "EIO", "closed", ({ at }) => at.what === "write")).toMatch(
    /was acknowledged|durable as the record/,
  );
});

test("planted: a failed sync that is tried again and believed is found out", async () => {
  const plant = wrapped((handle, host) => ({
    sync: () => handle.sync().catch(() => host.files.open(handle.path, "write").sync()),
  }));
  const problem = await firstProblem(
    plant,
    "EIO",
    "closed",
    ({ at }) => at.what === "sync" && isLog(at.path),
  );
  expect(problem).toMatch(/was acknowledged|durable as the record|close mark/);
});

test("planted: a short read that is taken for a whole one, and remembered, is found out", async () => {
  const plant = wrapped((handle, host) => {
    let shownUpTo = Number.POSITIVE_INFINITY;
    return {
      read: (target, start, end, offset) => {
        if (!isLog(handle.path)) return handle.read(target, start, end, offset);
        const there = Math.min(end - start, host.contentOf(handle.path).length - offset);
        const count = handle.read(target, start, end, offset);
        if (count < there) shownUpTo = Math.min(shownUpTo, offset + count);
        target.fill(0, start + Math.max(0, Math.min(there, shownUpTo - offset)), start + there);
        return there;
      },
    };
  });
  expect(await firstProblem(plant, "short-read", "power cut")).toMatch(/was acknowledged/);
});

test("planted: checksums that nobody looks at are found out", async () => {
  planted.noChecksums = true;
  try {
    expect(await firstProblem(undefined, "flipped-write", "closed")).toBeDefined();
  } finally {
    planted.noChecksums = false;
  }
});

test("planted: a call that never comes back after a failure is found out", async () => {
  const plant = wrapped((handle) => ({
    sync: () => handle.sync().catch(() => new Promise<void>(() => undefined)),
  }));
  expect(await firstProblem(plant, "EIO", "closed", ({ at }) => at.what === "sync")).toMatch(
    /no end after/,
  );
});
