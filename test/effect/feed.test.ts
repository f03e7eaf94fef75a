/** The feed and live queries as Streams. */
import { Effect, Exit, Fiber, Stream } from "effect";
import { collection } from "kotobadb";
import type { DocOf, DocumentChange, LiveResult, ReadError, StorageError } from "kotobadb";
import { open } from "kotobadb/effect";
import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";

const Notes = collection("notes", z.object({ n: z.number() }), { indexes: { byN: ["n"] } });
const collections = { notes: Notes };
const settled = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)));

test("changes() is a Stream that goes on behind a version", () =>
  Effect.gen(function* () {
    const { notes } = yield* open(":memory:", { collections, changeLog: true });
    const feed = notes.changes();
    expectTypeOf(feed).toEqualTypeOf<Stream.Stream<DocumentChange<typeof Notes>, ReadError>>();
    const two = yield* Effect.forkChild(Stream.runCollect(Stream.take(feed, 2)));
    yield* settled;
    const { id } = yield* notes.insert({ n: 1 });
    yield* notes.delete(id);
    const [first, second] = yield* Fiber.join(two);
    expect([first!.type, first!.after?.n, second!.type, second!.id]).toEqual([
      "insert",
      1,
      "delete",
      id,
    ]);
    const rest = notes.changes({ since: first!.version }).pipe(Stream.take(1), Stream.runCollect);
    expect(yield* rest).toEqual([second]);
  }).pipe(Effect.scoped, Effect.runPromise));

test("without a change log the Stream fails with the typed error", () =>
  Effect.gen(function* () {
    const { notes } = yield* open(":memory:", { collections });
    const code = yield* Stream.runDrain(notes.changes()).pipe(
      Effect.as("none"),
      Effect.catchTag("StorageError", (error: StorageError) => Effect.succeed(error.code)),
    );
    expect(code).toBe("NotSupported");
  }).pipe(Effect.scoped, Effect.runPromise));

test("a live query is a Stream of results, ended by interruption and by the database", () =>
  Effect.gen(function* () {
    const sizes: number[] = [];
    const fiber = yield* Effect.scoped(
      Effect.gen(function* () {
        const { notes } = yield* open(":memory:", { collections });
        const live = notes.where({ n: { gte: 0 } }).live();
        expectTypeOf(live).toEqualTypeOf<
          Stream.Stream<LiveResult<DocOf<typeof Notes>>, ReadError>
        >();
        const follow = Stream.runForEach(live, ({ rows }) =>
          Effect.sync(() => void sizes.push(rows.length)),
        );
        const interrupted = yield* Effect.forkDetach(follow);
        const closed = yield* Effect.forkDetach(Effect.result(follow));
        yield* settled;
        yield* Fiber.interrupt(interrupted);
        yield* notes.insert({ n: 1 });
        yield* settled;
        return closed;
      }),
    );
    const result = yield* Fiber.join(fiber);
    expect(result).toMatchObject({ _tag: "Failure", failure: { _tag: "Closed" } });
    expect(sizes).toEqual([0, 0, 1]);
  }).pipe(Effect.runPromise));

test("a wrong query fails the Stream", () =>
  Effect.gen(function* () {
    const { notes } = yield* open(":memory:", { collections });
    const exit = yield* Effect.exit(Stream.runDrain(notes.where({ m: 1 } as never).live()));
    expect(Exit.isFailure(exit)).toBe(true);
    expect(JSON.stringify(exit)).toContain("InvalidQuery");
  }).pipe(Effect.scoped, Effect.runPromise));
