import { Cause, Effect, Exit, Fiber, Layer, ManagedRuntime, Stream } from "effect";
import { collection, UniqueViolation } from "kotobadb";
import type {
  Conflict,
  EngineFailure,
  EvolutionFailed,
  ImportFailed,
  IndexNotReady,
  NotFound,
  ReferenceViolation,
  SchemaMismatch,
  ValidationError,
} from "kotobadb";
import { open, Service } from "kotobadb/effect";
import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { temporaryFolder } from "../support/temporary-folder.ts";

const Users = collection(
  "users",
  z.object({ email: z.email(), name: z.string().min(1), logins: z.number().default(0) }),
  { indexes: { byEmail: { on: ["email"], unique: true }, byName: ["name"] } },
);
class AppDb extends Service<AppDb>()("test/AppDb", { users: Users }) {}
const ada = { email: "ada@x.org", name: "Ada" };

/** Runs a program on a fresh database in memory. */
function run<A, E>(program: Effect.Effect<A, E, AppDb>): Promise<A> {
  return Effect.runPromise(Effect.provide(program, AppDb.layerMemory, { local: true }));
}

test("operations are effects with their errors in the type", () =>
  run(
    Effect.gen(function* () {
      const { users } = yield* AppDb;
      const stored = yield* users.insert(ada);
      const insert = users.insert(ada);
      expectTypeOf<Effect.Error<typeof insert>>().toEqualTypeOf<
        | EngineFailure
        | SchemaMismatch
        | EvolutionFailed
        | ValidationError
        | UniqueViolation
        | ReferenceViolation
        | IndexNotReady
        | Conflict
      >();
      const index = yield* insert.pipe(
        Effect.as("none"),
        Effect.catchTag("UniqueViolation", (error) => Effect.succeed(error.index)),
      );
      expect(index).toBe("byEmail");
      const get = users.getOrThrow(stored.id);
      expectTypeOf<Extract<Effect.Error<typeof get>, NotFound>>().toEqualTypeOf<NotFound>();
      expect(yield* get).toEqual(stored);
      expect(yield* users.where({ name: "Ada" }).count()).toBe(1);
      expect(yield* users.groupBy("name").aggregate({ n: { count: true } })).toContainEqual({
        name: "Ada",
        n: 1,
      });
      expect(yield* users.where({ name: "Nobody" }).delete()).toBe(0);
    }),
  ));

test("a stream gives rows in order, and can be left early", () =>
  run(
    Effect.gen(function* () {
      const { users } = yield* AppDb;
      const many = Array.from({ length: 600 }, (_, n) => ({
        email: `u${n}@x.org`,
        name: `n${String(n).padStart(4, "0")}`,
      }));
      yield* users.insertMany(many);
      expect(yield* Stream.runCount(users.stream())).toBe(600);
      const names = yield* users
        .orderBy("name")
        .stream()
        .pipe(
          Stream.map((user) => user.name),
          Stream.take(3),
          Stream.runCollect,
        );
      expect([...names]).toEqual(["n0000", "n0001", "n0002"]);
    }),
  ));

test("transactions run again after a conflict, and leave nothing when they fail or are interrupted", () =>
  run(
    Effect.gen(function* () {
      const db = yield* AppDb;
      const { id } = yield* db.users.insert(ada);
      const raise = db.transaction((tx) =>
        Effect.gen(function* () {
          const { logins } = yield* tx.users.getOrThrow(id);
          yield* Effect.sleep("1 millis");
          yield* tx.users.update(id, { logins: logins + 1 });
          return tx.attempt;
        }),
      );
      const attempts = yield* Effect.all([raise, raise, raise, raise], {
        concurrency: "unbounded",
      });
      expect(Math.max(...attempts)).toBeGreaterThan(1);
      expect((yield* db.users.getOrThrow(id)).logins).toBe(4);

      const spoil = (end: Effect.Effect<never, "no">) =>
        db.transaction((tx) => Effect.andThen(tx.users.update(id, { logins: 99 }), end));
      const failed = yield* Effect.flip(spoil(Effect.fail("no" as const)));
      expect(failed).toBe("no");
      const fiber = yield* Effect.forkChild(spoil(Effect.never), { startImmediately: true });
      yield* Effect.sleep("5 millis");
      yield* Fiber.interrupt(fiber);
      expect((yield* db.users.getOrThrow(id)).logins).toBe(4);
    }),
  ));

