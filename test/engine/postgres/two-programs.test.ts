/** Examples on a server: bank from two programs at once, and the one that streams changes; as they run in a folder. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { skipReason } from "../../support/postgres/shared-server.ts";
import { startServer } from "../../support/postgres/start-server.ts";

const run = promisify(execFile);

/** Without the beginnings of ids and versions, which are others each time. */
async function toldBy(...args: readonly string[]): Promise<string> {
  const program = ["--import", "tsx", "examples/server/main.ts", ...args];
  const { stderr, stdout } = await run(process.execPath, program);
  expect(stderr).toBe("");
  return stdout.replaceAll(/[\w-]+…/g, "…").replaceAll(/id: \S+/g, "id: …");
}

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

  test("an address book behind HTTP answers, and streams its changes, as it does in a folder", async () => {
    const server = await startServer({ tcp: true });
    try {
      expect(await toldBy(server.tcpUrl!)).toBe(await toldBy());
    } finally {
      await server.stop();
    }
  });
});
