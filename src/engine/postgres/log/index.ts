export { ChangeLog } from "./change-log.ts";
export type { LogSizes } from "./log-trimmer.ts";
export {
  SETTING,
  hasLog,
  logGrantTexts,
  logStatements,
  logTexts,
  prepareLog,
} from "./log-table.ts";
