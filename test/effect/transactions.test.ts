/** Bodies of transactions that are Effects: what slips past them is told, and what runs beside them is let be. */
import { Cause, Effect, Exit, Fiber } from "effect";
import { collection, TransactionTimeout } from "kotobadb";
import { open } from "kotobadb/effect";
import type { EffectDb } from "kotobadb/effect";
import type { StorageEngine } from "kotobadb/engine";
import { expect, test } from "vitest";
import { z } from "zod";
import { promisedEngine } from "../query/promised-engine.ts";
import { engineHere, isElsewhere } from "../support/elsewhere.ts";

const collections = { notes: collection("notes", z.object({ text: z.string() })) };
type Notebook = EffectDb<typeof collections>;
const note = { text: "a" };

function withDb<A, E>(
  work: (db: Notebook) => Effect.Effect<A, E>,
  engine: StorageEngine = engineHere(),
): Promise<A> {
  const program = Effect.flatMap(open({ engine }, { collections }), (db) => work(db));
  return Effect.runPromise(Effect.scoped(program));
}
function defectOf(exit: Exit.Exit<unknown, unknown>): unknown {
  return Exit.isFailure(exit) && Cause.hasDies(exit.cause) ? Cause.squash(exit.cause) : undefined;
}

test("a fiber that the body forked and did not wait for is told as work not awaited", () =>
  withDb(
    (db) =>
      Effect.gen(function* () {
        yield* db.notes.count();
        const body = db.transaction((tx) =>
          Effect.gen(function* () {
            yield* tx.notes.insert(note);
            yield* Effect.forkDetach(tx.notes.where({}).delete(), { startImmediately: true });
          }),
        );
        expect(defectOf(yield* Effect.exit(body))).toMatchObject({ _tag: "UnawaitedWork" });
        expect(yield* db.notes.count()).toBe(0);
      }),
    isElsewhere() ? engineHere() : promisedEngine(engineHere()),
  ));

test("a fiber that comes too late finds the transaction closed", () =>
  withDb((db) =>
    Effect.gen(function* () {
      const late = yield* db.transaction((tx) =>
        Effect.gen(function* () {
          yield* tx.notes.insert(note);
          const write = Effect.andThen(Effect.sleep("5 millis"), tx.notes.insert(note));
          return yield* Effect.forkDetach(write, { startImmediately: true });
        }),
      );
      const exit = yield* Fiber.await(late);
      expect(defectOf(exit)).toMatchObject({ _tag: "TransactionClosed" });
      expect(yield* db.notes.count()).toBe(1);
    }),
  ));

test("a write through the database inside of a body is refused, at once and later", () =>
  withDb((db) =>
    Effect.gen(function* () {
      for (const wait of [Effect.void, Effect.yieldNow, Effect.sleep("1 millis")]) {
        const body = db.transaction(() => Effect.andThen(wait, db.notes.insert(note)));
        expect(defectOf(yield* Effect.exit(body))).toMatchObject({ _tag: "NestedTransaction" });
      }
      expect(yield* db.notes.count()).toBe(0);
    }),
  ));

test("fibers beside a body are not inside of it", () =>
  withDb((db) =>
    Effect.gen(function* () {
      const inside = db.transaction((tx) =>
        Effect.gen(function* () {
          for (let i = 0; i < 30; i++) {
            yield* Effect.yieldNow;
            if (i % 10 === 0) yield* Effect.sleep("1 millis");
            yield* tx.notes.get("x" as never);
          }
          return yield* tx.notes.insert(note);
        }),
      );
      const beside = Effect.gen(function* () {
        for (let i = 0; i < 30; i++) {
          yield* Effect.yieldNow;
          if (i % 7 === 0) yield* Effect.sleep("1 millis");
          yield* db.notes.insert(note);
        }
      });
      yield* Effect.all([inside, beside, inside, beside], { concurrency: "unbounded" });
      expect(yield* db.notes.count()).toBe(62);
    }),
  ));

test("a body that overstays its time is a failure of its type, and its fiber is interrupted", () =>
  withDb((db) =>
    Effect.gen(function* () {
      let interrupted = 0;
      const body = db.transaction(
        (tx) =>
          Effect.andThen(tx.notes.insert(note), Effect.never).pipe(
            Effect.onInterrupt(() => Effect.sync(() => interrupted++)),
          ),
        { timeoutMillis: 20 },
      );
      const error = yield* Effect.flip(body);
      expect(error).toBeInstanceOf(TransactionTimeout);
      yield* Effect.sleep("5 millis");
      expect(interrupted).toBe(1);
      expect(yield* db.notes.count()).toBe(0);
    }),
  ));

// Far away a snapshot is named by its first read.
test.skipIf(isElsewhere())(
  "hooks run once with the version of the commit, and a snapshot names its state",
  () =>
    withDb((db) =>
      Effect.gen(function* () {
        const versions: unknown[] = [];
        yield* db.transaction((tx) =>
          Effect.gen(function* () {
            yield* tx.notes.insert(note);
            tx.onCommit((version) => versions.push(version));
          }),
        );
        const snapshot = db.snapshot();
        expect(versions).toEqual([snapshot.version]);
        yield* db.notes.insert(note);
        expect(yield* snapshot.notes.count()).toBe(1);
        snapshot.close();
      }),
    ),
);
