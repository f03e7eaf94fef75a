import { expect, test } from "vitest";
import { isPromise } from "../../src/base/index.ts";
import { CONFLICT, Conflict, StorageError } from "../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import { transact, TransactionTimeout } from "../../src/transaction/index.ts";
import type { Transaction } from "../../src/transaction/index.ts";
import { backoffMillis } from "../../src/transaction/backoff.ts";
import {
  bytes,
  drain,
  EngineDouble,
  failureOf,
  fill,
  pause,
  range,
  rowsIn,
  TestHost,
  text,
} from "./support.ts";

// ---------------------------------------------------------------- value or promise

test("what is in memory is answered at once, without promise or timer", () => {
  const host = new TestHost();
  const engine = new MemoryEngine();

  const answer = transact(host, engine, (tx) => {
    tx.put(bytes("a"), bytes("1"));
    return text(tx.get(bytes("a")) as Uint8Array);
  });

  expect(isPromise(answer)).toBe(false);
  expect(answer).toBe("1");
  expect(host.timers).toBe(0);
});

test("no timer is left when an asynchronous transaction has ended", async () => {
  const host = new TestHost();
  await transact(host, new MemoryEngine(), () => pause(1));
  expect(host.timers).toBe(0);
});

test("a promise of another library is awaited before the commit", async () => {
  const engine = new MemoryEngine();
  const foreign = (tx: Transaction): PromiseLike<void> => ({
    // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
    then: (resolve, reject) =>
      pause(1)
        .then(() => tx.put(bytes("a"), bytes("1")))
        .then(resolve, reject),
  });

  await transact(new TestHost(), engine, (tx) => foreign(tx) as Promise<void>);

  expect(await rowsIn(engine)).toEqual([["a", "1"]]);
});

// ---------------------------------------------------------------- isolation

test("a row that appears in a range that was read makes the body run again", async () => {
  const engine = new MemoryEngine();
  await fill(engine, { "r/1": "x" });

  const counts: number[] = [];
  await transact(new TestHost(), engine, async (tx) => {
    counts.push(
      (await drain(tx.scan(range("r/", "r0"), { keysOnly: true }), { keysOnly: true })).length,
    );
    if (tx.attempt === 1) await fill(engine, { "r/2": "x" });
    tx.put(bytes("count"), bytes(String(counts.at(-1))));
  });

  expect(counts).toEqual([1, 2]);
  expect(text(await engine.snapshot().get(bytes("count")))).toBe("2");
});

test.each([{ exclusive: true }, { exclusive: false }])(
  "a long transaction gets through a crowd of short ones, or says how often it tried ($exclusive)",
  async ({ exclusive }) => {
    const engine = new EngineDouble({ exclusive });
    const host = new TestHost();
    let busy = true;
    const writers = Array.from({ length: 3 }, async (_, i) => {
      for (let n = 0; busy; n++) {
        await transact(host, engine, async (tx) => {
          tx.put(bytes(`w${i}`), bytes(String(n)));
        });
        await pause();
      }
    });

    const long = failureOrValue(() =>
      transact(
        host,
        engine,
        async (tx) => {
          await drain(tx.scan(range("w")));
          await pause(20);
          tx.put(bytes("long"), bytes("done"));
          return tx.attempt;
        },
        { timeoutMillis: exclusive ? 5_000 : 150 },
      ),
    );
    const outcome = await long;
    busy = false;
    await Promise.all(writers);

    if (exclusive) {
      expect(outcome).toBe(4);
    } else {
      // Either between two attempts or within one: never for longer than its time.
      expect([Conflict, TransactionTimeout].some((kind) => outcome instanceof kind)).toBe(true);
      expect((outcome as Conflict).details["attempts"]).toBeGreaterThan(1);
    }
  },
);

const failureOrValue = async (work: () => unknown): Promise<unknown> => {
  try {
    return await work();
  } catch (error) {
    return error;
  }
};

test("a conflict that leaves is a new error with a stack of its own and the number of attempts", async () => {
  const engine = new EngineDouble({
    exclusive: false,
    onPlan() {
      throw CONFLICT;
    },
  });
  const error = (await failureOf(() =>
    transact(new TestHost(), engine, (tx) => tx.put(bytes("a"), bytes("1")), { timeoutMillis: 30 }),
  )) as Conflict;

  expect(error).toBeInstanceOf(Conflict);
  expect(error).not.toBe(CONFLICT);
  expect(error.attempts).toBeGreaterThan(2);
  expect(error.attempts).toBe(engine.plans.length);
});

test("what is unavailable is tried again, and is the error when time is over", async () => {
  let failures = 2;
  const engine = new EngineDouble({
    onPlan() {
      if (failures-- > 0) throw new StorageError("Unavailable");
    },
  });
  const put = (tx: Transaction): number => {
    tx.put(bytes("a"), bytes("1"));
    return tx.attempt;
  };

  expect(await transact(new TestHost(), engine, put)).toBe(3);
  failures = Infinity;
  const error = await failureOf(() => transact(new TestHost(), engine, put, { timeoutMillis: 20 }));
  expect((error as StorageError).code).toBe("Unavailable");
});

test.each(["throws", "rejects"])(
  "an engine that %s at begin because it is unavailable is asked again",
  async (how) => {
    const engine = new MemoryEngine();
    let failures = 2;
    const busy = new Proxy(engine, {
      get(target, name) {
        if (name !== "begin") return Reflect.get(target, name, target) as unknown;
        return () => {
          if (failures-- <= 0) return target.begin();
          const error = new StorageError("Unavailable");
          if (how === "rejects") return Promise.reject(error);
          throw error;
        };
      },
    });

    expect(await transact(new TestHost(), busy, (tx) => tx.attempt)).toBe(3);
  },
);

