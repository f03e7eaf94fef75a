// The shape of all that holds entries in order
export { MAX_SEQUENCE, NO_VIEW } from "./cursor.ts";
export type { Cursor, PointResult } from "./cursor.ts";
export { BLOCK_MISSING } from "./block-missing.ts";
export { stepOverHidden, stepOverHiddenBack } from "./skip-hidden.ts";
// Range deletes
export { RangeDeleteIndex } from "./range-deletes.ts";
export type { RangeDelete } from "./range-deletes.ts";
// Reading several sources as one
export { mergeCursor } from "./merge-cursor.ts";
export { VisibleScan } from "./visible-scan.ts";
