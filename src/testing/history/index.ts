export { checkHistory } from "./check-history.ts";
export type { HistoryCycle, HistoryReport } from "./check-history.ts";
export type { Effect, History, HistoryTransaction, Observation } from "./history.ts";
export { recordHistory } from "./record-history.ts";
export type { HistoryOptions } from "./record-history.ts";
