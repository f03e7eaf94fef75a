/** The quick share of the damages, and the test of the test: planted mistakes are found out. */
import { afterEach, expect, test } from "vitest";
import { CorruptionError } from "kotobadb";
import { ManifestWriter } from "../../src/engine/lsm/manifest/index.ts";
import { BlockFile } from "../../src/engine/lsm/sstable/block/block-frame.ts";
import { describeTable, TableReader } from "../../src/engine/lsm/sstable/index.ts";
import { WalScan } from "../../src/engine/lsm/wal/wal-scan.ts";
import { damage } from "./damage.ts";
import { recipes } from "./damage/store.ts";
import { proveQuickly } from "./kit/prove-quickly.ts";

const counts = proveQuickly(damage, { timeoutMillis: 300_000 });

test("every kind of file was damaged, in many ways, and outcomes of each kind came up", () => {
  for (const kind of ["log", "table", "manifest", "marker", "spare"])
    expect(counts.get(`in a ${kind}`), kind).toBeGreaterThan(20);
  for (const outcome of ["right", "refused by open", "refused by reads", "a shorter log"])
    expect(counts.get(outcome), outcome).toBeGreaterThan(5);
  for (const kind of ["flipped bit of a head", "cut off", "missing file", "two kinds at once"])
    expect(counts.get(kind), kind).toBeGreaterThan(20);
});

// ------------------------------------------------------------------ the test is tested

let takeBack: (() => void)[] = [];
afterEach(() => {
  for (const undo of takeBack) undo();
  takeBack = [];
});

/** Replaces one method for the length of a test; `plant` is given the right one. */
function planted<T extends object, N extends keyof T>(
  owner: T,
  name: N,
  plant: (right: T[N]) => T[N],
): void {
  const right = owner[name];
  takeBack.push(() => void (owner[name] = right));
  owner[name] = plant(right);
}

/** What rounds that walk over the store of this recipe find, the first of them that finds something. */
async function found(recipe: (typeof recipes)[number]): Promise<string> {
  const first = recipes.indexOf(recipe);
  for (let i = 1; i <= 12; i++) {
    const failure = await damage.round(first + i * recipes.length, new Map()).then(
      () => undefined,
      (error: unknown) => String(error),
    );
    if (failure !== undefined) return failure;
  }
  return "nothing";
}

test("planted: data blocks whose checksum nobody checks are found out", async () => {
  planted(
    BlockFile.prototype,
    "read",
    (right) =>
      function (this: BlockFile, target, view, at, offset, length, rawLength, crc) {
        if (length === rawLength) this.readRaw(target.subarray(at, at + length), offset);
        else right.call(this, target, view, at, offset, length, rawLength, crc);
      },
  );
  expect(await found("levels")).toMatch(/WRONG|no error of KotobaDB/);
});

test("planted: a table that is taken for another one is found out", async () => {
  planted(TableReader, "open", (right) => (host, path, meta, storeId, cache) => {
    try {
      return right.call(TableReader, host, path, meta, storeId, cache);
    } catch (error) {
      const described = describeTable(host as never, path);
      if (!(error instanceof CorruptionError)) throw error;
      const { fileNumber } = described.meta;
      return right.call(
        TableReader,
        host,
        path,
        { ...described.meta, fileNumber },
        described.storeId,
        cache,
      );
    }
  });
  expect(await found("levels")).toMatch(/WRONG|sees nothing wrong/);
});

test("planted: a damaged block that is taken for an absent key is found out", async () => {
  planted(
    TableReader.prototype,
    "get",
    (right) =>
      function (this: TableReader, ...asked) {
        try {
          return right.call(this, ...asked);
        } catch (error) {
          if (error instanceof CorruptionError) return false;
          throw error;
        }
      },
  );
  expect(await found("levels")).toMatch(/WRONG|says nothing of damage/);
});

test("planted: damage in a log before what was durable, taken for its end, is found out", async () => {
  planted(WalScan.prototype, "witnessAgainst", () => () => undefined);
  // It is built on the other one, and right.
  planted(
    WalScan.prototype,
    "holdsRecord",
    () =>
      function (this: WalScan) {
        return this.recordAfter(-1) !== undefined;
      },
  );
  expect(await found("cut")).toMatch(/WRONG|sees nothing wrong/);
});

test("planted: a manifest that does not say where the logs end is found out", async () => {
  planted(ManifestWriter.prototype, "endLogs", () => () => undefined);
  expect(await found("plain")).toMatch(/WRONG|sees nothing wrong/);
});

test("planted: a check of tables that sees nothing is found out", async () => {
  planted(TableReader.prototype, "verify", () => () => []);
  expect(await found("levels")).toMatch(/sees nothing wrong|says nothing/);
});

test("planted: damage that is told by an error of the language is found out", async () => {
  planted(BlockFile.prototype, "damaged", () => () => new RangeError("out of bounds") as never);
  expect(await found("plain")).toMatch(/no error of KotobaDB/);
});
