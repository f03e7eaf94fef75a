import { expect, it } from "vitest";
import { ManifestWriter, readManifest } from "../../../../src/engine/lsm/manifest/index.ts";
import type { ManifestState } from "../../../../src/engine/lsm/manifest/index.ts";
import { emptyHost, firstState, tableOf } from "./manifest-cases.ts";
import type { SimulatedHost, Unsynced } from "../../../../src/testing/index.ts";

/** What has been made durable by the time of a power cut, and what was just being made. */
interface Progress {
  sure: ManifestState | undefined;
  underWay: ManifestState | undefined;
}

/** Makes a database, edits it, begins a new manifest twice, and edits again. */
function work(host: SimulatedHost, progress: Progress): void {
  let writer: ManifestWriter | undefined;
  const step = (state: ManifestState, run: () => void): void => {
    progress.underWay = state;
    run();
    progress.sure = state;
  };
  let state = firstState;
  for (const number of [1, 10, 20]) {
    state = { ...state, nextFileNumber: number + 2 };
    step(state, () => {
      writer?.close();
      writer = ManifestWriter.create(host, "/data", state, number);
    });
    for (let i = 0; i < 2; i++) {
      const table = tableOf(number + 2 + i, { smallestKey: new Uint8Array(200) });
      const nextFileNumber = number + 3 + i;
      state = { ...state, tables: [...state.tables, table], nextFileNumber };
      step(state, () => writer!.append({ added: [table], nextFileNumber }));
    }
  }
}

it("opens to the old state or the new one after a power cut at every call, and can go on from there", () => {
  const trial = emptyHost();
  work(trial, { sure: undefined, underWay: undefined });
  const cuts: [Unsynced, number][] = [
    ["lost", 1],
    ["kept", 1],
    ...Array.from({ length: 5 }, (_, i): [Unsynced, number] => ["seeded", i + 1]),
  ];
  const outcomes = { old: 0, new: 0 };
  for (let change = emptyHost().changes + 1; change <= trial.changes; change++) {
    for (const [unsynced, seed] of cuts) {
      const host = emptyHost();
      const progress: Progress = { sure: undefined, underWay: undefined };
      host.failAtChange(change, "power-cut");
      expect(() => work(host, progress)).toThrow();
      const after = host.crash(unsynced, seed);
      const place = `change ${change}, ${unsynced} ${seed}`;

      const found = readManifest(after, "/data");
      const isOld = JSON.stringify(found) === JSON.stringify(progress.sure);
      outcomes[isOld ? "old" : "new"]++;
      expect(found, place).toEqual(isOld ? progress.sure : progress.underWay);

      // The next opening begins a manifest of its own over whatever was left, and leaves nothing else behind.
      const state = { ...(found ?? firstState), nextFileNumber: 41 };
      ManifestWriter.create(after, "/data", state, 40).close();
      expect(readManifest(after.crash("lost"), "/data"), place).toEqual(state);
      expect(after.paths(), place).toHaveLength(2);
    }
  }
  expect(outcomes.old).toBeGreaterThan(10);
  expect(outcomes.new).toBeGreaterThan(10);
});

it("reports every fault at every call, and opens to the old state or the new one after it", () => {
  const trial = emptyHost();
  work(trial, { sure: undefined, underWay: undefined });
  for (let change = emptyHost().changes + 1; change <= trial.changes; change++) {
    for (const fault of ["EIO", "ENOSPC", "ENOSPC-part"] as const) {
      const host = emptyHost(change);
      const progress: Progress = { sure: undefined, underWay: undefined };
      host.failAtChange(change, fault);
      expect(() => work(host, progress), `change ${change}`).toThrow();
      const found = readManifest(host.crash(), "/data");
      expect([progress.sure, progress.underWay]).toContainEqual(found);
    }
  }
});
