/** Random histories on PostgreSQL: a serial order explains each of them; and where the isolation is weaker, it is seen. */
import { open } from "kotobadb";
import { afterEach, describe, expect, it } from "vitest";
import type { BeginOptions, StorageEngine } from "../../../src/engine/contract/index.ts";
import { postgresWith } from "../../../src/engine/postgres/postgres.ts";
import { checkHistory, recordHistory, runContract } from "../../../src/testing/index.ts";
import { freshTable, sharedServer, skipReason } from "../../support/postgres/shared-server.ts";

const engines: StorageEngine[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
});

function engineAt(isolation: "serializable" | "repeatable read" | "read committed"): StorageEngine {
  const engine = postgresWith(
    { url: sharedServer().url, table: freshTable(), connectionsMax: 40 },
    isolation,
  );
  engines.push(engine);
  return engine;
}

/** The cases of the suite that no snapshot of the past can keep. */
const SKEWS = [
  "of two transactions that read two keys and change one each, one loses",
  "reading an absent key counts: of two who insert what the other found absent, one loses",
  "reading an empty range counts: of two who insert where both found nothing, one loses",
  "of two transactions that count a range and add a row to it, one loses",
];

describe.skipIf(skipReason !== undefined)("opening a database on PostgreSQL", () => {
  it.each(["repeatable read", "read committed"] as const)(
    "is refused where the server gives %s",
    async (isolation) => {
      const opened = open({ engine: engineAt(isolation) });

      await expect(opened).rejects.toMatchObject({
        code: "IsolationTooWeak",
        details: { letThrough: "writeSkew" },
      });
    },
  );

  it("leaves nothing of what it tried", async () => {
    const engine = engineAt("serializable");

    await engine.verifyIsolation!();

    const view = await engine.begin({ readOnly: true });
    const page = await view.scan({ start: new Uint8Array(), end: undefined }).next();
    view.abort();
    expect(page).toMatchObject({ rows: 0, done: true });
  });
});

describe.skipIf(skipReason !== undefined)("random histories on PostgreSQL", () => {
  it.each([1, 2, 3, 4])("are explained by a serial order (seed %i)", async (seed) => {
    const history = await recordHistory(engineAt("serializable"), { seed, transactions: 300 });

    const report = checkHistory(history);

    expect(report.problems).toEqual([]);
    expect(report.cycles).toEqual([]);
    expect(report.committed).toBeGreaterThan(50);
  });

  it.each([5, 6, 7])(
    "are so too where the first read of a reader is answered by itself (seed %i)",
    async (seed) => {
      const engine = engineAt("serializable");
      const losing = new Proxy(engine, {
        get: (target, name) => {
          if (name === "begin")
            return (options: BeginOptions = {}) =>
              target.begin({ ...options, mayLose: options.readOnly ?? false });
          const member: unknown = Reflect.get(target, name, target);
          return typeof member === "function" ? member.bind(target) : member;
        },
      });
      const history = await recordHistory(losing, { seed, transactions: 300, objects: 2 });

      const report = checkHistory(history);

      expect(report.problems).toEqual([]);
      expect(report.cycles).toEqual([]);
      expect(report.committed).toBeGreaterThan(30);
    },
  );

  it.each(["repeatable read", "read committed"] as const)(
    "show what %s lets through",
    async (isolation) => {
      const verdicts: boolean[] = [];
      for (const seed of [1, 2, 3]) {
        const history = await recordHistory(engineAt(isolation), { seed, transactions: 200 });
        verdicts.push(checkHistory(history).ok);
      }

      expect(verdicts).toContain(false);
    },
  );

  it.each(["repeatable read", "read committed"] as const)(
    "and the contract suite sees it too: %s",
    async (isolation) => {
      const { failed } = await runContract(async () => engineAt(isolation));

      expect(failed.map(({ name }) => name)).toEqual(expect.arrayContaining(SKEWS));
    },
  );
});
