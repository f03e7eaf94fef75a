import { expect, test } from "vitest";
import { Closed, overlaid } from "../../../src/base/index.ts";
import { StorageError } from "../../../src/engine/contract/index.ts";
import type {
  ChangeSet,
  CommitPlan,
  EngineTransaction,
  StorageEngine,
  WriteOp,
} from "../../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";
import { exactlyOnce, transact } from "../../../src/transaction/index.ts";
import { EngineDouble, bytes, failureOf, pause, range, text } from "../support.ts";
import { NUMBER, inBatch, inTransaction, numberOf, one } from "./explore.ts";
import { FakeHost } from "./fake-host.ts";
import { LossyEngine } from "./lossy-engine.ts";
import type { Fate } from "./lossy-engine.ts";

/** An engine whose requests have these fates one after the other, and good ones after that. */
function lossyBy(...fates: readonly Fate[]): { lossy: LossyEngine; host: FakeHost } {
  const left = [...fates];
  const host = new FakeHost();
  const lossy = new LossyEngine({
    fateOf: () => left.shift() ?? "answered",
    onHang: () => host.advance(60_000),
  });
  return { lossy, host };
}

const told = ({ lossy }: { lossy: LossyEngine }): readonly string[] => lossy.told;
const late = (moments: number): Fate => ({ late: moments });

// ---------------------------------------------------------------- what is decided

test.each<readonly [string, readonly Fate[], readonly string[]]>([
  [
    "one that took effect is found by its token",
    ["applied"],
    ["commit: applied", "fence: answered", "look: answered"],
  ],
  [
    "one that did not is stopped, and made again",
    ["dropped"],
    ["commit: dropped", "fence: answered", "commit: answered"],
  ],
  [
    "one that arrives behind the fence takes no effect",
    [late(2)],
    ["commit: late by 2", "fence: answered", "commit: answered"],
  ],
  [
    "one that arrives before the fence is found",
    [late(1)],
    ["commit: late by 1", "fence: answered", "look: answered"],
  ],
  [
    "a fence whose answer is lost is found by the next one",
    ["dropped", "applied"],
    ["commit: dropped", "fence: applied", "fence: answered", "look: answered", "commit: answered"],
  ],
  [
    "an error of the look-up is not one of the commit",
    ["applied", "answered", "refused", "answered", "lost the race"],
    [
      "commit: applied",
      "fence: answered",
      "look: refused",
      "fence: answered",
      "look: lost the race",
      "fence: answered",
      "look: answered",
    ],
  ],
  [
    "what is required already and not shown yet is asked for again",
    ["applied", "answered", "behind"],
    ["commit: applied", "fence: answered", "look: behind", "fence: answered", "look: answered"],
  ],
  [
    "one that was sent twice below has taken effect once",
    ["resent"],
    ["commit: resent", "fence: answered", "look: answered"],
  ],
])("of lost answers: %s", async (_, fates, expected) => {
  const transaction = lossyBy(...fates);
  const batch = lossyBy(...fates);

  await inTransaction(exactlyOnce(transaction.lossy.engine, transaction.host), transaction.host);
  await inBatch(exactlyOnce(batch.lossy.engine, batch.host), batch.host);

  expect(told(transaction)).toEqual(expected);
  expect(told(batch)).toEqual(expected.map((line) => line.replace("commit", "batch")));
  for (const { lossy } of [transaction, batch]) {
    await lossy.landAll();
    expect(await numberOf(lossy.memory)).toBe(1);
  }
});

test("a commit that was refused was not lost: nothing is asked, and no fence is left", async () => {
  const { lossy, host } = lossyBy("refused");

  await inTransaction(exactlyOnce(lossy.engine, host), host);

  expect(lossy.told).toEqual(["commit: refused", "commit: answered"]);
});

test("the failed commit lets go of what it held before anything is asked: it may have been the last connection", async () => {
  const { lossy, host } = lossyBy("applied");
  const holding = overlaid<StorageEngine>(lossy.engine, {
    begin: (options) => {
      const inner = lossy.engine.begin(options) as EngineTransaction;
      return overlaid(inner, { abort: () => void lossy.told.push("let go") });
    },
  });

  await inTransaction(exactlyOnce(holding, host), host);

  expect(lossy.told.slice(0, 3)).toEqual(["commit: applied", "let go", "fence: answered"]);
});

// ---------------------------------------------------------------- what cannot be decided

