/** The suites of queries, on PostgreSQL. */
import { describe } from "vitest";
import { skipReason } from "../../../support/postgres/shared-server.ts";
import { onPostgres } from "./on-postgres.ts";

describe.skipIf(skipReason !== undefined)("on PostgreSQL: queries", async () => {
  onPostgres(0.2);
  await import("../../../query/query-law.test.ts");
  await import("../../../query/run-query.test.ts");
  await import("../../../query/paging.test.ts");
  await import("../../../query/cursors.test.ts");
  await import("../../../query/aggregate.test.ts");
  await import("../../../query/merges.test.ts");
  await import("../../../query/named-index.test.ts");
  await import("../../../query/tally/tally-law.test.ts");
  await import("../../../query/tally/tally-conflicts.test.ts");
});
