/** What the gateway sends, how often, and what it makes of each answer; before servers that answer as etcd does, or not at all. */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { Gateway } from "./gateway.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Counts the requests that have come to it whole, and deals with each. */
async function node(
  deal: (response: ServerResponse, request: IncomingMessage, count: number) => void,
): Promise<{ readonly url: string; readonly requests: () => number }> {
  let count = 0;
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => deal(response, request, ++count));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as { readonly port: number };
  return { url: `http://127.0.0.1:${port}`, requests: () => count };
}

const answering = (revision: string) =>
  node((response) => response.end(JSON.stringify({ header: { revision }, succeeded: true })));
const refusing = (message: string, code: number) =>
  node((response) => response.writeHead(500).end(JSON.stringify({ error: message, code })));

/** Where nobody listens. */
async function nowhere(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

const UNKNOWN = { code: "CommitUnknown", committed: "unknown", retryable: false };
const AWAY = { code: "Unavailable", committed: "no", retryable: true };

describe("a commit", () => {
  it("is sent once where the connection breaks before the answer, be it new or used before", async () => {
    const breaking = await node((response, request, count) => {
      if (count === 2) response.end(JSON.stringify({ header: { revision: "7" } }));
      else request.socket.destroy();
    });
    const other = await answering("9");
    const gateway = new Gateway([breaking.url], 2_000);

    await expect(gateway.commit({})).rejects.toMatchObject(UNKNOWN);
    expect(breaking.requests()).toBe(1);
    expect(await gateway.commit({})).toMatchObject({ header: { revision: "7" } });
    await expect(gateway.commit({})).rejects.toMatchObject(UNKNOWN);
    expect(breaking.requests()).toBe(3);
    await expect(new Gateway([breaking.url, other.url], 2_000).commit({})).rejects.toMatchObject(
      UNKNOWN,
    );
    expect(other.requests()).toBe(0);
  });

  it("is sent once where the answer does not come in time, or not whole", async () => {
    const silent = await node(() => {});
    const halting = await node((response, request) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write('{"header":', () => request.socket.destroy());
    });
    const other = await answering("9");

    for (const bad of [silent, halting]) {
      const gateway = new Gateway([bad.url, other.url], 200);
      await expect(gateway.commit({})).rejects.toMatchObject(UNKNOWN);
      expect([bad.requests(), other.requests()]).toEqual([1, 0]);
    }
  });

  it("goes to the next node where one refuses the connection, and is known not to be where all do", async () => {
    const [first, second] = [await nowhere(), await nowhere()];
    const third = await answering("9");

    const gateway = new Gateway([first, second, third.url], 2_000);
    expect(await gateway.commit({})).toMatchObject({ header: { revision: "9" } });
    expect(await gateway.commit({})).toMatchObject({ header: { revision: "9" } });

    expect(third.requests()).toBe(2);
    const away = new Gateway([first, second], 2_000);
    await expect(away.commit({})).rejects.toMatchObject(AWAY);
  });

  it.each([
    ["etcdserver: no leader", 14, AWAY],
    ["etcdserver: too many requests", 8, AWAY],
    ["etcdserver: request timed out", 14, UNKNOWN],
    ["etcdserver: request timed out, possibly due to previous leader failure", 14, UNKNOWN],
    ["etcdserver: leader changed", 14, UNKNOWN],
    ["etcdserver: server stopped", 14, UNKNOWN],
    ["raft proposal dropped", 2, UNKNOWN],
    ["etcdserver: too many operations in txn request", 3, { code: "TransactionTooLarge" }],
    ["etcdserver: request is too large", 3, { code: "TransactionTooLarge" }],
    ["etcdserver: duplicate key given in txn request", 3, { name: "Error" }],
  ])("that etcd answers with %j", async (message, code, failure) => {
    const refuser = await refusing(message, code);
    const other = await answering("9");

    const commit = new Gateway([refuser.url, other.url], 2_000).commit({});

    await expect(commit).rejects.toMatchObject(failure);
    expect([refuser.requests(), other.requests()]).toEqual([1, 0]);
  });
});

describe("a read", () => {
  it("goes from node to node until one answers", async () => {
    const silent = await node(() => {});
    const leaderless = await refusing("etcdserver: no leader", 14);
    const third = await answering("9");

    const gateway = new Gateway([silent.url, leaderless.url, await nowhere(), third.url], 200);

    expect(await gateway.read([{ key: "YQ==" }])).toMatchObject({ header: { revision: "9" } });
    await gateway.read([{ key: "YQ==" }]);
    expect([silent.requests(), leaderless.requests(), third.requests()]).toEqual([1, 1, 2]);
  });

  it("that no node answers is out of reach; of what is compacted it is too old, whoever is asked", async () => {
    const compacted = await refusing("etcdserver: mvcc: required revision has been compacted", 11);
    const other = await answering("9");

    const away = new Gateway([await nowhere(), await nowhere()], 200);
    const old = new Gateway([compacted.url, other.url], 2_000);

    await expect(away.read([{ key: "YQ==" }])).rejects.toMatchObject(AWAY);
    await expect(old.read([{ key: "YQ==" }])).rejects.toMatchObject({ code: "TooOld" });
    expect(other.requests()).toBe(0);
  });
});
