/** Documents that expire, through the door of Effects. */
import { Cause, Effect, Exit } from "effect";
import { collection } from "kotobadb";
import type { ReadError, WriteError } from "kotobadb";
import { open } from "kotobadb/effect";
import { fixedHost } from "kotobadb/testing";
import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";

const Codes = collection("codes", z.object({ code: z.string(), until: z.date() }), {
  indexes: { due: { on: ["until"], expire: true } },
});

test("expire() is an effect that gives how many documents it deleted", () => {
  const host = fixedHost();
  const program = Effect.gen(function* () {
    const db = yield* open(":memory:", { collections: { codes: Codes }, host });
    const until = new Date(host.clock.nowMillis() + 1_000);
    yield* db.codes.insertMany(["a", "b"].map((code) => ({ code, until })));
    const expire = db.expire();
    expectTypeOf<Effect.Success<typeof expire>>().toEqualTypeOf<number>();
    expectTypeOf<Effect.Error<typeof expire>>().toEqualTypeOf<ReadError | WriteError>();
    expect(yield* expire).toBe(0);
    host.clock.advance(1_000);
    expect(yield* expire).toBe(2);
    expect(yield* db.codes.count()).toBe(0);
    const nested = yield* Effect.exit(db.transaction(() => db.expire()));
    expect(Exit.isFailure(nested) && Cause.squash(nested.cause)).toMatchObject({
      _tag: "NestedTransaction",
    });
    return db;
  });
  return Effect.runPromise(Effect.scoped(program));
});
