import { expect, it } from "vitest";
import { walName } from "../../../../src/engine/lsm/codec/index.ts";
import { readWal } from "../../../../src/engine/lsm/wal/index.ts";
import { createLog, emptyHost, logPath, put, replayLog, storeId } from "./wal-cases.ts";
import type { Commit } from "./wal-cases.ts";
import type { SimulatedHost } from "../../../../src/testing/index.ts";

const commits: readonly Commit[] = Array.from({ length: 8 }, (_, i) => ({
  sequence: i + 1,
  ops: [put(`key ${i}`, "x".repeat(i * 130)), put("shared", String(i))],
}));

/**
 * Writes all commits, two to a write, a sync after each write but the last, which is left to close; `acknowledge` hears
 * what a finished sync covered.
 */
async function work(host: SimulatedHost, acknowledge: (sequence: number) => void): Promise<void> {
  const writer = createLog(host);
  acknowledge(0);
  for (let i = 0; i < commits.length; i += 2) {
    for (const { sequence, ops } of commits.slice(i, i + 2)) writer.append(sequence, ops);
    writer.writePending();
    if (i + 2 === commits.length) break;
    await writer.sync();
    acknowledge(i + 2);
  }
  writer.close();
  acknowledge(commits.length);
}

it("survives a power cut at every call: all that was acknowledged, nothing that was not written, never called damaged", async () => {
  const trial = emptyHost();
  await work(trial, () => undefined);
  let torn = 0;
  for (let change = 3; change <= trial.changes; change++) {
    for (let seed = 1; seed <= 12; seed++) {
      const host = emptyHost(seed);
      let acknowledged = -1;
      host.failAtChange(change, "power-cut");
      await expect(work(host, (sequence) => (acknowledged = sequence))).rejects.toThrow();
      const after = host.crash("seeded", seed);
      if (acknowledged === -1 && !after.files.exists(logPath)) continue;
      const replay = replayLog(after);
      expect(replay, `change ${change}, seed ${seed}`).toHaveProperty("end");
      expect(replay.commits).toEqual(commits.slice(0, replay.commits.length));
      expect(replay.commits.length).toBeGreaterThanOrEqual(acknowledged);
      const isCut = "end" in replay && after.contentOf(logPath)[replay.end.validBytes + 8] !== 0;
      if (isCut) torn++;
    }
  }
  expect(torn, "torn tails were among the cases").toBeGreaterThan(10);
});

/** Fills log 12, closes it, and writes log 20 into its file; a power cut comes somewhere in there. */
async function recycle(
  host: SimulatedHost,
  acknowledge: (sequence: number) => void,
): Promise<void> {
  const former = createLog(host);
  for (const { sequence, ops } of commits) former.append(sequence, ops);
  former.close();
  acknowledge(0);
  host.files.rename(logPath, "/data/000012.spare");
  const writer = createLog(host, 20, "/data/000012.spare");
  for (const { sequence, ops } of commits.slice(0, 3)) {
    writer.append(sequence + 100, ops);
    writer.writePending();
    await writer.sync();
    acknowledge(sequence);
  }
  writer.close();
}

it("recycles a file safely: whatever call the power is cut at, a log holds its own commits and no older ones, never called damaged", async () => {
  const trial = emptyHost();
  await recycle(trial, () => undefined);
  let recycled = 0;
  for (let change = 3; change <= trial.changes; change++) {
    for (const [i, unsynced] of (["seeded", "seeded", "kept", "lost"] as const).entries()) {
      const seed = change * 10 + i;
      const host = emptyHost(seed);
      let acknowledged = -1;
      host.failAtChange(change, "power-cut");
      await expect(recycle(host, (sequence) => (acknowledged = sequence))).rejects.toThrow();
      const after = host.crash(unsynced, seed);
      const logs = after.files.list("/data").filter((name) => name.endsWith(".log"));
      if (acknowledged > 0) expect(logs).toEqual([walName(20)]);
      for (const name of logs) {
        const logNumber = Number.parseInt(name, 10);
        const found: number[] = [];
        const read = (): unknown =>
          readWal(after, `/data/${name}`, { logNumber, storeId, newest: true }, (sequence) =>
            found.push(sequence),
          );
        expect(read, `${name}, change ${change}, seed ${seed}`).not.toThrow();
        const base = logNumber === 20 ? 100 : 0;
        expect(found).toEqual(found.map((_, n) => base + n + 1));
        if (logNumber === 12) continue;
        recycled++;
        expect(found.length).toBeGreaterThanOrEqual(acknowledged);
      }
    }
  }
  expect(recycled).toBeGreaterThan(20);
});

it("keeps in order what was never synced: a power cut loses a suffix of the commits, never one from the middle", async () => {
  const lengths = new Set<number>();
  for (let seed = 1; seed <= 60; seed++) {
    const host = emptyHost(seed);
    const writer = createLog(host);
    for (const { sequence, ops } of commits) {
      writer.append(sequence, ops);
      writer.writePending();
    }
    const replay = replayLog(host.crash());
    expect(replay).toHaveProperty("end");
    expect(replay.commits).toEqual(commits.slice(0, replay.commits.length));
    lengths.add(replay.commits.length);
  }
  expect(lengths.size, "many different places were cut").toBeGreaterThan(3);
});
