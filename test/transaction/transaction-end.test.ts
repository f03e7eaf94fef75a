import { expect, test } from "vitest";
import { isPromise } from "../../src/base/index.ts";
import { CONFLICT, Conflict, StorageError } from "../../src/engine/contract/index.ts";
import type { EngineTransaction, StorageEngine } from "../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import { transact, TransactionTimeout } from "../../src/transaction/index.ts";
import type { Transaction } from "../../src/transaction/index.ts";
import { bytes, EngineDouble, failureOf, fill, pause, rowsIn, TestHost } from "./support.ts";

// ---------------------------------------------------------------- the end

test("work that was awaited is no matter, whether it failed or not, and neither is work at once", async () => {
  const engine = new MemoryEngine();

  const seen = await transact(new TestHost(), engine, async (tx) => {
    const failing = tx.track(() => pause(1).then(() => Promise.reject(new Error("caught"))));
    const good = tx.track(() => pause(1).then(() => 2));
    await pause(3);
    const caught = await failureOf(() => failing);
    void tx.trackPromise(() => tx.put(bytes("a"), bytes("1")));
    return [String(caught), await good, tx.track(() => 3)];
  });

  expect(seen).toEqual(["Error: caught", 2, 3]);
  expect(await rowsIn(engine)).toEqual([["a", "1"]]);
});

// ---------------------------------------------------------------- hooks

test("hooks before the commit join the plan of their attempt, outside the read set", async () => {
  let lose = 2;
  const engine = new EngineDouble({
    onPlan() {
      if (lose-- > 0) throw CONFLICT;
    },
  });
  await transact(new TestHost(), engine, (tx) => {
    tx.put(bytes("a"), bytes("body"));
    tx.beforeCommit(() => [
      { op: "put", key: bytes("a"), value: bytes(`hook ${tx.attempt}`) },
      { op: "put", key: bytes("s"), value: bytes("structures") },
    ]);
    tx.beforeCommit(() => undefined);
  });

  expect(engine.plans.map(({ ops, readKeys }) => [ops.length, readKeys.length])).toEqual([
    [2, 0],
    [2, 0],
    [2, 0],
  ]);
  expect(await rowsIn(engine)).toEqual([
    ["a", "hook 3"],
    ["s", "structures"],
  ]);
});

test("hooks of the commit run once, for the attempt that was committed, and their errors are reported", async () => {
  let lose = 2;
  const engine = new EngineDouble({
    onPlan() {
      if (lose-- > 0) throw CONFLICT;
    },
  });
  const host = new TestHost();
  const ran: string[] = [];
  const broken = new Error("broken hook");
  await transact(host, engine, (tx) => {
    tx.put(bytes("a"), bytes("1"));
    tx.onCommit(() => ran.push(`first of ${tx.attempt}`));
    tx.onCommit(() => {
      throw broken;
    });
    tx.onCommit(() => ran.push(`last of ${tx.attempt}`));
  });

  expect(ran).toEqual(["first of 3", "last of 3"]);
  expect(host.reported).toEqual([broken]);
  expect(await rowsIn(engine)).toEqual([["a", "1"]]);
});

test("hooks of a transaction that failed never run, and those of one that only read do", async () => {
  const ran: string[] = [];
  const engine = new MemoryEngine();
  await failureOf(() =>
    transact(new TestHost(), engine, (tx) => {
      tx.onCommit(() => ran.push("failed"));
      throw new Error("mine");
    }),
  );
  void transact(new TestHost(), engine, (tx) => tx.onCommit(() => ran.push("read")), {
    readOnly: true,
  });

  expect(ran).toEqual(["read"]);
});

// ---------------------------------------------------------------- time and signals

test("an exclusive holder that overstays its time loses the hold", async () => {
  const host = new TestHost();
  const engine = new MemoryEngine();
  const stuck = failureOf(() =>
    transact(
      host,
      engine,
      async (tx) => {
        await tx.get(bytes("a"));
        // Loses three times, then holds the engine and never ends.
        if (tx.attempt <= 3) await fill(engine, { a: String(tx.attempt) });
        else await new Promise(() => {});
        tx.put(bytes("own"), bytes("1"));
      },
      { timeoutMillis: 60 },
    ),
  );
  await pause(30);
  const blocked = transact(host, engine, (tx) => tx.put(bytes("b"), bytes("1")));
  expect(isPromise(blocked)).toBe(true);

  expect(await stuck).toBeInstanceOf(TransactionTimeout);
  await blocked;
  expect((await rowsIn(engine)).map(([key]) => key)).toEqual(["a", "b"]);
});

test("a turn that comes after its time is given back", async () => {
  const host = new TestHost();
  const engine = new MemoryEngine();
  /** Holds the engine until it is let go; begin() does not heed the signal that would send the waiting one away. */
  let holder: EngineTransaction | undefined;
  const deaf: StorageEngine = {
    name: "deaf",
    limits: engine.limits,
    capabilities: engine.capabilities,
    begin: ({ exclusive = false } = {}) => engine.begin({ exclusive }),
    snapshot: () => engine.snapshot(),
    write: (plan) => engine.write(plan),
    close: () => engine.close(),
  };
  const late = await failureOf(() =>
    transact(
      host,
      deaf,
      async (tx) => {
        await tx.get(bytes("a"));
        await fill(engine, { a: String(tx.attempt) });
        if (tx.attempt === 3) holder = await engine.begin({ exclusive: true });
        if (tx.attempt === 3) throw CONFLICT;
        tx.put(bytes("own"), bytes("1"));
      },
      { timeoutMillis: 30 },
    ),
  );
  expect(late).toBeInstanceOf(Conflict);
  expect((late as Conflict).attempts).toBe(3);

  holder!.abort();
  await pause();
  const next = transact(host, engine, (tx) => tx.put(bytes("b"), bytes("1")));
  expect(isPromise(next)).toBe(false);
  expect(await rowsIn(engine)).toEqual([
    ["a", "3"],
    ["b", "1"],
  ]);
});

