/** Planted defects of reading: views, scans, filters and caches. */
import type { EngineTransaction, Page, Scan, StorageEngine } from "kotobadb/engine";
import { overlaid } from "../../../src/testing/kit/index.ts";
import { andThen } from "../../../src/base/index.ts";
import type { Awaitable, Bytes } from "../../../src/base/index.ts";
import type { Cursor } from "../../../src/engine/lsm/cursor/index.ts";
import { MAX_SEQUENCE } from "../../../src/engine/lsm/cursor/index.ts";
import { RangeDeleteIndex } from "../../../src/engine/lsm/cursor/range-deletes.ts";
import { VisibleScan } from "../../../src/engine/lsm/cursor/visible-scan.ts";
import { Memtable } from "../../../src/engine/lsm/memtable/index.ts";
import { SequenceView } from "../../../src/engine/lsm/read/sequence-view.ts";
import { Tree } from "../../../src/engine/lsm/read/tree.ts";
import { Filter } from "../../../src/engine/lsm/sstable/block/filter.ts";
import { ReadSet } from "../../../src/transaction/reading/read-set.ts";
import { brokenViews } from "../../contract/broken/index.ts";
import { patched, together } from "./defect.ts";
import type { Defect, Restore } from "./defect.ts";

const rotated = new WeakSet<Memtable>();
let isOfScan = false;
let asked = 0;

/** The same page from its second row on. */
function withoutFirst(page: Page): Page {
  if (page.rows < 2) return page;
  const [keyStart, keyEnd] = [page.keyStart.subarray(1), page.keyEnd.subarray(1)];
  const [valueStart, valueEnd] = [page.valueStart.subarray(1), page.valueEnd.subarray(1)];
  return { ...page, rows: page.rows - 1, keyStart, keyEnd, valueStart, valueEnd };
}

/** The same page with its last two rows in each other's place. */
function withSwap(page: Page): Page {
  if (page.rows < 2) return page;
  const swap = (all: Int32Array): Int32Array => {
    const swapped = all.slice();
    if (all.length < page.rows) return swapped;
    [swapped[page.rows - 1], swapped[page.rows - 2]] = [all[page.rows - 2]!, all[page.rows - 1]!];
    return swapped;
  };
  const [keyStart, keyEnd] = [swap(page.keyStart), swap(page.keyEnd)];
  return {
    ...page,
    keyStart,
    keyEnd,
    valueStart: swap(page.valueStart),
    valueEnd: swap(page.valueEnd),
  };
}

function changedPages(scan: Scan, change: (page: Page) => Page): Scan {
  return overlaid(scan, { next: () => andThen(scan.next(), change) });
}

/** Memtables that are full, but not yet in a table, are left out of scans. */
function forgetsRotated(): Restore {
  return together(
    () =>
      patched(
        Tree.prototype,
        "rotate",
        (rotate) =>
          function rotateToo(this: Tree, logNumber, lastSequence) {
            rotated.add(this.active);
            rotate.call(this, logNumber, lastSequence);
          },
      ),
    () =>
      patched(
        Tree.prototype,
        "cursor",
        (cursor) =>
          function cursorOfScan(this: Tree, range) {
            isOfScan = true;
            try {
              return cursor.call(this, range);
            } finally {
              isOfScan = false;
            }
          },
      ),
    () =>
      patched(
        Memtable.prototype,
        "cursor",
        (cursor) =>
          function cursorOfSome(this: Memtable): Cursor {
            return cursor.call(isOfScan && rotated.has(this) ? new Memtable() : this);
          },
      ),
  )();
}

/** It is not told of commits, and begins anew after so many lookups. */
function staleCache(inner: StorageEngine): StorageEngine {
  const cache = new Map<string, Awaitable<Bytes | undefined>>();
  return overlaid(inner, {
    begin: (options) =>
      andThen(inner.begin(options), (transaction): EngineTransaction =>
        overlaid(transaction, {
          get: (key) => {
            const name = Buffer.from(key).toString("hex");
            if (cache.size > 20) cache.clear();
            if (!cache.has(name)) cache.set(name, transaction.get(key));
            return cache.get(name)!;
          },
        }),
      ),
  });
}

export const inReads: readonly Defect[] = [
  {
    name: "lookups read the newest version and not that of their view",
    where: "Memtable.get",
    caughtBy: "histories of rows",
    planting: {
      patch: () =>
        patched(
          Memtable.prototype,
          "get",
          (get) =>
            function getNewest(this: Memtable, key, _sequence, out) {
              return get.call(this, key, MAX_SEQUENCE, out);
            },
        ),
    },
  },
  {
    name: "a range delete hides nothing",
    where: "RangeDeleteIndex.covers",
    caughtBy: "histories of rows",
    planting: { patch: () => patched(RangeDeleteIndex.prototype, "covers", () => () => 0) },
  },
  {
    name: "a filter denies one key in fifty that is there",
    where: "Filter.mayHold",
    caughtBy: "histories of rows",
    planting: {
      patch: () =>
        patched(
          Filter.prototype,
          "mayHold",
          (mayHold) =>
            function mayHoldMostly(this: Filter, key, start, end) {
              return mayHold.call(this, key, start, end) && ++asked % 50 > 0;
            },
        ),
    },
  },
  {
    name: "a cache answers with what a row held before",
    where: "in front of the engine's lookups",
    caughtBy: "histories of rows",
    planting: { engine: (inner) => staleCache(inner) },
  },
  {
    name: "a scan skips the first row behind the border of a page",
    where: "VisibleScan.next",
    caughtBy: "histories of rows",
    planting: {
      patch: () => {
        const begun = new WeakSet<VisibleScan>();
        return patched(
          VisibleScan.prototype,
          "next",
          (next) =>
            function nextButOne(this: VisibleScan) {
              const page = next.call(this);
              if (begun.has(this)) return withoutFirst(page);
              begun.add(this);
              return page;
            },
        );
      },
    },
  },
  {
    name: "the last two rows of each page of a reverse scan stand in the wrong order",
    where: "SequenceView.scan",
    caughtBy: "histories of documents",
    planting: {
      patch: () =>
        patched(
          SequenceView.prototype,
          "scan",
          (scan) =>
            function scanSwapped(this: SequenceView, range, options) {
              const made = scan.call(this, range, options);
              return options?.reverse === true ? changedPages(made, withSwap) : made;
            },
        ),
    },
  },
  {
    name: "a scan leaves out memtables that are full and not yet in a table",
    where: "Tree.cursor",
    caughtBy: "histories of rows",
    planting: { patch: forgetsRotated },
  },
  {
    name: "keys that a body reads are not remembered",
    where: "ReadSet.addKey",
    caughtBy: "histories of documents",
    planting: { patch: () => patched(ReadSet.prototype, "addKey", () => () => undefined) },
  },
  {
    name: "ranges that a body reads are not remembered",
    where: "ReadSet.ranges",
    caughtBy: "histories of documents",
    planting: { patch: () => patched(ReadSet.prototype, "ranges", () => () => []) },
  },
  ...[
    "each page but the first begins one row late",
    "read-only transactions lag one commit behind",
  ].map((name): Defect => ({
    name,
    where: "an engine around the one in memory",
    caughtBy: "the contract suite",
    planting: { make: brokenViews[name]! },
  })),
];
