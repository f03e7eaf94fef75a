/** The engine on PostgreSQL keeps the contract, the whole suite of it; with a log of its commits, too. */
import { describe } from "vitest";
import { postgres } from "../../../src/engine/postgres/index.ts";
import { describeEngine } from "../../contract/describe-engine.ts";
import { freshTable, sharedServer, skipReason } from "../../support/postgres/shared-server.ts";

describe.skipIf(skipReason !== undefined)("on a server of its own", () => {
  describeEngine("the engine on PostgreSQL", async () =>
    postgres({ url: sharedServer().url, table: freshTable(), connectionsMax: 40 }),
  );
  describeEngine("the engine on PostgreSQL with a change log", async () =>
    postgres({
      url: sharedServer().url,
      table: freshTable(),
      connectionsMax: 40,
      changeLog: true,
    }),
  );
});
