export { ChangeLog } from "./change-log.ts";
export type { ChangeLogLimits } from "./change-log.ts";
