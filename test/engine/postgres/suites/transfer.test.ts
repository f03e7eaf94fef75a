/** The suites of what comes and goes in bulk, on PostgreSQL. */
import { describe } from "vitest";
import { skipReason } from "../../../support/postgres/shared-server.ts";
import { onPostgres } from "./on-postgres.ts";

describe.skipIf(skipReason !== undefined)("on PostgreSQL: import, export, load", async () => {
  onPostgres(0.1);
  await import("../../../database/transfer/import-export.test.ts");
  await import("../../../database/transfer/load.test.ts");
});
