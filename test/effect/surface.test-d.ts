/** Both doors are complete: what one has the other has, and the Effects fail with exactly what they say. */
import { Effect } from "effect";
import type { Scope, Stream } from "effect";
import { collection, open } from "kotobadb";
import type {
  Closed,
  CollectionNotEmpty,
  Conflict,
  CorruptionError,
  DanglingReference,
  DiskFull,
  DocOf,
  DocumentChange,
  EvolutionFailed,
  FullScan,
  ImportFailed,
  IndexNotReady,
  InvalidCursor,
  InvalidQuery,
  LiveResult,
  NotFound,
  NotUnique,
  ReferenceViolation,
  SchemaMismatch,
  SortTooLarge,
  StorageError,
  TransactionTimeout,
  UniqueViolation,
  ValidationError,
} from "kotobadb";
import { open as openEffect } from "kotobadb/effect";
import { expectTypeOf, test } from "vitest";
import { z } from "zod";

const Users = collection("users", z.object({ name: z.string(), n: z.number() }), {
  indexes: { byName: ["name", "n"] },
});
const collections = { users: Users };
const openBoth = {
  promise: () => open(":memory:", { collections }),
  effect: () => openEffect(":memory:", { collections }),
};
type PromiseDb = Awaited<ReturnType<typeof openBoth.promise>>;
type EffectDb = Effect.Success<ReturnType<typeof openBoth.effect>>;

type Engine = StorageError | CorruptionError | DiskFull | Closed;
type Read =
  | Engine
  | SchemaMismatch
  | EvolutionFailed
  | InvalidQuery
  | FullScan
  | SortTooLarge
  | DanglingReference
  | IndexNotReady;
type Write =
  | Engine
  | SchemaMismatch
  | EvolutionFailed
  | ValidationError
  | UniqueViolation
  | ReferenceViolation
  | IndexNotReady
  | Conflict;
type ErrorOf<M extends (...args: never[]) => unknown> =
  ReturnType<M> extends Effect.Effect<unknown, infer E, unknown> ? E : "no effect";
type NeedsOf<M extends (...args: never[]) => unknown> =
  ReturnType<M> extends Effect.Effect<unknown, unknown, infer R> ? R : "no effect";

test("the doors have the same members, but that a Scope closes one of them", () => {
  expectTypeOf<Exclude<keyof PromiseDb, keyof EffectDb>>().toEqualTypeOf<
    "close" | typeof Symbol.asyncDispose
  >();
  expectTypeOf<Exclude<keyof EffectDb, keyof PromiseDb>>().toEqualTypeOf<"promise">();
  expectTypeOf<keyof EffectDb["users"]>().toEqualTypeOf<keyof PromiseDb["users"]>();
  type Query<D extends { users: { where(filter: never): unknown } }> = keyof ReturnType<
    D["users"]["where"]
  >;
  expectTypeOf<Query<EffectDb>>().toEqualTypeOf<Query<PromiseDb>>();
  expectTypeOf<keyof ReturnType<EffectDb["snapshot"]>>().toEqualTypeOf<
    keyof ReturnType<PromiseDb["snapshot"]>
  >();
  type Tx<D extends { transaction(body: never): unknown }> = D extends {
    transaction(body: (tx: infer T) => never): unknown;
  }
    ? keyof T
    : never;
  expectTypeOf<Tx<EffectDb>>().toEqualTypeOf<Tx<PromiseDb>>();
});

test("each end of a query fails with what reading may meet, and no more", () => {
  type Query = ReturnType<EffectDb["users"]["where"]>;
  expectTypeOf<ErrorOf<Query["all"]>>().toEqualTypeOf<Read>();
  expectTypeOf<ErrorOf<Query["first"]>>().toEqualTypeOf<Read>();
  expectTypeOf<ErrorOf<Query["one"]>>().toEqualTypeOf<Read | NotFound | NotUnique>();
  expectTypeOf<ErrorOf<Query["exists"]>>().toEqualTypeOf<Read>();
  expectTypeOf<ErrorOf<Query["count"]>>().toEqualTypeOf<Read>();
  expectTypeOf<ErrorOf<Query["aggregate"]>>().toEqualTypeOf<Read>();
  expectTypeOf<ErrorOf<ReturnType<Query["groupBy"]>["aggregate"]>>().toEqualTypeOf<Read>();
  expectTypeOf<ErrorOf<Query["page"]>>().toEqualTypeOf<Read | InvalidCursor>();
  expectTypeOf<ErrorOf<Query["explain"]>>().toEqualTypeOf<Read>();
  expectTypeOf<ErrorOf<Query["update"]>>().toEqualTypeOf<Read | Write>();
  expectTypeOf<ErrorOf<Query["delete"]>>().toEqualTypeOf<Read | Write>();
});

