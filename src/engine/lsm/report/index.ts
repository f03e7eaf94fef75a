// What an engine says of itself
export { readAmplification, spaceAmplification, writeAmplification } from "./report.ts";
export type { CacheReport, FilterReport, LevelReport, LsmReport } from "./report.ts";
export { Histogram } from "./histogram.ts";
export type { HistogramFigures } from "./histogram.ts";
export { Traffic } from "./traffic.ts";
export type { LevelTraffic } from "./traffic.ts";
// Events
export { LsmEvents } from "./events.ts";
export { eventTable } from "./event.ts";
export type { EventTable, LsmEvent, LsmEventBody, LsmEventListener } from "./event.ts";
