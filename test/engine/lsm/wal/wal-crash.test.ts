import { expect, it } from "vitest";
import type { MemoryHost } from "../../../../src/engine/lsm/host/index.ts";
import { WalWriter } from "../../../../src/engine/lsm/wal/index.ts";
import { emptyHost, logPath, put, replayLog, storeId } from "./wal-cases.ts";
import type { Commit } from "./wal-cases.ts";

const commits: readonly Commit[] = Array.from({ length: 8 }, (_, i) => ({
  sequence: i + 1,
  ops: [put(`key ${i}`, "x".repeat(i * 130)), put("shared", String(i))],
}));

/**
 * Writes all commits, two to a write, a sync after each write but the last, which is left to close; `acknowledge` hears
 * what a finished sync covered.
 */
async function work(host: MemoryHost, acknowledge: (sequence: number) => void): Promise<void> {
  const writer = WalWriter.create(host, "/data", 12, storeId);
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
      if ("end" in replay && replay.end.end === "torn") torn++;
    }
  }
  expect(torn, "torn tails were among the cases").toBeGreaterThan(10);
});

it("keeps in order what was never synced: a power cut loses a suffix of the commits, never one from the middle", async () => {
  const lengths = new Set<number>();
  for (let seed = 1; seed <= 60; seed++) {
    const host = emptyHost(seed);
    const writer = WalWriter.create(host, "/data", 12, storeId);
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
