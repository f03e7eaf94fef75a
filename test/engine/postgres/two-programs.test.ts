/** examples/bank on one server, from two programs at once: as it runs in a folder. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { skipReason } from "../../support/postgres/shared-server.ts";
import { startServer } from "../../support/postgres/start-server.ts";

const run = promisify(execFile);

describe.skipIf(skipReason !== undefined)("two programs on one server", () => {
  test("keep the sum of all accounts", async () => {
    const server = await startServer({ tcp: true });
    try {
      const bank = (): Promise<{ readonly stdout: string }> =>
        run(process.execPath, ["--import", "tsx", "examples/bank/main.ts", server.tcpUrl!]);
      const ended = await Promise.all([bank(), bank()]);
      for (const { stdout } of ended) expect(stdout).toMatch(/The sum is [12]000\./);
      // Whoever opened its accounts last, this one sees all of both.
      expect((await bank()).stdout).toContain("The sum is 3000.");
    } finally {
      await server.stop();
    }
  });
});
