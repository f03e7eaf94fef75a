// Writing a table
export { TableWriter } from "./table-writer.ts";
export type { TableWriterOptions } from "./table-writer.ts";
// Reading one
export { BlockCache } from "./block/block-cache.ts";
export { BlockReads } from "./block/block-reads.ts";
export type { Errand } from "./block/errand.ts";
export type { TableStats } from "./table-reader.ts";
export { TableReader } from "./table-reader.ts";
// Looking into one
export { dumpTable } from "./dump-table.ts";
