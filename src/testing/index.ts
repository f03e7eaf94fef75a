// The contract suite
export { ContractBroken, contractCases, runContract } from "./contract/index.ts";
export type {
  ContractCase,
  ContractFailure,
  ContractOptions,
  ContractReport,
} from "./contract/index.ts";
// Random histories
export { checkHistory, recordHistory } from "./history/index.ts";
export type {
  Effect,
  History,
  HistoryCycle,
  HistoryOptions,
  HistoryReport,
  HistoryTransaction,
  Observation,
} from "./history/index.ts";
