/** A program that waits for its turn to make the table may find it made when it has it, with a log that guards it. */
import { postgres, tableDefinition } from "kotobadb/postgres";
import pg from "pg";
import { describe, expect, test } from "vitest";
import { freshTable, sharedServer, skipReason } from "../support/postgres/shared-server.ts";

describe.skipIf(skipReason !== undefined)("two programs that begin at once", () => {
  test("may both have the log: who comes second takes what it finds", async () => {
    const table = freshTable();
    const first = new pg.Client({ connectionString: sharedServer().url });
    await first.connect();
    const second = postgres({ url: sharedServer().url, table, changeLog: true });
    try {
      // Nobody else makes tables meanwhile.
      await first.query("begin; select pg_advisory_xact_lock(4711001)");
      const key = Uint8Array.of(1);
      const written = Promise.resolve(
        second.write({ ops: [{ op: "put", key, value: key }], requires: [] }),
      ).catch((error: unknown) => error);
      const waiting = "select from pg_locks where locktype = 'advisory' and not granted";
      await expect.poll(async () => (await first.query(waiting)).rowCount).toBe(1);
      for (const text of tableDefinition(table, { changeLog: true })) await first.query(text);
      await first.query("commit");

      expect(await written).toMatchObject({ version: expect.any(String) as string });
    } finally {
      await first.end();
      await second.close();
    }
  });
});
