/** What the engine says and does when connections break, run out, or never come to be. */
import { collection, open } from "kotobadb";
import pg from "pg";
import { z } from "zod";
import { describe, expect, it } from "vitest";
import type { StorageEngine } from "../../../src/engine/contract/index.ts";
import { nodeHost } from "../../../src/engine/lsm/host/index.ts";
import type { PostgresOptions } from "../../../src/engine/postgres/index.ts";
import {
  bytes,
  closing,
  engineAt,
  plan,
  proxyToShared,
  put,
} from "../../support/postgres/engine-kit.ts";
import { freshTable, sharedServer, skipReason } from "../../support/postgres/shared-server.ts";
import { startServer } from "../../support/postgres/start-server.ts";

const Counters = collection("counters", z.object({ count: z.number() }));

async function proxied(options: Partial<PostgresOptions> = {}) {
  const proxy = await proxyToShared();
  const table = freshTable();
  const engine = engineAt({ url: proxy.url, table, ...options });
  // The table is there, and a connection is open.
  await engine.write(plan(put("first", "1")));
  /** Another program, that nothing is cut for. */
  const other = engineAt({ table });
  return { proxy, engine, other };
}

async function valueOf(engine: StorageEngine, key: string): Promise<string | undefined> {
  const view = await engine.begin({ readOnly: true });
  const value = await view.get(bytes(key));
  view.abort();
  return value && new TextDecoder().decode(value);
}

/** Whether the program's message has this in it: a value that it writes, or a statement's name. */
const has = (text: string) => (sent: Buffer) => sent.includes(text);

/** What the work comes to, or the error. */
const failure = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