test.each(["dropped", "refused", "lost the race", "hung"] as const)(
  "where nobody answers (%s), the outcome is unknown when the time is over, and the body is not run again",
  async (fate) => {
    const host = new FakeHost();
    let runs = 0;
    const lossy = new LossyEngine({
      fateOf: (request) => (request === "commit" ? "applied" : fate),
      onHang: () => host.advance(60_000),
    });
    const engine = exactlyOnce(lossy.engine, host);

    const error = (await failureOf(() =>
      transact(
        host,
        engine,
        async (tx) => {
          runs++;
          tx.merge(NUMBER, "addInt", one());
        },
        { timeoutMillis: 5_000 },
      ),
    )) as StorageError;

    expect(error).toBeInstanceOf(StorageError);
    expect([error.code, error.retryable, error.committed]).toEqual([
      "CommitUnknown",
      false,
      "unknown",
    ]);
    expect((error.cause as StorageError).code).toBe("CommitUnknown");
    expect(error.message).toMatch(/Give more time/);
    expect(runs).toBe(1);
    expect(host.timers).toBe(0);
    const isPatient = fate !== "hung";
    if (isPatient) expect(host.nowMillis()).toBeGreaterThanOrEqual(5_000);
    if (isPatient) expect(host.nowMillis()).toBeLessThan(6_000);
  },
);

test("a commit whose time is over is asked about all the same, for a moment", async () => {
  const host = new FakeHost();
  const lossy = new LossyEngine({
    fateOf: (request) => {
      if (request !== "commit") return "answered";
      host.advance(70_000);
      return "applied";
    },
  });

  await inTransaction(exactlyOnce(lossy.engine, host), host);

  expect(await numberOf(lossy.memory)).toBe(1);
});

test("an engine that was closed meanwhile is not asked for long", async () => {
  const host = new FakeHost();
  const memory = new MemoryEngine();
  const lossy = new LossyEngine({
    memory,
    fateOf: (request) => {
      if (request === "commit") return "applied";
      void memory.close();
      return "answered";
    },
  });

  const error = await failureOf(() => inTransaction(exactlyOnce(lossy.engine, host), host));

  expect((error as StorageError).code).toBe("CommitUnknown");
  expect(host.nowMillis()).toBeLessThan(100);
});

test("a stopped batch is given up when its time is over, and nothing of it has happened", async () => {
  const host = new FakeHost();
  const lossy = new LossyEngine({
    fateOf: (request) => {
      host.advance(1);
      return request === "batch" ? "dropped" : "answered";
    },
  });

  const error = (await failureOf(() => inBatch(exactlyOnce(lossy.engine, host), host))) as Error;

  expect(error).toMatchObject({ code: "Unavailable", committed: "no" });
  expect(error.message).toMatch(/nothing of the commit has taken effect, nor will it/);
  expect(host.nowMillis()).toBeGreaterThanOrEqual(10_000);
  // With pauses between.
  expect(lossy.told.length).toBeLessThan(300);
  expect(await numberOf(lossy.memory)).toBe(0);
});

test("absence proves nothing of a commit that was sent long ago, by whichever clock", async () => {
  for (const clock of ["the wall's", "its own"]) {
    const host = new FakeHost();
    let first = true;
    const lossy = new LossyEngine({
      // The machine sleeps, and somebody else deletes the token meanwhile.
      fateOf: (request) => {
        if (request === "commit" && first) {
          first = false;
          if (clock === "its own") host.advance(4_000_000);
          return "applied";
        }
        if (request !== "fence") return "answered";
        void lossy.memory.write({
          ops: [{ op: "delRange", range: { start: bytes("\0t"), end: bytes("\0u") } }],
          requires: [],
        });
        // One clock goes on, the other stands still or is set back.
        host.wallAheadMillis += clock === "its own" ? -4_000_000 : 4_000_000;
        return "answered";
      },
    });

    const error = await failureOf(() =>
      transact(
        host,
        exactlyOnce(lossy.engine, host),
        async (tx) => tx.merge(NUMBER, "addInt", one()),
        { timeoutMillis: Infinity },
      ),
    );

    expect((error as StorageError).code).toBe("CommitUnknown");
    expect(await numberOf(lossy.memory)).toBe(1);
  }
});

