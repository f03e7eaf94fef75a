export { compareEngines } from "./compare-engines.ts";
export type { EngineComparison, RowDifference } from "./compare-engines.ts";
export { copyEngine } from "./copy-engine.ts";
export type { CopyOptions, CopyProgress, CopyResult } from "./copy-engine.ts";
export { CopyDiffers, CopyOvertaken, TargetNotEmpty } from "./copy-error.ts";
export { refuseFilledTarget } from "./copy-target.ts";
export type { RowFigures } from "./row-reader.ts";
