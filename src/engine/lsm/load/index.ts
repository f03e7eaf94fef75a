export { BulkLoads } from "./bulk-loads.ts";
export type { LoadRows } from "./bulk-loads.ts";
