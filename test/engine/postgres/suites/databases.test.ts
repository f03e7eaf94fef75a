/** The suites of the database, on PostgreSQL. */
import { describe } from "vitest";
import { skipReason } from "../../../support/postgres/shared-server.ts";
import { onPostgres } from "./on-postgres.ts";

describe.skipIf(skipReason !== undefined)(
  "on PostgreSQL: the database as its user sees it",
  async () => {
    onPostgres(0.1);
    await import("../../../database/database.test.ts");
    await import("../../../database/change-by-query.test.ts");
    await import("../../../database/escaping-writes.test.ts");
    await import("../../../database/mistakes.test.ts");
    await import("../../../database/online-index.test.ts");
    await import("../../../database/sort-memory.test.ts");
    await import("../../../database/evolve/evolve.test.ts");
    await import("../../../database/expire/expire.test.ts");
    await import("../../../database/expire/expire-law.test.ts");
    await import("../../../database/expire/relations.test.ts");
  },
);
