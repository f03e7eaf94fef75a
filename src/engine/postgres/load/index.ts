export { BulkLoads } from "./bulk-loads.ts";
export type { CopiedPiece } from "./bulk-loads.ts";
