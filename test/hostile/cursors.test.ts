/** Page cursors that are damaged, forged or of another query: refused, or a place inside of the caller's own query. */
import { expect } from "vitest";
import { z } from "zod";
import { InvalidCursor, InvalidQuery } from "../../src/index.ts";
import { onEachEngine, refusal, shown } from "./loose.ts";
import type { LooseCollection, LooseDb, LooseQuery } from "./loose.ts";

async function things(db: LooseDb): Promise<LooseCollection> {
  const schema = z.object({ n: z.number(), owner: z.string() });
  const made = db.collection("things", schema, {
    indexes: { byN: ["n"], byOwner: ["owner", "n"] },
  });
  const rows = Array.from({ length: 30 }, (_, n) => ({
    id: `t${n}`,
    n,
    owner: n % 2 ? "ada" : "bob",
  }));
  await made.insertMany(rows);
  return made;
}

const QUERIES: Readonly<Record<string, (all: LooseCollection) => LooseQuery>> = {
  "of all": (all) => all,
  "of one owner": (all) => all.where({ owner: "ada" }),
  "of the other owner": (all) => all.where({ owner: "bob" }),
  "in order": (all) => all.orderBy("n"),
  "in the other order": (all) => all.orderBy("n", "desc"),
  "in two orders": (all) => all.orderBy("owner").orderBy("n"),
  "of an index": (all) => all.index("byN"),
  "of alternatives": (all) => all.where({ OR: [{ n: 3 }, { owner: "ada" }] }),
};

onEachEngine("a cursor of one query is refused by every other", async (engine) => {
  const all = await things(await engine.open());
  for (const [from, query] of Object.entries(QUERIES)) {
    const { next } = await query(all).page({ size: 3 });
    expect(next, from).not.toBeNull();
    for (const [to, other] of Object.entries(QUERIES)) {
      if (to === from) continue;
      for (const page of [
        { size: 3, after: next },
        { size: 3, before: next },
      ])
        expect(await refusal(() => other(all).page(page)), `${from} → ${to}`).toBeInstanceOf(
          InvalidCursor,
        );
    }
  }
});

onEachEngine("a damaged or forged cursor is refused", async (engine) => {
  const all = await things(await engine.open());
  for (const [name, query] of Object.entries(QUERIES)) {
    const { next } = await query(all).page({ size: 3 });
    const forged: unknown[] = [
      "",
      " ",
      "x",
      "AAAA",
      `${next!}=`,
      `${next!}A`,
      ` ${next!}`,
      next!.slice(1),
      next!.slice(0, -1),
    ];
    for (let i = 0; i < next!.length; i++) {
      const letter = next![i] === "A" ? "B" : "A";
      forged.push(next!.slice(0, i) + letter + next!.slice(i + 1));
    }
    forged.push("A".repeat(1_000_000), "\ud800", "\u0000", "../..", "__proto__", '{"after":1}');
    for (const after of forged)
      expect(
        await refusal(() => query(all).page({ size: 3, after })),
        `${name}: ${shown(after)}`,
      ).toBeInstanceOf(InvalidCursor);
    for (const after of [
      5,
      {},
      [next],
      true,
      1n,
      Symbol("x"),
      { toString: () => next },
      new String(next),
    ])
      expect(await refusal(() => query(all).page({ size: 3, after })), name).toBeDefined();
  }
});

onEachEngine("a page of an impossible size is refused", async (engine) => {
  const all = await things(await engine.open());
  for (const size of [
    0,
    -1,
    1.5,
    Number.NaN,
    Infinity,
    -Infinity,
    "5",
    null,
    undefined,
    {},
    2n,
    [3],
  ])
    expect(await refusal(() => all.page({ size })), shown(size)).toBeInstanceOf(InvalidQuery);
  for (const options of [null, undefined, 5, "x", []])
    expect(await refusal(() => all.page(options)), shown(options)).toBeInstanceOf(InvalidQuery);
  expect((await all.page({ size: Number.MAX_SAFE_INTEGER })).items).toHaveLength(30);
});