describe.skipIf(skipReason !== undefined)("PostgreSQL out of reach", () => {
  it("a batch whose answer is lost is CommitUnknown, and did happen here", async () => {
    const { proxy, engine, other } = await proxied();
    proxy.cutsAfter = has("lost answer");

    const error = await failure(Promise.resolve(engine.write(plan(put("a", "lost answer")))));

    expect(error).toMatchObject({ code: "CommitUnknown", committed: "unknown", retryable: false });
    await expect.poll(() => valueOf(other, "a")).toBe("lost answer");
  });

  it("a batch that is lost on its way is CommitUnknown, and did not happen here", async () => {
    const { proxy, engine, other } = await proxied();
    proxy.cutsBefore = has("lost question");

    const error = await failure(Promise.resolve(engine.write(plan(put("a", "lost question")))));

    expect(error).toMatchObject({ code: "CommitUnknown", committed: "unknown" });
    expect(await valueOf(other, "a")).toBe(undefined);
  });

  it("a transaction whose commit is not answered is CommitUnknown; whose read is not, Unavailable", async () => {
    const { proxy, engine, other } = await proxied();
    const reading = await engine.begin();
    await reading.get(bytes("first"));
    const writing = await engine.begin();
    await writing.get(bytes("first"));
    proxy.cutsAfter = has("kt_commit");

    const committed = await failure(
      Promise.resolve(writing.commit({ ...plan(put("b", "1")), readKeys: [bytes("first")] })),
    );
    proxy.cutAll();
    const read = await failure(Promise.resolve(reading.get(bytes("first"))));
    reading.abort();

    expect(committed).toMatchObject({ code: "CommitUnknown" });
    expect(read).toMatchObject({ code: "Unavailable", committed: "no", retryable: true });
    await expect.poll(() => valueOf(other, "b")).toBe("1");
  });

  it("after its connections were cut it makes new ones", async () => {
    const { proxy, engine } = await proxied();
    for (let i = 0; i < 5; i++) {
      proxy.cutAll();
      // The end of a connection takes a moment to be seen; until then it is lent and fails.
      await expect.poll(() => failure(valueOf(engine, "first"))).toBe("1");
    }
  });

  it("a server that is not there is Unavailable, at the first read and at a write", async () => {
    const engine = engineAt({ url: "postgres://nobody@127.0.0.1:9/none", connectMillis: 1_000 });
    const view = await engine.begin();

    expect(await failure(Promise.resolve(view.get(bytes("a"))))).toMatchObject({
      code: "Unavailable",
    });
    view.abort();
    expect(await failure(Promise.resolve(engine.write(plan(put("a", "1")))))).toMatchObject({
      code: "Unavailable",
      committed: "no",
    });
  });

  it("a role or a database that is not there is no reason to try again", async () => {
    const url = new URL(sharedServer().tcpUrl);
    url.username = "stranger";
    const stranger = engineAt({ url: url.href });
    const tableless = engineAt({ makeTable: false });
    const nowhere = new URL(sharedServer().tcpUrl);
    nowhere.pathname = "/nowhere";

    expect(await failure(valueOf(stranger, "a"))).toMatchObject({
      code: "NoPermission",
      retryable: false,
    });
    for (const engine of [tableless, engineAt({ url: nowhere.href })])
      expect(await failure(valueOf(engine, "a"))).toMatchObject({
        code: "NoDatabase",
        retryable: false,
      });
  });

  it("who waits too long for a connection is sent away, and those who hold them go on", async () => {
    const engine = engineAt({ connectionsMax: 2, acquireMillis: 1_000 });
    await engine.write(plan(put("a", "1")));
    const held = [await engine.begin(), await engine.begin()];
    for (const one of held) await one.get(bytes("a"));

    const error = await failure(valueOf(engine, "a"));
    held[0]!.abort();
    const after = await failure(valueOf(engine, "a"));
    await held[1]!.commit({ ...plan(put("b", "1")), readKeys: [bytes("a")] });

    expect(error).toMatchObject({ code: "Unavailable", retryable: true, committed: "no" });
    expect(after).toBe("1");
    expect(await valueOf(engine, "b")).toBe("1");
  });

  it("who waits for a connection leaves at its signal, with its reason", async () => {
    const engine = engineAt({ connectionsMax: 1 });
    const held = await engine.begin();
    await held.get(bytes("a"));
    const patience = new AbortController();
    const waiting = await engine.begin({ signal: patience.signal });
    const read = failure(Promise.resolve(waiting.get(bytes("a"))));

    patience.abort("no patience");

    expect(await read).toBe("no patience");
    waiting.abort();
    held.abort();
    expect(await valueOf(engine, "a")).toBe(undefined);
  });

  it("a transaction that is aborted while it reads leaves its connection fit for the next", async () => {
    const engine = engineAt({ connectionsMax: 1 });
    await engine.write(plan(put("a", "1")));
    for (let i = 0; i < 20; i++) {
      const transaction = await engine.begin();
      const settled = Promise.allSettled([
        Promise.resolve(transaction.get(bytes("a"))),
        Promise.resolve(transaction.getMany([bytes("a"), bytes("b")])),
      ]);
      if (i % 2 === 0) await Promise.resolve();
      transaction.abort();
      await settled;
      await engine.write(plan(put("a", String(i))));
      expect(await valueOf(engine, "a")).toBe(String(i));
    }
    expect(engine.stats!()["connections"]).toBe(1);
  });

  it("a transaction that does nothing for too long is TooOld", async () => {
    const engine = engineAt({ transactionMillis: 100 });
    const transaction = await engine.begin();
    await transaction.get(bytes("a"));

    await new Promise((resolve) => setTimeout(resolve, 400));

    const error = await failure(Promise.resolve(transaction.get(bytes("a"))));
    expect(error).toMatchObject({ retryable: true, committed: "no" });
    expect(["TooOld", "Unavailable"]).toContain((error as { readonly code: string }).code);
    transaction.abort();
    expect(await valueOf(engine, "a")).toBe(undefined);
  });
});

describe.skipIf(skipReason !== undefined)("PostgreSQL that asks for passwords", () => {
  it("lets in who has the right one, also from a function, and only to what its role may; few locks are warned of", async () => {
    const server = await startServer({
      tcp: true,
      passwords: true,
      settings: { max_pred_locks_per_transaction: "64" },
    });
    closing.push({ close: () => server.stop() });
    const table = freshTable();
    const warnings: unknown[] = [];
    const host = { ...nodeHost(), warn: (error: unknown) => void warnings.push(error) };
    const owner = engineAt({ url: server.url, table, host });
    await owner.write(plan(put("a", "1")));
    expect(warnings).toMatchObject([
      { _tag: "FewPredicateLocks", details: { max_pred_locks_per_transaction: 64 } },
    ]);
    const admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    await admin.query(`create role app login password 'correct horse'`);
    await admin.query(`create role stranger login password 'correct horse'`);
    await admin.query(`grant select, insert, update, delete on ${table} to app`);
    await admin.query(`grant usage on sequence ${table}_merges to app`);
    await admin.end();
    const urlOf = (role: string, password: string): string => {
      const url = new URL(server.tcpUrl!);
      [url.username, url.password] = [role, password];
      return url.href;
    };
    const asApp = { table, makeTable: false, host };

    const right = engineAt({ url: urlOf("app", "correct horse"), ...asApp });
    const asked = engineAt({
      url: urlOf("app", ""),
      password: async () => "correct horse",
      ...asApp,
    });
    const wrong = engineAt({ url: urlOf("app", "battery"), ...asApp });
    const other = engineAt({ url: urlOf("stranger", "correct horse"), ...asApp });

    await right.write({
      ops: [
        put("b", "2"),
        { op: "merge", key: bytes("n"), how: "addInt", operand: new Uint8Array(8) },
      ],
      requires: [],
    });
    expect(await valueOf(asked, "a")).toBe("1");
    expect(await valueOf(asked, "b")).toBe("2");
    expect(await failure(valueOf(wrong, "a"))).toMatchObject({ code: "NoPermission" });
    expect(await failure(valueOf(other, "a"))).toMatchObject({ code: "NoPermission" });
  });
});

