/** Has the suites that are imported after it run on tables of the server of this run of the tests, each on its own. */
import { afterEach, vi } from "vitest";
import { postgres } from "../../../../src/engine/postgres/index.ts";
import { closeEngines, runElsewhere } from "../../../support/elsewhere.ts";
import type { Elsewhere } from "../../../support/elsewhere.ts";
import { freshTable, sharedServer } from "../../../support/postgres/shared-server.ts";

/** `share`: the part of the random runs that is tried, for each takes some fifty times as long as in memory. */
export function onPostgres(share: number): void {
  const there: Elsewhere = {
    share,
    newPlace: () => {
      const table = freshTable();
      return ({ changeLog = false }) =>
        postgres({ url: sharedServer().url, table, ...(changeLog ? { changeLog: true } : {}) });
    },
  };
  runElsewhere(there);
  vi.setConfig({ testTimeout: 120_000, hookTimeout: 30_000 });
  afterEach(closeEngines);
}
