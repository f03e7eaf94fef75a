/** Short keys for the index. */
import type { Bytes } from "../../../base/index.ts";

/**
 * A length and last byte: the first `length` bytes of `last`, with `lastByte` as their last one, make a key that sorts
 * after `last` and before next[nextStart, nextEnd). Undefined if no shorter key than `last` itself is found this way.
 */
export function shortSeparator(
  last: Bytes,
  lastLength: number,
  next: Bytes,
  nextStart: number,
  nextEnd: number,
): { readonly length: number; readonly lastByte: number } | undefined {
  const shared = Math.min(lastLength, nextEnd - nextStart);
  let i = 0;
  while (i < shared && last[i] === next[nextStart + i]) i++;
  // Only where `last` is cut before its end is anything won.
  if (i + 1 >= lastLength || i === shared) return undefined;
  const lastByte = last[i]! + 1;
  return lastByte < next[nextStart + i]! ? { length: i + 1, lastByte } : undefined;
}
