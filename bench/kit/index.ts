export type {
  Better,
  DataRead,
  LatencyMicros,
  Measurement,
  SuiteName,
  Unit,
} from "./measurement.ts";
export { FileRecorder, collectGarbage } from "./recorder.ts";
export type { Recorder } from "./recorder.ts";
export type { StoreEntry, Survives } from "./store-entry.ts";
export { suiteOf } from "./suite.ts";
export type { Scope, Size, Suite } from "./suite.ts";
export { chanceOfLower, spreadOf } from "./statistics.ts";
export type { Spread } from "./statistics.ts";
export { turnsOf } from "./rounds.ts";
export { machineHere } from "./machine.ts";
export type { Machine } from "./machine.ts";
export { runChild } from "./child-process.ts";
export type { Outcome, Task } from "./child-process.ts";
export { importEngine, kotobadbUrl, setProject } from "./kotobadb.ts";
/** @public For suites of the whole database. */
export { importKotobadb } from "./kotobadb.ts";
export { coldImportMillis } from "./cold-import.ts";
export { bytesOnDisk } from "./bytes-on-disk.ts";
export { rest } from "./rest.ts";
export { TurnWatch } from "./turn-watch.ts";