test("each method of a collection fails with what it may meet, and no more", () => {
  type Methods = EffectDb["users"];
  expectTypeOf<ErrorOf<Methods["get"]>>().toEqualTypeOf<Read>();
  expectTypeOf<ErrorOf<Methods["getOrThrow"]>>().toEqualTypeOf<Read | NotFound>();
  expectTypeOf<ErrorOf<Methods["getMany"]>>().toEqualTypeOf<Read>();
  expectTypeOf<ErrorOf<Methods["find"]>>().toEqualTypeOf<Read>();
  expectTypeOf<ErrorOf<Methods["insert"]>>().toEqualTypeOf<Write>();
  expectTypeOf<ErrorOf<Methods["insertMany"]>>().toEqualTypeOf<Write>();
  expectTypeOf<ErrorOf<Methods["update"]>>().toEqualTypeOf<Write | NotFound>();
  expectTypeOf<ErrorOf<Methods["replace"]>>().toEqualTypeOf<Write | NotFound>();
  expectTypeOf<ErrorOf<Methods["upsert"]>>().toEqualTypeOf<Write | IndexNotReady>();
  expectTypeOf<ErrorOf<Methods["delete"]>>().toEqualTypeOf<Write>();
  expectTypeOf<ErrorOf<Methods["import"]>>().toEqualTypeOf<Write | ImportFailed>();
  expectTypeOf<ErrorOf<Methods["load"]>>().toEqualTypeOf<Write | CollectionNotEmpty>();
  expectTypeOf<NeedsOf<Methods["insert"]>>().toEqualTypeOf<never>();
});

test("the database's own methods, and a transaction with the errors and needs of its body", () => {
  expectTypeOf<ErrorOf<EffectDb["ready"]>>().toEqualTypeOf<
    Read | UniqueViolation | ValidationError
  >();
  expectTypeOf<ErrorOf<EffectDb["expire"]>>().toEqualTypeOf<Read | Write>();
  expectTypeOf<ErrorOf<EffectDb["verify"]>>().toEqualTypeOf<Read>();
  expectTypeOf<ErrorOf<EffectDb["compact"]>>().toEqualTypeOf<Engine>();
  expectTypeOf<ErrorOf<EffectDb["checkpoint"]>>().toEqualTypeOf<Engine>();
  expectTypeOf<ErrorOf<EffectDb["stats"]>>().toEqualTypeOf<Engine>();
  const moved = (db: EffectDb) =>
    db.transaction((tx) =>
      Effect.flatMap(tx.users.count(), (n) =>
        n > 3 ? Effect.fail("full" as const) : Effect.succeed(n),
      ),
    );
  expectTypeOf<Effect.Success<ReturnType<typeof moved>>>().toEqualTypeOf<number>();
  expectTypeOf<ErrorOf<typeof moved>>().toEqualTypeOf<
    "full" | Read | UniqueViolation | Conflict | TransactionTimeout
  >();
  expectTypeOf<NeedsOf<typeof openBoth.effect>>().toEqualTypeOf<Scope.Scope>();
});

test("what goes on is a Stream: scans, exports, feeds and live queries", () => {
  type Methods = EffectDb["users"];
  type User = DocOf<typeof Users>;
  expectTypeOf<ReturnType<Methods["stream"]>>().toEqualTypeOf<Stream.Stream<User, Read>>();
  expectTypeOf<ReturnType<Methods["export"]>>().toEqualTypeOf<Stream.Stream<string, Read>>();
  expectTypeOf<ReturnType<Methods["changes"]>>().toEqualTypeOf<
    Stream.Stream<DocumentChange<typeof Users>, Read>
  >();
  const live = (users: Methods) => users.where({ n: 1 }).live();
  expectTypeOf(live).returns.toEqualTypeOf<Stream.Stream<LiveResult<User>, Read>>();
});
