export type { LsmOptions } from "./options.ts";
export { L0_SLOW_FACTOR, L0_STOP_FACTOR, settingsOf, tableOptions } from "./settings.ts";
export type { LsmSettings } from "./settings.ts";
export { LSM_LIMITS } from "./limits.ts";
