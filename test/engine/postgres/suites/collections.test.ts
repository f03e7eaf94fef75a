/** The suites of collections, on PostgreSQL. */
import { describe } from "vitest";
import { skipReason } from "../../../support/postgres/shared-server.ts";
import { onPostgres } from "./on-postgres.ts";

describe.skipIf(skipReason !== undefined)("on PostgreSQL: collections", async () => {
  onPostgres(0.1);
  await import("../../../collections/collection-store.test.ts");
  await import("../../../collections/structures.test.ts");
  await import("../../../collections/verify-collection.test.ts");
  await import("../../../collections/catalog/catalog.test.ts");
  await import("../../../collections/index/index-maintenance.test.ts");
  await import("../../../collections/tally/tally-maintenance.test.ts");
  await import("../../../collections/evolution/evolve.test.ts");
  await import("../../../collections/evolution/evolve-law.test.ts");
});
