export { ChangeLog } from "./change-log.ts";
export { SETTING, logStatements, logTexts, prepareLog } from "./log-table.ts";
