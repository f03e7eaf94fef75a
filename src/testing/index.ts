// The contract suite
export { ContractBroken, contractCases, runContract } from "./contract/index.ts";
export type {
  ContractCase,
  ContractFailure,
  ContractOptions,
  ContractReport,
} from "./contract/index.ts";
// The simulated host
export { SimulatedHost, faultFits } from "./simulation/index.ts";
export type {
  Fault,
  FaultCode,
  FileRules,
  IoCall,
  Lie,
  Millis,
  SimulatedHostOptions,
  Unsynced,
} from "./simulation/index.ts";
// A machine and an engine for tests of applications
export { conflictFirst, FixedClock, fixedHost } from "./doubles/index.ts";
export type { FixedHost, FixedHostOptions } from "./doubles/index.ts";
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
