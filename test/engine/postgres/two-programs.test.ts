/** Examples on a server, each from two programs at once; as they run in a folder. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { open } from "kotobadb";
import { postgres } from "kotobadb/postgres";
import { describe, expect, test } from "vitest";
import { collections, routesOf } from "../../../examples/server/contacts.ts";
import { serve } from "../../../examples/server/serve.ts";
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

/** What comes by in the stream of changes at this address until it ends, as the type and the person of each. */
async function streamAt(
  origin: string,
): Promise<{ readonly events: string[]; ended: Promise<void> }> {
  const response = await fetch(`${origin}/contacts/changes`);
  const events: string[] = [];
  const read = async (): Promise<void> => {
    let text = "";
    for await (const bytes of response.body!) {
      text += Buffer.from(bytes).toString("utf8");
      const whole = text.split("\n\n");
      text = whole.pop()!;
      for (const event of whole) {
        const [, type, data] = /^event: (.*)\ndata: (.*)/.exec(event)!;
        events.push(`${type} ${(JSON.parse(data!) as { readonly name?: string }).name ?? "-"}`);
      }
    }
  };
  return { events, ended: read() };
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

  test("with an address book each are told what they are told in a folder, and a third streams the changes of both", async () => {
    const server = await startServer({ tcp: true });
    try {
      const engine = postgres({ url: server.tcpUrl!, changeLog: true });
      const db = await open({ engine }, { collections });
      await db.ready();
      const third = await serve(routesOf(db));
      const { ended, events } = await streamAt(third.origin);
      await expect.poll(() => third.underWay).toBe(1);

      const alone = await toldBy();
      const told = await Promise.all([toldBy(server.tcpUrl!), toldBy(server.tcpUrl!)]);

      expect(told).toEqual([alone, alone]);
      const ofOne = ["insert Ada", "insert Bob", "insert Cy", "insert Dot"];
      const after = ["update Ada", "delete -", "insert Late"];
      const ofBoth = [...ofOne, ...after].flatMap((event) => [event, event]).toSorted();
      await expect.poll(() => events.toSorted(), { timeout: 10_000 }).toEqual(ofBoth);
      await third.stop();
      await ended;
      await db.close();
    } finally {
      await server.stop();
    }
  });
});
