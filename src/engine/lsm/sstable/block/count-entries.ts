/**
 * About how many entries of a table lie between two keys: both are looked up in the index, and what lies between them is
 * counted in blocks.
 *
 * Always true:
 * (1) Two partitions of the index and three data blocks are looked into at most, and only those that are at hand.
 * (2) Where both keys fall into one data block that is at hand, the count is exact.
 */
import type { Bytes } from "../../../../base/index.ts";
import { MAX_SEQUENCE } from "../../cursor/index.ts";
import type { BlockReader } from "./block-reader.ts";

/** What is asked of a table. A block that is given holds until the next one is asked for. */
export interface CountedTable {
  readonly topIndex: BlockReader;
  readonly dataBlocks: number;
  readonly entries: number;
  /** The partition that entry `top` of the top index points to; undefined: it is not at hand. */
  partition(top: number): BlockReader | undefined;
  /**
   * The data block that entry i of a partition points to; undefined: it is not at hand. "large": it holds one value that
   * is larger than blocks are. `isWorthReading`: it may be read for this alone.
   */
  data(
    partition: BlockReader,
    i: number,
    isWorthReading: boolean,
  ): BlockReader | "large" | undefined;
}

/** Where a key is, or would be. */
interface Place {
  readonly top: number;
  /** Data blocks of its partition. */
  readonly blocks: number;
  /** Its data block in the partition; -1: not known. */
  readonly block: number;
  /** How many entries its data block has; 0: not known. */
  readonly entries: number;
  /** How many of them come before it. */
  readonly before: number;
}

/** `end` undefined: to the end of the table. */
export function countEntries(table: CountedTable, start: Bytes, end: Bytes | undefined): number {
  const from = placeOf(table, start, true);
  if (from.top === table.topIndex.count) return 0;
  const to = end === undefined ? endOf(table) : placeOf(table, end, false);
  if (from.top === to.top) {
    if (from.block < 0 || to.block < 0) return (from.blocks * average(table)) / 2;
    if (from.block === to.block)
      return from.entries > 0 ? Math.max(0, to.before - from.before) : average(table) / 2;
  }
  const blocks = blocksBetween(table, from, to);
  const nextOne = blocks < 1 ? 0 : entriesAfter(table, from);
  const perBlock = nextOne || from.entries || to.entries || average(table);
  const left = from.entries > 0 ? from.entries - from.before : perBlock / 2;
  return Math.min(left + blocks * perBlock + to.before, table.entries);
}

function average({ dataBlocks, entries }: CountedTable): number {
  return entries / dataBlocks;
}

/**
 * How many entries the block after a place has; 0: not known. Blocks of short entries hold many and those of long ones
 * few, so a block of the range tells more than all of the table together, and more than its first one, which may begin
 * with what comes before.
 */
function entriesAfter(table: CountedTable, { block, blocks, top }: Place): number {
  if (block < 0 || block + 1 >= blocks) return 0;
  const partition = table.partition(top);
  const data = partition && table.data(partition, block + 1, true);
  return data === "large" ? 1 : (data?.count ?? 0);
}

/** Whole blocks between those of two places. */
function blocksBetween({ dataBlocks, topIndex }: CountedTable, from: Place, to: Place): number {
  const before = to.block < 0 ? to.blocks / 2 : to.block;
  const block = from.block < 0 ? from.blocks / 2 : from.block;
  if (from.top === to.top) return before - block - 1;
  // Partitions are about as large as each other, but for the last one.
  const left = from.blocks - block - 1 + (to.top - from.top - 1) * from.blocks + before;
  const last = topIndex.count - 1;
  if (to.top <= last || from.top === last) return left;
  const inLast = Math.min(Math.max(dataBlocks - last * from.blocks, 1), from.blocks);
  return left - from.blocks + inLast;
}

function endOf({ topIndex }: CountedTable): Place {
  return { top: topIndex.count, blocks: 0, block: 0, entries: 0, before: 0 };
}

function placeOf(table: CountedTable, key: Bytes, isStart: boolean): Place {
  const { dataBlocks, topIndex } = table;
  const top = topIndex.lowerBound(key, MAX_SEQUENCE);
  if (top === topIndex.count) return endOf(table);
  const partition = table.partition(top);
  if (partition === undefined)
    return { top, blocks: dataBlocks / topIndex.count, block: -1, entries: 0, before: 0 };
  const blocks = partition.count;
  // A damaged index may lie about the last key of its partition.
  const block = Math.min(partition.lowerBound(key, MAX_SEQUENCE), blocks - 1);
  const data = table.data(partition, block, isStart);
  if (data === "large") return { top, blocks, block, entries: 1, before: 0 };
  if (data === undefined) return { top, blocks, block, entries: 0, before: average(table) / 2 };
  return {
    top,
    blocks,
    block,
    entries: data.count,
    before: data.lowerBound(key, MAX_SEQUENCE),
  };
}
