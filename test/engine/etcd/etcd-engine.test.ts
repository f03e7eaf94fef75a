/** The engine on etcd keeps the contract, the whole suite of it; what it compares too little is seen; and a store stands on it. */
import { collection, open, ref } from "kotobadb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Bytes } from "../../../src/base/index.ts";
import type { CommitPlan, Requirement, WriteOp } from "../../../src/engine/contract/index.ts";
import {
  checkHistory,
  contractCases,
  recordHistory,
  runContract,
} from "../../../src/testing/index.ts";
import { allEntries } from "../../../src/testing/kit/index.ts";
import { describeEngine } from "../../contract/describe-engine.ts";
import { skipReason, startCluster } from "../../support/etcd/start-cluster.ts";
import type { TestCluster } from "../../support/etcd/start-cluster.ts";
import { EtcdEngine } from "./etcd-engine.ts";
import type { RangeChecks } from "./etcd-commit.ts";

let cluster: TestCluster;
let engines = 0;

function makeEngine(checks: Partial<RangeChecks> = {}): EtcdEngine {
  return new EtcdEngine({ urls: cluster.urls, name: `engine${++engines}`, checks });
}

const bytes = (text: string): Bytes => new TextEncoder().encode(text);
const put = (key: string, value: string): WriteOp => ({
  op: "put",
  key: bytes(key),
  value: bytes(value),
});
const planOf = (parts: Partial<CommitPlan>): CommitPlan => ({
  ops: [],
  requires: [],
  readKeys: [],
  readRanges: [],
  ...parts,
});

