/** Spans: under one of the program's own there is one for each operation; without, nothing is traced. */
import { Effect, Tracer } from "effect";
import { collection } from "kotobadb";
import { open } from "kotobadb/effect";
import { expect, test } from "vitest";
import { z } from "zod";

const Users = collection("users", z.object({ name: z.string() }), {
  indexes: { byName: { on: ["name"], unique: true } },
});

/** The program's spans, `parent > name` in the order of their beginnings. */
async function spansOf(
  program: Effect.Effect<unknown, unknown>,
): Promise<{ readonly name: string; readonly span: Tracer.Span }[]> {
  const begun: { readonly name: string; readonly span: Tracer.Span }[] = [];
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options);
      const parent = span.parent._tag === "Some" ? span.parent.value : undefined;
      const above = parent?._tag === "Span" ? `${parent.name} > ` : "";
      begun.push({ name: `${above}${span.name}`, span });
      return span;
    },
  });
  await Effect.runPromise(Effect.exit(program).pipe(Effect.withTracer(tracer)));
  return begun;
}

const work = Effect.gen(function* () {
  const db = yield* open(":memory:", { collections: { users: Users }, fullScan: "allow" });
  const { id } = yield* db.users.insert({ name: "Ada" });
  yield* db.users.where({ name: "Ada" }).count();
  yield* db.transaction((tx) => tx.users.update(id, { name: "Ada L." }));
  yield* db.verify();
  yield* Effect.flip(db.users.insert({ name: "Ada L." }));
}).pipe(Effect.scoped);

test("an operation is a span of its own under the program's, with what it did and to which collection", async () => {
  const spans = await spansOf(Effect.withSpan(work, "request"));
  expect(spans.map(({ name }) => name)).toEqual([
    "request",
    "request > kotobadb.insert users",
    "request > kotobadb.count users",
    "request > kotobadb.transaction",
    "kotobadb.transaction > kotobadb.update users",
    "request > kotobadb.verify",
    "request > kotobadb.insert users",
  ]);
  expect(Object.fromEntries(spans[1]!.span.attributes)).toEqual({
    "db.system.name": "kotobadb",
    "db.operation.name": "insert",
    "db.collection.name": "users",
  });
  const ends = spans.map(({ span }) =>
    span.status._tag === "Ended" ? span.status.exit._tag : "under way",
  );
  expect(ends).toEqual([...ends.slice(0, -1).map(() => "Success"), "Failure"]);
});

test("without a span of the program's there is none of ours", async () => {
  expect(await spansOf(work)).toEqual([]);
});
