/** The suites of relations, on PostgreSQL. */
import { describe } from "vitest";
import { skipReason } from "../../../support/postgres/shared-server.ts";
import { onPostgres } from "./on-postgres.ts";

describe.skipIf(skipReason !== undefined)("on PostgreSQL: relations", async () => {
  onPostgres(0.05);
  await import("../../../relations/include.test.ts");
  await import("../../../relations/include-law.test.ts");
  await import("../../../relations/on-delete.test.ts");
  await import("../../../relations/on-delete-law.test.ts");
  await import("../../../relations/load.test.ts");
});
