// Writing a table
export { TableWriter } from "./table-writer.ts";
export type { TableWriterOptions } from "./table-writer.ts";
export { COMPRESSIONS, ZSTD_NODE, isAvailable } from "./compression/block-codec.ts";
export type { Compression } from "./compression/block-codec.ts";
export {
  PREFIX_BYTES_MAX,
  PREFIX_LENGTHS,
  PREFIX_LENGTHS_MAX,
  arePrefixLengths,
} from "./block/key-prefix.ts";
// Reading one
export { BlockCache } from "./block/block-cache.ts";
export { KnownPlaces } from "./block/known-places.ts";
export { hashKey } from "./block/filter.ts";
export type { KeyHash } from "./block/filter.ts";
export { BlockReads } from "./block/block-reads.ts";
export type { Errand } from "./block/errand.ts";
export type { TableStats } from "./table-reader.ts";
export { TableReader } from "./table-reader.ts";
// Looking into one
export { describeTable } from "./describe-table.ts";
export { dumpTable } from "./dump-table.ts";
