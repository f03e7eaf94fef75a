/**
 * Where commits leave a row that says that they have happened, on engines that may lose an answer. They say nothing of
 * what a database holds: whoever copies one, or counts its rows, passes over them. What they are is told in
 * src/transaction/once/commit-token.ts.
 */
import type { Bytes } from "../../base/index.ts";
import { prefixRange } from "./key-range.ts";
import type { KeyRange } from "./key-range.ts";

const PREFIX: Bytes = Uint8Array.of(0x00, 0x74);

export const COMMIT_TOKENS: KeyRange = prefixRange(PREFIX);

/** Is buffer[start, end), or all of it, the key of such a row? Asked of every key of a feed and of a copy. */
export function isTokenKey(buffer: Bytes, start = 0, end: number = buffer.length): boolean {
  return end - start >= 2 && buffer[start] === PREFIX[0] && buffer[start + 1] === PREFIX[1];
}