test("a plan that writes nothing cannot have taken effect: it is made again", async () => {
  let lost = 1;
  const engine = new EngineDouble({
    readsAreFinal: false,
    answersMayBeLost: true,
    onPlan() {
      if (lost-- > 0) throw new StorageError("CommitUnknown");
    },
  });
  const host = new FakeHost();

  const attempt = await transact(host, exactlyOnce(engine, host), async (tx) => {
    await tx.get(bytes("a"));
    return tx.attempt;
  });

  expect(attempt).toBe(2);
  expect(engine.plans.map(({ ops, requires }) => [ops, requires])).toEqual([
    [[], []],
    [[], []],
  ]);
});

// ---------------------------------------------------------------- what it costs

test("an engine that loses no answers is left as it is, and its plans too", async () => {
  const memory = new MemoryEngine();
  const double = new EngineDouble();
  const host = new FakeHost();

  expect(exactlyOnce(memory, host)).toBe(memory);
  expect(exactlyOnce(double, host)).toBe(double);
  await transact(host, double, (tx) => tx.put(bytes("a"), bytes("1")));
  const keys: readonly (keyof CommitPlan)[] = ["readKeys", "readRanges", "ops", "requires"];
  expect(Object.keys(double.plans[0]!).toSorted()).toEqual([...keys].toSorted());
  expect(double.plans[0]!.ops).toHaveLength(1);
});

test("a commit that is answered costs one row in its own plan, and no request", async () => {
  const { lossy, host } = lossyBy();

  await inTransaction(exactlyOnce(lossy.engine, host), host);

  expect(lossy.told).toEqual(["commit: answered"]);
  expect(lossy.memory.stats()["rows"]).toBe(2);
});

test("a plan as large as the limit still fits with its token", async () => {
  const limits = {
    keyBytes: 100,
    valueBytes: 1_000,
    transactionBytes: 1_000,
    transactionMillis: Infinity,
    snapshotMillis: Infinity,
  };
  const host = new FakeHost();
  const lossy = new LossyEngine({
    memory: new MemoryEngine({ limits }),
    fateOf: () => "answered",
  });
  const engine = exactlyOnce(lossy.engine, host);
  const room = engine.limits.transactionBytes;
  const fill = (bytesMax: number) => (): unknown =>
    transact(host, engine, (tx) => tx.put(bytes("a"), new Uint8Array(bytesMax - 1)));

  await fill(room)();
  expect(await failureOf(fill(room + 1))).toMatchObject({ code: "TransactionTooLarge" });
  expect(room).toBeLessThan(1_000);
});

const nameOf = (op: WriteOp): string => (op.op === "delRange" ? "a range" : text(op.key)!);

test("feeds and listeners are told of what was written, and of no token, fence or cleaning", async () => {
  const memory = new MemoryEngine({ changeLog: {} });
  const fates: Fate[] = ["dropped"];
  const lossy = new LossyEngine({ memory, fateOf: () => fates.shift() ?? "answered" });
  const host = new FakeHost();
  const engine = exactlyOnce(lossy.engine, host);
  const woken: string[][] = [];
  engine.onCommit!((touched) => woken.push(touched!.keys.map((key) => text(key)!)));
  const snapshot = await engine.snapshot();
  const { version } = snapshot;
  snapshot.close();

  await inTransaction(engine, host);
  await engine.write({ ops: [{ op: "delRange", range: range("x", "y") }], requires: [] });
  memory.close = async () => undefined;
  await engine.close();
  await pause();

  expect(lossy.told).toEqual([
    "commit: dropped",
    "fence: answered",
    "commit: answered",
    "batch: answered",
    "cleaning: answered",
  ]);
  expect(woken.flat()).toEqual(["number"]);
  const feed = engine.changes!(version)[Symbol.asyncIterator]();
  const ops: string[] = [];
  while (ops.length < 2) {
    const { value } = (await feed.next()) as { value: readonly ChangeSet[] };
    for (const set of value) ops.push(...set.ops.map(nameOf));
  }
  expect(ops).toEqual(["number", "a range"]);
  await feed.return!();
});

test("who uses it after close() is told so", async () => {
  const { lossy, host } = lossyBy();
  const engine = exactlyOnce(lossy.engine, host);
  const closing = engine.close();

  const uses: (() => unknown)[] = [
    () => engine.begin(),
    () => engine.snapshot(),
    () => engine.write({ ops: [], requires: [] }),
  ];
  for (const use of uses) expect(await failureOf(use)).toBeInstanceOf(Closed);
  expect(engine.close()).toBe(closing);
  await closing;
  expect(() => lossy.memory.begin()).toThrow(Closed);
});