test("a mistake in the program is a defect, not a typed failure", () =>
  run(
    Effect.gen(function* () {
      const db = yield* AppDb;
      const nested = db.transaction(() => db.transaction((tx) => tx.users.count()));
      const exit = yield* Effect.exit(nested);
      expect(Exit.isFailure(exit) && Cause.hasDies(exit.cause)).toBe(true);
      expect(Exit.isFailure(exit) && Cause.squash(exit.cause)).toMatchObject({
        _tag: "NestedTransaction",
      });
    }),
  ));

test("the scope closes the database; later use fails with Closed", async () => {
  await using folder = await temporaryFolder();
  const runtime = ManagedRuntime.make(AppDb.layer(folder.path));
  const db = await runtime.runPromise(AppDb);
  await Effect.runPromise(db.users.insert(ada));
  await runtime.dispose();
  const error = await Effect.runPromise(Effect.flip(db.users.count()));
  expect(error).toMatchObject({ _tag: "Closed" });
  const again = Effect.gen(function* () {
    const reopened = yield* open(folder.path, { collections: { users: Users } });
    return yield* reopened.users.find({ email: "ada@x.org" });
  });
  expect(await Effect.runPromise(Effect.scoped(again))).toMatchObject(ada);
});

test("a second opener fails with DatabaseLocked in the error type", async () => {
  await using folder = await temporaryFolder();
  const program = Effect.gen(function* () {
    yield* open(folder.path);
    return yield* open(folder.path).pipe(
      Effect.as("open twice"),
      Effect.catchTag("DatabaseLocked", (error) => Effect.succeed(error.holder)),
    );
  });
  expect(await Effect.runPromise(Effect.scoped(program))).toContain(String(process.pid));
});

test("one database has both doors", () =>
  run(
    Effect.gen(function* () {
      const db = yield* AppDb;
      yield* Effect.promise(() => db.promise.users.insert(ada));
      const error = yield* Effect.flip(db.users.insert(ada));
      expect(error).toBeInstanceOf(UniqueViolation);
      expect(Layer.isLayer(AppDb.layerMemory)).toBe(true);
    }),
  ));

test("an export is a stream of text, an import an effect that may fail with ImportFailed", () =>
  run(
    Effect.gen(function* () {
      const { promise, users } = yield* AppDb;
      yield* users.insertMany([ada, { ...ada, email: "b@x.org" }]);
      const text = yield* Stream.mkString(users.export());
      expect(text.trimEnd().split("\n")).toHaveLength(2);
      const again = users.import(text);
      expectTypeOf<
        Extract<Effect.Error<typeof again>, ImportFailed>
      >().toEqualTypeOf<ImportFailed>();
      const bad = yield* again.pipe(
        Effect.as(0),
        Effect.catchTag("ImportFailed", (error) => Effect.succeed(error.badCount)),
      );
      expect(bad).toBe(2);
      expect(yield* users.import(text, { onExisting: "skip" })).toMatchObject({ skipped: 2 });
      const defect = yield* Effect.exit(users.import(5 as never));
      expect(Exit.isFailure(defect) && Cause.hasDies(defect.cause)).toBe(true);
      expect(yield* Effect.promise(() => promise.users.count())).toBe(2);
    }),
  ));

test("a load is an effect, which says where there are documents already", () =>
  run(
    Effect.gen(function* () {
      const { users } = yield* AppDb;
      expect(yield* users.load([ada, { ...ada, email: "b@x.org" }])).toEqual({ loaded: 2 });
      const again = yield* users.load([ada]).pipe(
        Effect.as(""),
        Effect.catchTag("CollectionNotEmpty", (error) => Effect.succeed(error.collection)),
      );
      expect(again).toBe("users");
      expect(yield* users.count()).toBe(2);
    }),
  ));
