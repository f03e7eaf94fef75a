/** The engine on PostgreSQL: `kotobadb/postgres`. */
export { InvalidPostgresOption, postgres, tableDefinition } from "./postgres.ts";
export type { PostgresOptions } from "./postgres.ts";
