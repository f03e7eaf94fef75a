/** What one program remembers of what is stored, while another one writes. */
import { collection, open } from "kotobadb";
import type { Db } from "kotobadb";
import { postgres } from "kotobadb/postgres";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { freshTable, sharedServer, skipReason } from "../../support/postgres/shared-server.ts";

const optional = z.number().optional();
const collections = {
  things: collection(
    "things",
    z.object({ a: optional, b: optional, c: optional, in: z.object({ x: optional, y: optional }) }),
  ),
};
type Things = Db<typeof collections>;

function openOn(table: string): Promise<Things> {
  const engine = postgres({ url: sharedServer().url, table, changeLog: true });
  return open({ engine }, { collections });
}

const fields = fc.record(
  {
    a: fc.nat(9),
    b: fc.nat(9),
    c: fc.nat(9),
    in: fc.record({ x: fc.nat(9), y: fc.nat(9) }, { requiredKeys: [], noNullPrototype: true }),
  },
  { requiredKeys: ["in"], noNullPrototype: true },
);

describe.skipIf(skipReason !== undefined)("two programs and shapes of documents", () => {
  it("read them as they were written, and so does whoever comes later", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(1), fields), { minLength: 2, maxLength: 12 }),
        fc.boolean(),
        async (inserts, atOnce) => {
          const table = freshTable();
          await using one = await openOn(table);
          await using two = await openOn(table);
          const programs = [one, two];
          await Promise.all(programs.map((program) => program.ready()));
          const insert = ([at, input]: (typeof inserts)[number]) =>
            programs[at]!.things.insert(input);
          const stored: object[] = [];
          if (atOnce) stored.push(...(await Promise.all(inserts.map(insert))));
          else for (const each of inserts) stored.push(await insert(each));

          await using later = await openOn(table);

          for (const program of [...programs, later]) {
            const found = await program.things.all();
            expect(found.length).toBe(stored.length);
            expect(found).toEqual(expect.arrayContaining(stored));
          }
        },
      ),
      { numRuns: 10 },
    );
  });

  it("hear of them by their feeds", async () => {
    const table = freshTable();
    await using one = await openOn(table);
    await using two = await openOn(table);
    let since: string | undefined;
    await one.transaction(async (tx) => {
      await tx.things.insert({ in: {} });
      tx.onCommit((version) => (since = version));
    });

    const stored = await two.things.insert({ a: 1, in: { y: 2 } });

    for await (const change of one.things.changes({ since })) {
      expect(change).toMatchObject({ type: "insert", after: stored });
      break;
    }
  });
});

describe.skipIf(skipReason !== undefined)("a load beside another program", () => {
  const things = (count: number) => Array.from({ length: count }, (_, a) => ({ a, in: {} }));

  it("is whole, though the other one opens the collection meanwhile", async () => {
    const table = freshTable();
    await using one = await openOn(table);
    async function* source() {
      yield* things(1_200);
      await using two = await openOn(table);
      expect(await two.things.count()).toBe(0);
      yield* things(1_200);
    }

    expect(await one.things.load(source())).toEqual({ loaded: 2_400 });

    expect(await one.things.count()).toBe(2_400);
    expect(await one.verify()).toEqual({ ok: true, problems: [] });
  });

  it("that fails takes nothing away that the other one has inserted", async () => {
    const table = freshTable();
    await using one = await openOn(table);
    await using two = await openOn(table);
    async function* source() {
      yield* things(1_200);
      await two.things.insert({ a: 77, in: {} });
      throw new Error("the source is gone");
    }

    await expect(one.things.load(source())).rejects.toThrow("the source is gone");

    expect(await two.things.all()).toMatchObject([{ a: 77 }]);
  });

  it("is refused where the other one has inserted meanwhile, and told in its feed where not", async () => {
    const table = freshTable();
    await using one = await openOn(table);
    await using two = await openOn(table);
    async function* late() {
      yield* things(2);
      await two.things.insert({ a: 77, in: {} });
    }
    const refused = await one.things.load(late()).catch((error: unknown) => error);
    let since: string | undefined;
    await two.transaction(async (tx) => {
      await tx.things.where({}).delete();
      tx.onCommit((version) => (since = version));
    });

    await one.things.load(things(3));

    expect(refused).toMatchObject({ _tag: "CollectionNotEmpty" });
    const told: unknown[] = [];
    for await (const { after, type } of two.things.changes({ since })) {
      told.push([type, after?.a]);
      if (told.length === 3) break;
    }
    expect(told).toEqual(expect.arrayContaining([0, 1, 2].map((a) => ["insert", a])));
  });

  it("is refused where it is more than a transaction takes, and reads no more of its source", async () => {
    await using db = await openOn(freshTable());
    const long = "x".repeat(1 << 20);
    const Texts = db.collection("texts", z.object({ text: z.string() }));
    let read = 0;
    function* source() {
      for (; read < 1_000; read++) yield { text: long };
    }

    await expect(Texts.load(source())).rejects.toMatchObject({ code: "TransactionTooLarge" });

    expect(read).toBeLessThan(70);
    expect(await Texts.count()).toBe(0);
  });
});

const shape = z.object({ n: z.number(), email: z.string() });
const Before = collection("rows", shape);
const After = collection("rows", shape, {
  indexes: {
    byN: ["n"],
    all: { count: true },
    byEmail: { on: ["email"], unique: true },
  },
});

describe.skipIf(skipReason !== undefined)("a new index", () => {
  it("is built by two programs that begin with it at once, and both write meanwhile", async () => {
    const table = freshTable();
    const at = () => ({ engine: postgres({ url: sharedServer().url, table }) });
    const COUNT = 3_000;
    {
      await using old = await open(at(), { collections: { rows: Before } });
      const row = (_: unknown, n: number) => ({ n, email: `${n}@x.org` });
      await old.rows.insertMany(Array.from({ length: COUNT }, row));
    }
    await using one = await open(at(), { collections: { rows: After } });
    await using two = await open(at(), { collections: { rows: After } });
    const work = async ({ rows }: typeof one, from: number): Promise<void> => {
      for (let n = from; n < from + 40; n++) {
        await rows.insert({ n, email: `${n}@x.org` });
        const [found] = await rows
          .orderBy("id", n % 2 === 0 ? "asc" : "desc")
          .limit(1)
          .all();
        await rows.update(found!.id, { n: -n });
      }
    };

    await Promise.all([work(one, 10_000), work(two, 20_000), one.ready(), two.ready()]);

    for (const program of [one, two]) {
      expect(await program.verify()).toEqual({ ok: true, problems: [] });
      expect(await program.rows.count()).toBe(COUNT + 80);
      expect(await program.rows.index("byN").count()).toBe(COUNT + 80);
    }
  });
});