test("a timeout longer than timers go is no timeout", async () => {
  const run = (timeoutMillis: number): unknown =>
    transact(new TestHost(), new MemoryEngine(), () => pause(5).then(() => "done"), {
      timeoutMillis,
    });
  expect(await run(Infinity)).toBe("done");
  expect(await run(2 ** 40)).toBe("done");
});

test("a commit of unknown outcome is not run again", async () => {
  let runs = 0;
  const engine = new EngineDouble({
    onPlan() {
      throw new StorageError("CommitUnknown");
    },
  });
  const error = await failureOf(() =>
    transact(new TestHost(), engine, (tx) => {
      runs++;
      tx.put(bytes("a"), bytes("1"));
    }),
  );

  expect((error as StorageError).committed).toBe("unknown");
  expect(runs).toBe(1);
});

test("waits grow with the retries up to their bound, and a first conflict waits not at all", () => {
  const spans = (lost: Error): number[] =>
    [0, 1, 2, 5, 30].map((retries) => backoffMillis(lost, retries, 1));
  expect(spans(CONFLICT)).toEqual([0, 2, 4, 32, 50]);
  expect(spans(new StorageError("Unavailable"))).toEqual([8, 16, 32, 256, 1_000]);
});

// ---------------------------------------------------------------- errors of the body, requirements

test("a body that threw because of what never was is run again where reads are not final", async () => {
  let stale = true;
  const engine = new EngineDouble({
    readsAreFinal: false,
    onPlan() {
      if (stale) {
        stale = false;
        throw CONFLICT;
      }
    },
  });
  const attempts: number[] = [];
  const error = await failureOf(() =>
    transact(new TestHost(), engine, async (tx) => {
      attempts.push(tx.attempt);
      await tx.get(bytes("a"));
      throw new Error(`of attempt ${tx.attempt}`);
    }),
  );

  expect(String(error)).toBe("Error: of attempt 2");
  expect(attempts).toEqual([1, 2]);
  expect(engine.plans.map(({ ops, readKeys }) => [ops.length, readKeys.length])).toEqual([
    [0, 1],
    [0, 1],
  ]);
});

test.each([{ readOnly: true }, { readOnly: false }])(
  "where reads are not final, a transaction that only read is committed too, and run again if it did not hold ($readOnly)",
  async ({ readOnly }) => {
    let losses = 1;
    const engine = new EngineDouble({
      readsAreFinal: false,
      onPlan() {
        if (losses-- > 0) throw CONFLICT;
      },
    });
    await fill(engine, { a: "1" });
    const attempts: number[] = [];

    const value = await transact(
      new TestHost(),
      engine,
      async (tx) => {
        attempts.push(tx.attempt);
        await drain(tx.scan(range("b", "c")));
        return text(await tx.get(bytes("a")));
      },
      { readOnly },
    );

    expect([value, attempts]).toEqual(["1", [1, 2]]);
    expect(engine.plans.map((plan) => [plan.readKeys.length, plan.readRanges.length])).toEqual([
      [1, 1],
      [1, 1],
    ]);
  },
);

test.each(["throws", "rejects"])(
  "where the words for a failed requirement cannot be found now (%s), the transaction is run again",
  async (how) => {
    const engine = new MemoryEngine();
    await fill(engine, { taken: "1" });
    const told = new StorageError("Io");
    const attempts: number[] = [];
    const lookingUp = (): StorageError | Promise<StorageError> => {
      if (attempts.length > 2) return told;
      const error = new StorageError("Unavailable");
      if (how === "rejects") return Promise.reject(error);
      throw error;
    };

    const error = await failureOf(() =>
      transact(new TestHost(), engine, (tx) => {
        attempts.push(tx.attempt);
        tx.require({ is: "absent", key: bytes("taken") }, lookingUp);
        tx.put(bytes("taken"), bytes("2"));
      }),
    );

    expect(error).toBe(told);
    expect(attempts).toEqual([1, 2, 3]);
    expect(engine.stats()["openViews"]).toBe(0);
  },
);

// ---------------------------------------------------------------- limits

test("what is too large is refused where it is written, before anything is sent", () => {
  const limits = {
    keyBytes: 4,
    valueBytes: 10,
    transactionBytes: 20,
    transactionMillis: Infinity,
    snapshotMillis: Infinity,
  };
  const engine = new MemoryEngine({ limits });
  const code = (work: (tx: Transaction) => unknown): unknown =>
    transact(new TestHost(), engine, (tx) => {
      try {
        work(tx);
        return "none";
      } catch (error) {
        const { details } = error as StorageError;
        return [details["code"], details["bytes"], details["bytesMax"]];
      }
    });

  expect(code((tx) => tx.put(bytes("12345"), bytes("")))).toEqual(["KeyTooLarge", 5, 4]);
  expect(code((tx) => tx.delete(bytes("12345")))).toEqual(["KeyTooLarge", 5, 4]);
  expect(code((tx) => tx.put(bytes("1"), bytes("x".repeat(11))))).toEqual([
    "ValueTooLarge",
    11,
    10,
  ]);
  expect(
    code((tx) => {
      tx.put(bytes("1"), bytes("123456789"));
      tx.put(bytes("2"), bytes("123456789"));
      tx.put(bytes("3"), bytes(""));
    }),
  ).toEqual(["TransactionTooLarge", 21, 20]);
  expect(code((tx) => tx.put(bytes("1234"), bytes("x".repeat(10))))).toBe("none");
});
