export { BASE, codeOf, valueOfRows } from "./cell-rows.ts";
export {
  beginAlone,
  checkServer,
  grantTexts,
  prepareTable,
  quotedRole,
  refuseStandby,
  tableName,
  tablePlan,
  tableTexts,
} from "./make-table.ts";
export type { Ask, ServerFigures, TableName } from "./make-table.ts";
export { pageOf, rowsShown } from "./pages.ts";
export type { PageRow } from "./pages.ts";
export { RangeWalk, keyRows } from "./range-walk.ts";
export type { KeyRows } from "./range-walk.ts";
export { commentOf } from "./table-format.ts";
export { statementList, tableStatements } from "./statements.ts";
export type { Isolation, TableStatements } from "./statements.ts";
export { bytesList, bytesOfText, numberList } from "./values.ts";
