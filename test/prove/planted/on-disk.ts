/** Planted defects of what is written to disk: syncs, logs, tables, merges of tables, recovery. */
import type { SimulatedHost } from "kotobadb/testing";
import { overlaid } from "../../../src/testing/kit/index.ts";
import { KeepOrDrop } from "../../../src/engine/lsm/compaction/keep-or-drop.ts";
import { OlderBeneath } from "../../../src/engine/lsm/compaction/older-beneath.ts";
import { OpenTables } from "../../../src/engine/lsm/compaction/open-tables.ts";
import { Memtable } from "../../../src/engine/lsm/memtable/index.ts";
import { WalScan } from "../../../src/engine/lsm/wal/wal-scan.ts";
import { WritePath } from "../../../src/engine/lsm/write-path.ts";
import { patched } from "./defect.ts";
import type { Defect } from "./defect.ts";

/** Files of some kind say that they are synced, and are not. */
function unsynced(name: string, isLost: (path: string) => boolean): Defect {
  const host = ({ files }: SimulatedHost): void => {
    const open = files.open.bind(files);
    files.open = (path, mode) => {
      const handle = open(path, mode);
      if (!isLost(path)) return handle;
      return overlaid(handle, { sync: async () => undefined, syncNow: () => undefined });
    };
  };
  return { name, where: "the host: sync of a file", caughtBy: "power cuts", planting: { host } };
}

let judged = 0;
let added = 0;

export const onDisk: readonly Defect[] = [
  unsynced("the log is never synced", (path) => /\.log$|\.spare$/.test(path)),
  unsynced("tables are never synced", (path) => path.endsWith(".sst")),
  unsynced("the manifest is never synced", (path) => path.includes("MANIFEST")),
  {
    name: "directories are never synced",
    where: "the host: sync of a directory",
    caughtBy: "power cuts",
    planting: {
      host: ({ files }) => {
        files.syncDirectory = () => undefined;
        files.syncDirectoryInBackground = async () => undefined;
      },
    },
  },
  {
    name: "a merge drops deletes although what they delete lies deeper",
    where: "OlderBeneath.holds",
    caughtBy: "histories of rows",
    planting: { patch: () => patched(OlderBeneath.prototype, "holds", () => () => false) },
  },
  {
    name: "a merge drops range deletes although what they delete lies deeper",
    where: "OlderBeneath.overlapsRange",
    caughtBy: "histories of rows",
    planting: { patch: () => patched(OlderBeneath.prototype, "overlapsRange", () => () => false) },
  },
  {
    name: "a merge drops the newest version of one key in forty, so that an older one comes back",
    where: "KeepOrDrop.keeps",
    caughtBy: "histories of rows",
    planting: {
      patch: () =>
        patched(
          KeepOrDrop.prototype,
          "keeps",
          (keeps) =>
            function keepsMost(this: KeepOrDrop, key, start, end, sequence, kind) {
              return ++judged % 40 > 0 && keeps.call(this, key, start, end, sequence, kind);
            },
        ),
    },
  },
  {
    name: "a merge forgets that views are open",
    where: "KeepOrDrop.keeps",
    caughtBy: "histories of rows on a slow disk",
    planting: {
      patch: () => {
        const before = new WeakSet<KeepOrDrop>();
        const undoStart = patched(
          KeepOrDrop.prototype,
          "startKey",
          (startKey) =>
            function startKeyToo(this: KeepOrDrop) {
              before.delete(this);
              startKey.call(this);
            },
        );
        const undo = patched(
          KeepOrDrop.prototype,
          "keeps",
          (keeps) =>
            function keepsOne(this: KeepOrDrop, key, start, end, sequence, kind) {
              if (before.has(this)) return false;
              before.add(this);
              return keeps.call(this, key, start, end, sequence, kind);
            },
        );
        return () => {
          undo();
          undoStart();
        };
      },
    },
  },
  {
    name: "a table goes while somebody reads it",
    where: "OpenTables.hold",
    caughtBy: "histories of documents",
    planting: { patch: () => patched(OpenTables.prototype, "hold", () => () => () => undefined) },
  },
  {
    name: "one row in fifty is lost on its way into memory",
    where: "Memtable.add",
    caughtBy: "histories of rows",
    planting: {
      patch: () =>
        patched(
          Memtable.prototype,
          "add",
          (add) =>
            function addMost(this: Memtable, sequence, kind, key, value) {
              if (++added % 50 > 0) add.call(this, sequence, kind, key, value);
            },
        ),
    },
  },
  {
    name: "replay stops one record early",
    where: "WalScan.recordAt",
    caughtBy: "power cuts",
    planting: {
      patch: () =>
        patched(
          WalScan.prototype,
          "recordAt",
          (recordAt) =>
            function recordAtButOne(this: WalScan, offset) {
              const record = recordAt.call(this, offset);
              if ("found" in record || record.end >= this.size) return record;
              const after = recordAt.call(this, record.end);
              if ("found" in after) return { offset, found: "the end" };
              return recordAt.call(this, offset);
            },
        ),
    },
  },
  {
    name: "a copy is made without what is in memory and in the log",
    where: "WritePath.settle",
    caughtBy: "copies",
    planting: { patch: () => patched(WritePath.prototype, "settle", () => async () => undefined) },
  },
];
