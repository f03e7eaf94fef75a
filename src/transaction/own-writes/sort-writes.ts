/**
 * Puts the writes of a transaction into key order.
 *
 * Keys of one collection begin alike, so most of what a comparison looks at is the same in both. Here the four bytes
 * behind what all keys share are packed, with the place of the write, into one number, and the numbers are sorted; only
 * writes whose four bytes are equal are looked at again.
 *
 * HOT: bench/micro/transaction: once for each commit, over all of its writes.
 */
import { compareByteRanges } from "../../base/index.ts";
import type { Bytes } from "../../base/index.ts";
import type { KeyWrite } from "./sorted-writes.ts";

/** Up to here moving writes one by one is quicker than packing them. */
const INSERTION_MAX = 16;
/** How many places fit beside four bytes into the 53 bits of a number. More writes than these are sorted by comparing. */
const PLACES = 2 ** 20;
const HEAD_BYTES = 4;

/** Sorts in place; no key occurs twice. */
export function sortWrites(writes: KeyWrite[]): void {
  if (!isSorted(writes)) sortPart(writes, 0, writes.length, 0);
}

function isSorted(writes: readonly KeyWrite[]): boolean {
  for (let i = 1; i < writes.length; i++) {
    if (compareBehind(writes[i - 1]!.key, writes[i]!.key, 0) > 0) return false;
  }
  return true;
}

/** Sorts writes[start, end), whose keys are all of `prefix` bytes at least and have these in common. */
function sortPart(writes: KeyWrite[], start: number, end: number, prefix: number): void {
  const count = end - start;
  if (count <= INSERTION_MAX) return insertOneByOne(writes, start, end, prefix);
  if (count > PLACES) return sortByComparing(writes, start, end, prefix);
  const shared = sharedPrefix(writes, start, end, prefix);
  const packed = new Float64Array(count);
  for (let i = 0; i < count; i++) packed[i] = headOf(writes[start + i]!.key, shared) * PLACES + i;
  packed.sort();
  const before = writes.slice(start, end);
  let groupStart = 0;
  let groupHead = -1;
  for (let i = 0; i < count; i++) {
    const one = packed[i]!;
    const head = Math.floor(one / PLACES);
    writes[start + i] = before[one - head * PLACES]!;
    if (head === groupHead) continue;
    if (i - groupStart > 1) sortGroup(writes, start + groupStart, start + i, shared);
    groupStart = i;
    groupHead = head;
  }
  if (count - groupStart > 1) sortGroup(writes, start + groupStart, end, shared);
}

/** Writes of one head. Where a key ends inside of it, zeros stand for what it lacks: then only comparing tells. */
function sortGroup(writes: KeyWrite[], start: number, end: number, shared: number): void {
  const prefix = shared + HEAD_BYTES;
  for (let i = start; i < end; i++) {
    if (writes[i]!.key.length < prefix) return sortByComparing(writes, start, end, shared);
  }
  sortPart(writes, start, end, prefix);
}

function insertOneByOne(writes: KeyWrite[], start: number, end: number, prefix: number): void {
  for (let i = start + 1; i < end; i++) {
    const write = writes[i]!;
    let at = i;
    while (at > start && compareBehind(writes[at - 1]!.key, write.key, prefix) > 0) {
      writes[at] = writes[at - 1]!;
      at--;
    }
    writes[at] = write;
  }
}

function sortByComparing(writes: KeyWrite[], start: number, end: number, prefix: number): void {
  const sorted = writes
    .slice(start, end)
    .sort((one, other) => compareBehind(one.key, other.key, prefix));
  for (let i = 0; i < sorted.length; i++) writes[start + i] = sorted[i]!;
}

function compareBehind(a: Bytes, b: Bytes, prefix: number): number {
  return compareByteRanges(a, prefix, a.length, b, prefix, b.length);
}

/** How many bytes all these keys have in common; at least `prefix`. */
function sharedPrefix(
  writes: readonly KeyWrite[],
  start: number,
  end: number,
  prefix: number,
): number {
  const first = writes[start]!.key;
  let shared = first.length;
  for (let i = start + 1; i < end && shared > prefix; i++) {
    const { key } = writes[i]!;
    let length = prefix;
    const most = key.length < shared ? key.length : shared;
    while (length < most && key[length] === first[length]) length++;
    shared = length;
  }
  return shared;
}

/** Four bytes from `at` on as one number that orders as they do; zeros where the key has ended. */
function headOf(key: Bytes, at: number): number {
  const left = key.length - at;
  const high = (left > 0 ? key[at]! << 8 : 0) | (left > 1 ? key[at + 1]! : 0);
  const low = (left > 2 ? key[at + 2]! << 8 : 0) | (left > 3 ? key[at + 3]! : 0);
  return high * 0x1_0000 + low;
}
