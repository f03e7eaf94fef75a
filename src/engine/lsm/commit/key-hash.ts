/** A hash of keys for tables in memory only; it is never written, so it may change. */
import type { Bytes } from "../../../base/index.ts";

/** HOT: bench/micro/lsm-engine.ts. 32 bits, as a signed number that V8 keeps without a heap object where it can. */
export function hashKey(bytes: Bytes, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ (end - start);
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
