export { BulkLoads } from "./bulk-loads.ts";
