// Writing a table
export { TableWriter } from "./table-writer.ts";
export type { TableWriterOptions } from "./table-writer.ts";
// Reading one
export { BlockCache } from "./block/block-cache.ts";
export { TableReader } from "./table-reader.ts";
// Looking into one
export { describeTable } from "./describe-table.ts";
export { dumpTable } from "./dump-table.ts";
