/** The suites of feeds and live queries, on PostgreSQL with a log of its commits. */
import { describe } from "vitest";
import { skipReason } from "../../../support/postgres/shared-server.ts";
import { onPostgres } from "./on-postgres.ts";

describe.skipIf(skipReason !== undefined)("on PostgreSQL: feeds and live queries", async () => {
  onPostgres(0.2);
  await import("../../../database/feed/feed.test.ts");
  await import("../../../database/feed/feed-ends.test.ts");
  await import("../../../database/feed/live.test.ts");
  await import("../../../database/transaction-versions.test.ts");
});
