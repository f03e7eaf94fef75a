/** The engine on PostgreSQL: `kotobadb/postgres`. */
export { FewPredicateLocks, InvalidPostgresOption, postgres, tableDefinition } from "./postgres.ts";
export type { PostgresOptions } from "./postgres.ts";
