/** Callers without types who hand wrong things to a query hear InvalidQuery, never a TypeError; undefined is left out. */
import { expect, test } from "vitest";
import { z } from "zod";
import { InvalidQuery, open } from "../../src/index.ts";

const schema = z.object({ n: z.number() });
const bare: unknown = Object.create(null);
const wrong: readonly unknown[] = [undefined, null, 5, "x", Symbol("x"), bare, [bare], () => 1];

async function withNotes<A>(run: (notes: Loose) => Promise<A>): Promise<A> {
  await using db = await open(":memory:");
  const notes = db.collection("notes", schema);
  for (const n of [1, 2, 3]) await notes.insert({ n });
  return await run(notes as unknown as Loose);
}

/** A collection, or a query, as a caller without types sees it. */
type Loose = Readonly<Record<string, (...given: readonly unknown[]) => Loose & Promise<unknown>>>;

function refused(answer: Promise<unknown>): Promise<void> {
  return expect(answer).rejects.toBeInstanceOf(InvalidQuery);
}

test("page() without options, or with wrong ones, is an InvalidQuery", async () => {
  await withNotes(async (notes) => {
    const query = notes["orderBy"]!("n");
    await refused(query["page"]!());
    for (const options of wrong) await refused(query["page"]!(options));
    for (const size of [...wrong, 0, -1, 1.5, 2 ** 60])
      if (size !== 5) await refused(query["page"]!({ size }));
    for (const cursor of [5, {}, [], true, Symbol("x"), bare]) {
      await refused(query["page"]!({ size: 1, after: cursor }));
      await refused(query["page"]!({ size: 1, before: cursor }));
    }
    await refused(query["page"]!({ size: 1, after: "a", before: "b" }));
  });
});

test("page() with undefined or null cursors is the first page", async () => {
  await withNotes(async (notes) => {
    for (const none of [undefined, null]) {
      const page = await notes["orderBy"]!("n")["page"]!({ size: 2, after: none, before: none });
      expect(
        (page as { readonly items: readonly { n: number }[] }).items.map(({ n }) => n),
      ).toEqual([1, 2]);
    }
  });
});

test("explain() with wrong options is an InvalidQuery", async () => {
  await withNotes(async (notes) => {
    const query = notes["where"]!({ n: 1 });
    for (const options of [null, 5, "x", Symbol("x"), { analyze: 1 }])
      await refused(query["explain"]!(options));
    await expect(query["explain"]!({ analyze: undefined })).resolves.toMatchObject({
      kind: "scan",
    });
  });
});

test("select, orderBy and limit with wrong arguments are InvalidQuery", async () => {
  await withNotes(async (notes) => {
    const query = notes["where"]!({});
    for (const value of wrong) {
      await refused(query["select"]!(value)["all"]!());
      await refused(query["orderBy"]!(value)["all"]!());
      if (value !== undefined) await refused(query["orderBy"]!("n", value)["all"]!());
      if (value !== 5) await refused(query["limit"]!(value)["all"]!());
    }
    await refused(notes["index"]!(bare)["all"]!());
  });
});

test("an async condition is refused even if its promise fails, and by every end", async () => {
  await withNotes(async (notes) => {
    const failing = async (): Promise<boolean> => await Promise.reject(new Error("nobody's"));
    const query = notes["filter"]!(failing);
    for (const end of ["all", "first", "one", "exists", "count"]) await refused(query[end]!());
    await refused(query["page"]!({ size: 1 }));
    // oxlint-disable-next-line unicorn/no-thenable -- promises of libraries are such objects
    await refused(notes["filter"]!(() => ({ then: () => undefined }))["all"]!());
  });
});
