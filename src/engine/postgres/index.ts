/** The engine on PostgreSQL: `kotobadb/postgres`. */
export {
  FewPredicateLocks,
  InvalidPostgresOption,
  initTable,
  postgres,
  tableDefinition,
} from "./postgres.ts";
export type { InitTableOptions, InitTableReport, SettingAdvice } from "./init/index.ts";
export type { PostgresOptions } from "./postgres.ts";
