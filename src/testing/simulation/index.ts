export { SimulatedHost } from "./simulated-host.ts";
export type { Millis, SimulatedHostOptions, Unsynced } from "./simulated-host.ts";
export type { FileRules } from "./simulated-file-system.ts";
export { faultFits } from "./fault.ts";
export type { Fault, FaultCode, IoCall, Lie } from "./fault.ts";
