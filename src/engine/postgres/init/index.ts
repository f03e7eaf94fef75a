export { initTable } from "./init-table.ts";
export type { InitTableOptions, InitTableReport } from "./init-table.ts";
export { rightsTexts } from "./rights.ts";
export type { SettingAdvice } from "./setting-advice.ts";