describe.skipIf(skipReason !== undefined)("on a cluster of its own", () => {
  beforeAll(async () => {
    cluster = await startCluster();
  }, 60_000);
  afterAll(() => cluster?.stop());

  describeEngine("the engine on etcd", async () => makeEngine());

  it("tells of several requirements the first that does not hold, and before any conflict", async () => {
    const engine = makeEngine();
    await engine.write(planOf({ ops: [put("read", "1"), put("token", "1"), put("other", "1")] }));
    const late = engine.begin();
    await late.get(bytes("read"));
    await engine.write(planOf({ ops: [put("read", "2")] }));
    const requires = ["free", "token", "other"].map((name): Requirement => ({
      is: "absent",
      key: bytes(name),
    }));

    const commit = late.commit(
      planOf({ readKeys: [bytes("read")], ops: [put("a", "1")], requires }),
    );

    await expect(commit).rejects.toMatchObject({ _tag: "RequirementFailed", key: bytes("token") });
  });

  it("takes a commit as large as it says", async () => {
    const engine = makeEngine();
    const { transactionBytes, valueBytes } = engine.limits;
    const rows = Math.floor(transactionBytes / (valueBytes + 10));
    const ops = Array.from({ length: rows }, (_, n): WriteOp => {
      return { op: "put", key: bytes(`row ${n}`), value: new Uint8Array(valueBytes).fill(n) };
    });

    await engine.write(planOf({ ops }));

    const view = engine.begin();
    const found = await allEntries(view, { start: bytes(""), end: undefined }, { expect: "all" });
    view.abort();
    const sizes = new Map(found.map(({ value }) => [value[0], value.length]));
    expect(sizes).toEqual(new Map(ops.map((_, n) => [n, valueBytes])));
  });

  describe("etcd, asked for less than the contract needs", () => {
    const planted = [
      {
        what: "rows of ranges",
        checks: { rows: false },
        caught: [
          "a row that goes from a range that was read is a conflict",
          "a range delete conflicts with who read a range that overlaps it",
        ],
      },
      {
        what: "gaps between rows",
        checks: { gaps: false },
        caught: [
          "reading an empty range counts: of two who insert where both found nothing, one loses",
          "of two transactions that count a range and add a row to it, one loses",
          "who read a range and deletes it loses against a row that came into it meanwhile",
          "a range that was read in part counts as far as it was read, both ways",
          "each of several keys and ranges that were read counts",
        ],
      },
    ];

    it.each(planted)(
      "is caught by the suite: no comparing of $what",
      async ({ caught, checks }) => {
        const cases = contractCases.filter(({ name }) => caught.includes(name));

        const { failed } = await runContract(async () => makeEngine(checks), { cases });

        expect(failed.map(({ name }) => name)).toEqual(caught);
      },
    );

    it("is caught by histories, too, where it is the gaps", async () => {
      const verdictOf = async (seed: number): Promise<boolean> =>
        checkHistory(await recordHistory(makeEngine({ gaps: false }), { seed, transactions: 150 }))
          .ok;

      let seed = 1;
      while (seed < 10 && (await verdictOf(seed))) seed++;

      expect(seed).toBeLessThan(10);
    });
  });

  describe("after etcd has compacted", () => {
    it("views of what is forgotten are too old, and a commit still knows what they read", async () => {
      const engine = makeEngine();
      await engine.write(planOf({ ops: [put("a", "1"), put("b", "1")] }));
      const snapshot = await engine.snapshot();
      const views = await Promise.all([1, 2].map(async () => engine.begin()));
      for (const view of views) await view.get(bytes("a"));
      const { version } = await engine.write(planOf({ ops: [put("c", "2")] }));
      await engine.write(planOf({ ops: [put("b", "2")] }));

      await cluster.compact(version!);

      const tooOld = { code: "TooOld", retryable: true, committed: "no" };
      await expect(snapshot.get(bytes("a"))).rejects.toMatchObject(tooOld);
      await expect(views[0]!.get(bytes("b"))).rejects.toMatchObject(tooOld);
      const readKeys = [bytes("a")];
      await views[0]!.commit(planOf({ readKeys, ops: [put("a", "2")] }));
      const late = Promise.resolve(views[1]!.commit(planOf({ readKeys, ops: [put("a", "3")] })));
      await expect(late).rejects.toMatchObject({ _tag: "Conflict" });
      const next = engine.changes(snapshot.version)[Symbol.asyncIterator]().next();
      await expect(next).rejects.toMatchObject({ code: "TooOld" });
      await engine.close();
    });
  });

  describe("the document store on etcd", () => {
    const collections = {
      users: collection("users", z.object({ email: z.string(), city: z.string() }), {
        indexes: { byEmail: { on: ["email"], unique: true }, byCity: ["city"] },
      }),
      posts: collection("posts", z.object({ authorId: ref("users"), title: z.string() }), {
        indexes: { byAuthor: ["authorId"] },
      }),
    };
    const relations = { users: { posts: { many: "posts", via: "authorId" } } } as const;

    it("keeps what is unique, finds by indexes, and includes what belongs to it", async () => {
      await using db = await open({ engine: makeEngine() }, { collections, relations });
      const users = await db.users.insertMany(
        Array.from({ length: 50 }, (_, n) => ({
          email: `u${n}@example.org`,
          city: `city ${n % 5}`,
        })),
      );
      await db.posts.insertMany(
        users.flatMap(({ id }) => [1, 2].map((n) => ({ authorId: id, title: `post ${n}` }))),
      );

      const again = await db.users
        .insert({ email: "u7@example.org", city: "elsewhere" })
        .catch((error: unknown) => error);
      const found = await db.users
        .where({ city: "city 3" })
        .orderBy("email", "desc")
        .include("posts")
        .limit(3)
        .all();

      expect(again).toMatchObject({ _tag: "UniqueViolation" });
      expect(found.map(({ email }) => email)).toEqual([8, 48, 43].map((n) => `u${n}@example.org`));
      for (const { posts } of found)
        expect(posts.map(({ title }) => title).toSorted()).toEqual(["post 1", "post 2"]);
      expect(await db.users.where({ city: "city 3" }).count()).toBe(10);
      expect(await db.verify()).toEqual({ ok: true, problems: [] });
    });

    it("tells one program of what the other changes, live and as a feed", async () => {
      const name = `engine${++engines}`;
      const engineOf = () => new EtcdEngine({ urls: cluster.urls, name });
      await using one = await open({ engine: engineOf() }, { collections });
      await using two = await open({ engine: engineOf() }, { collections });
      await one.users.insert({ email: "first@example.org", city: "Oslo" });
      const shown: number[] = [];
      let since: string | undefined;
      using _live = one.users.where({ city: "Oslo" }).live(({ rows, version }) => {
        shown.push(rows.length);
        since ??= version;
      });
      await expect.poll(() => shown.at(-1)).toBe(1);

      const ada = await two.users.insert({ email: "ada@example.org", city: "Oslo" });
      await expect.poll(() => shown.at(-1)).toBe(2);
      await two.users.update(ada.id, { email: "ada@example.net" });
      await one.users.delete(ada.id);
      await expect.poll(() => shown.at(-1)).toBe(1);

      const told: string[] = [];
      for await (const { type } of one.users.changes({ since: since! }))
        if (told.push(type) === 3) break;
      expect(told).toEqual(["insert", "update", "delete"]);
    });
  });
});