test("who waits for its turn until its time is over is told of the conflicts, and leaves the line", async () => {
  const host = new TestHost();
  const engine = new MemoryEngine();
  const waiting = failureOf(() =>
    transact(
      host,
      engine,
      async (tx) => {
        await tx.get(bytes("a"));
        await fill(engine, { a: String(tx.attempt) });
        if (tx.attempt === 3)
          void Promise.resolve(engine.begin({ exclusive: true })).then((tx3) =>
            pause(60).then(() => tx3.abort()),
          );
        if (tx.attempt === 3) throw CONFLICT;
        tx.put(bytes("own"), bytes("1"));
      },
      { timeoutMillis: 20 },
    ),
  );

  expect(((await waiting) as Conflict).attempts).toBe(3);
  await pause(60);
  expect(isPromise(transact(host, engine, (tx) => tx.put(bytes("b"), bytes("1"))))).toBe(false);
  expect(host.timers).toBe(0);
});

test.each(["deadline", "signal"])(
  "who has to wait before it can begin waits until its %s, and what it is given later it gives back",
  async (end) => {
    const host = new TestHost();
    const engine = new MemoryEngine();
    let give!: (inner: EngineTransaction) => void;
    const crowded = new Proxy(engine, {
      get(target, name) {
        if (name === "begin")
          return () => new Promise<EngineTransaction>((resolve) => (give = resolve));
        return Reflect.get(target, name, target) as unknown;
      },
    });
    const reason = new Error("enough");
    const controller = new AbortController();
    let runs = 0;
    const error = failureOf(() =>
      transact(host, crowded, () => runs++, {
        timeoutMillis: end === "deadline" ? 10 : 10_000,
        signal: controller.signal,
      }),
    );
    if (end === "signal") controller.abort(reason);

    if (end === "signal") expect(await error).toBe(reason);
    else expect(await error).toMatchObject({ code: "Unavailable", committed: "no" });
    const late = (await engine.begin()) as EngineTransaction;
    give(late);
    await pause();
    expect(() => late.get(bytes("a"))).toThrow("closed");
    expect([runs, host.timers]).toEqual([0, 0]);
  },
);

test("who has lost before and cannot begin again in time is told why it lost", async () => {
  const engine = new MemoryEngine();
  for (const lost of [CONFLICT, new StorageError("Unavailable", { what: "this one" })]) {
    let begun = 0;
    const crowded = new Proxy(engine, {
      get(target, name) {
        if (name !== "begin") return Reflect.get(target, name, target) as unknown;
        return () => (begun++ === 0 ? target.begin() : new Promise(() => {}));
      },
    });
    const losing = (): never => {
      throw lost;
    };

    const error = await failureOf(() =>
      transact(new TestHost(), crowded, losing, { timeoutMillis: 30 }),
    );

    if (lost === CONFLICT) expect((error as Conflict).attempts).toBe(1);
    else expect(error).toBe(lost);
    expect(begun).toBe(2);
  }
});

test("a signal ends the transaction with its reason: before it, in its body, and while it waits", async () => {
  const engine = new MemoryEngine();
  const host = new TestHost();
  const run = (signal: AbortSignal, body: (tx: Transaction) => unknown) => (): unknown =>
    transact(host, engine, body, { signal });
  const reason = new Error("enough");
  const aborting = (millis: number): AbortSignal => {
    const controller = new AbortController();
    void pause(millis).then(() => {
      controller.abort(reason);
    });
    return controller.signal;
  };

  expect(await failureOf(run(AbortSignal.abort(reason), () => 1))).toBe(reason);
  expect(await failureOf(run(aborting(2), () => pause(50)))).toBe(reason);
  const inBody = new AbortController();
  expect(
    await failureOf(
      run(inBody.signal, (tx) => {
        tx.put(bytes("a"), bytes("1"));
        inBody.abort(reason);
      }),
    ),
  ).toBe(reason);
  const losing = new EngineDouble({
    exclusive: false,
    onPlan() {
      throw new StorageError("Unavailable");
    },
  });
  const put = (tx: Transaction): void => tx.put(bytes("a"), bytes("1"));
  expect(await failureOf(() => transact(host, losing, put, { signal: aborting(10) }))).toBe(reason);

  expect(await rowsIn(engine)).toEqual([]);
  expect(engine.stats()["openViews"]).toBe(0);
  expect(host.timers).toBe(0);
});

test("options reach the engine: durability and signal with the plan", async () => {
  const engine = new EngineDouble();
  const { signal } = new AbortController();
  await transact(new TestHost(), engine, (tx) => tx.put(bytes("a"), bytes("1")), {
    durability: "memory",
    signal,
  });

  expect(engine.plans[0]).toMatchObject({ durability: "memory" });
  expect(engine.plans[0]!.signal).toBe(signal);
});
