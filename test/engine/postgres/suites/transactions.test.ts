/** The suites of transactions, on PostgreSQL, through both doors. */
import { describe } from "vitest";
import { skipReason } from "../../../support/postgres/shared-server.ts";
import { onPostgres } from "./on-postgres.ts";

describe.skipIf(skipReason !== undefined)("on PostgreSQL: transactions", async () => {
  onPostgres(0.1);
  await import("../../../transaction/every-engine.test.ts");
  await import("../../../transaction/own-writes.test.ts");
  await import("../../../effect/transactions.test.ts");
});