describe.skipIf(skipReason !== undefined)("connections that are cut at any moment", () => {
  it("let every increment happen once, and nobody is told that it is not known", async () => {
    const { proxy, engine, other } = await proxied({ connectionsMax: 8 });
    await using db = await open({ engine }, { collections: { counters: Counters } });
    const counters = await db.counters.insertMany([1, 2, 3].map(() => ({ count: 0 })));
    let cuts = 0;
    const cutting = (sent: Buffer): boolean => {
      // Those that carry a commit: the token's statement, and the end of the group.
      const cut = sent.includes("kt_commit") && Math.random() < 0.15;
      if (cut) cuts++;
      return cut;
    };
    proxy.cutsAfter = cutting;
    proxy.cutsBefore = cutting;

    await Promise.all(
      Array.from({ length: 120 }, (_, n) =>
        db.transaction(
          async (tx) => {
            const { id } = counters[n % counters.length]!;
            const { count } = await tx.counters.getOrThrow(id);
            await tx.counters.update(id, { count: count + 1 });
          },
          { timeoutMillis: 30_000 },
        ),
      ),
    );

    proxy.cutsAfter = () => false;
    proxy.cutsBefore = () => false;
    await using plain = await open({ engine: other }, { collections: { counters: Counters } });
    const counts = (await plain.counters.all()).map(({ count }) => count);
    expect(counts).toEqual([40, 40, 40]);
    expect(cuts).toBeGreaterThan(5);
    expect(await plain.verify()).toEqual({ ok: true, problems: [] });
  });
});

describe.skipIf(skipReason !== undefined)("PostgreSQL killed under load", () => {
  it("keeps every acknowledged commit, and nothing of what was refused", async () => {
    const server = await startServer({ durable: true });
    closing.push({ close: () => server.stop() });
    const engine = engineAt({ url: server.url, connectionsMax: 8 });
    await engine.write(plan(put("n", "0")));
    const outcomes = new Map<string, "kept" | "not" | "unknown">();
    let isOver = false;
    const writers = Array.from({ length: 6 }, async (_, writer) => {
      for (let i = 0; !isOver; i++) {
        const key = `w${writer}/${i}`;
        try {
          await engine.write(plan(put(key, key), put(`${key}/twin`, key)));
          outcomes.set(key, "kept");
        } catch (error) {
          const { committed } = error as { readonly committed: "no" | "unknown" };
          outcomes.set(key, committed === "no" ? "not" : "unknown");
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    });

    await expect.poll(() => outcomes.size, { timeout: 10_000 }).toBeGreaterThan(100);
    await server.restart();
    const atRestart = outcomes.size;
    await expect.poll(() => outcomes.size, { timeout: 10_000 }).toBeGreaterThan(atRestart + 100);
    isOver = true;
    await Promise.all(writers);

    const wrong: string[] = [];
    for (const [key, outcome] of outcomes) {
      const [value, twin] = [await valueOf(engine, key), await valueOf(engine, `${key}/twin`)];
      if (value !== twin) wrong.push(`${key} is there in half`);
      if (outcome === "kept" && value === undefined) wrong.push(`${key} is lost`);
      if (outcome === "not" && value !== undefined) wrong.push(`${key} was refused and is there`);
    }
    expect(wrong).toEqual([]);
    expect([...outcomes.values()].filter((outcome) => outcome === "kept").length).toBeGreaterThan(
      200,
    );
  });
});
