export { SimulatedHost } from "./simulated-host.ts";
export type { IoCall, SimulatedHostOptions, Unsynced } from "./simulated-host.ts";
export type { Fault } from "./simulated-handle.ts";
