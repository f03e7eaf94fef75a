/** The engine on PostgreSQL: `kotobadb/postgres`. */
export { initTable } from "./init-table.ts";
export type { InitTableOptions, InitTableReport, SettingAdvice } from "./init-table.ts";
export { FewPredicateLocks, InvalidPostgresOption, postgres, tableDefinition } from "./postgres.ts";
export type { PostgresOptions } from "./postgres.ts";
