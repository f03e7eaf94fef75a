// What an engine says of itself
export { readAmplification, spaceAmplification, writeAmplification } from "./report.ts";
export type { FilterReport, LevelReport, LsmReport } from "./report.ts";
export { Histogram } from "./histogram.ts";
export type { HistogramFigures } from "./histogram.ts";
export { Traffic } from "./traffic.ts";
// Events
export { LsmEvents } from "./events.ts";
export { eventTable } from "./event.ts";
export type { EventTable, LsmEvent, LsmEventListener } from "./event.ts";
export { SyncTimes } from "./sync-times.ts";
