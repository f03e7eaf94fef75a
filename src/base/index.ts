export { assert, assertNever } from "./assert.ts";
export { andThen, isPromise } from "./awaitable.ts";
export type { Awaitable } from "./awaitable.ts";
export {
  EMPTY_BYTES,
  compareByteRanges,
  compareBytes,
  concatBytes,
  copyBytes,
  equalBytes,
  hashBytes,
  hex,
  nextKey,
  prefixEnd,
} from "./bytes.ts";
export { ByteSlab } from "./byte-slab.ts";
export type { Bytes } from "./bytes.ts";
export { Closed, KotobaError } from "./error.ts";
export type { BatchCursor, Kind, PromiseRun, Run, Runner, StreamKind } from "./kind.ts";
export { overlaid } from "./overlaid.ts";
