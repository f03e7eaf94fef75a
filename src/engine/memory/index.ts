export { MemoryEngine } from "./memory-engine.ts";
export type { MemoryEngineOptions } from "./memory-engine.ts";
