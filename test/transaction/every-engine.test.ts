/** What transactions promise on every engine; its other tests are about what each layer does for that. */
import { expect, test } from "vitest";
import { Conflict, RequirementFailed, StorageError } from "../../src/engine/contract/index.ts";
import {
  ReadOnlyTransaction,
  transact,
  TransactionClosed,
  TransactionTimeout,
  UnawaitedWork,
} from "../../src/transaction/index.ts";
import type { Transaction } from "../../src/transaction/index.ts";
import { engineHere, isElsewhere } from "../support/elsewhere.ts";
import {
  bytes,
  EngineDouble,
  failureOf,
  fill,
  pause,
  range,
  rowsIn,
  rowsOf,
  TestHost,
  text,
} from "./support.ts";

const number = async (tx: Transaction, key: string): Promise<number> =>
  Number(text(await tx.get(bytes(key))) ?? "0");

test("no update is lost between transactions that add to one number", async () => {
  const engine = isElsewhere() ? engineHere() : new EngineDouble({ remote: true });
  const host = new TestHost();
  let runs = 0;
  const add = (): unknown =>
    transact(host, engine, async (tx) => {
      runs++;
      const before = await number(tx, "n");
      await pause();
      tx.put(bytes("n"), bytes(String(before + 1)));
    });

  await Promise.all(Array.from({ length: 20 }, add));

  expect(await rowsIn(engine)).toEqual([["n", "20"]]);
  expect(runs).toBeGreaterThan(20);
});

test("two that each read what the other writes do not both keep their decision", async () => {
  const engine = engineHere();
  await fill(engine, { alice: "on call", bob: "on call" });
  const leave = (who: string): unknown =>
    transact(new TestHost(), engine, async (tx) => {
      const onCall = (await rowsOf(tx)).filter(([, value]) => value === "on call");
      await pause(1);
      if (onCall.length > 1) tx.put(bytes(who), bytes("off"));
    });

  await Promise.all([leave("alice"), leave("bob")]);

  expect((await rowsIn(engine)).filter(([, v]) => v === "on call")).toHaveLength(1);
});

test("what the body throws comes out untouched and nothing is committed", async () => {
  const engine = engineHere();
  for (const mine of [new Error("mine"), "text", undefined, new Conflict(3)]) {
    const error = await failureOf(() =>
      transact(new TestHost(), engine, async (tx) => {
        tx.put(bytes("a"), bytes("1"));
        await pause();
        throw mine as Error;
      }),
    );
    expect(error).toBe(mine);
  }
  expect(await rowsIn(engine)).toEqual([]);
  expect(engine.stats!()["openViews"] ?? 0).toBe(0);
});

test("a requirement that fails is told in the words of whoever asked for it, read from the newest state", async () => {
  const engine = engineHere();
  await fill(engine, { "email/x": "user 7" });
  class Taken extends StorageError {}
  const insert = (otherwise: boolean) => (): unknown =>
    transact(new TestHost(), engine, (tx) => {
      tx.require({ is: "absent", key: bytes("other") });
      const key = bytes("email/x");
      if (otherwise) {
        tx.require(
          { is: "absent", key },
          async (view) => new Taken("Io", { by: text(await view.get(key)) }),
        );
      } else {
        tx.require({ is: "absent", key });
      }
      tx.put(key, bytes("user 8"));
    });

  const told = (await failureOf(insert(true))) as Taken;
  expect(told).toBeInstanceOf(Taken);
  expect(told.details["by"]).toBe("user 7");
  expect(await failureOf(insert(false))).toBeInstanceOf(RequirementFailed);
  expect(await rowsIn(engine)).toEqual([["email/x", "user 7"]]);
  expect(engine.stats!()["openViews"] ?? 0).toBe(0);
});

test("a requirement alone, without any write, is checked", async () => {
  const engine = engineHere();
  await fill(engine, { a: "1" });
  const check = (value: string) => (): unknown =>
    transact(new TestHost(), engine, (tx) =>
      tx.require({ is: "equal", key: bytes("a"), value: bytes(value) }),
    );

  await expect(failureOf(check("2"))).resolves.toBeInstanceOf(RequirementFailed);
  expect(await check("1")()).toBe(undefined);
});

test("every kind of write is refused in a read-only transaction, and the body may go on", async () => {
  const engine = engineHere();
  const writes: ((tx: Transaction) => void)[] = [
    (tx) => tx.put(bytes("a"), bytes("1")),
    (tx) => tx.delete(bytes("a")),
    (tx) => tx.deleteRange(range("a")),
    (tx) => tx.merge(bytes("a"), "addInt", new Uint8Array(8)),
    (tx) => tx.require({ is: "absent", key: bytes("a") }),
  ];
  await transact(
    new TestHost(),
    engine,
    (tx) => {
      for (const write of writes) expect(() => write(tx)).toThrow(ReadOnlyTransaction);
    },
    { readOnly: true },
  );
});

test("every use after the end throws, also of a scan that was left open", async () => {
  const engine = engineHere();
  await fill(engine, { a: "1" });
  let kept!: Transaction;
  const scan = await transact(new TestHost(), engine, async (tx) => {
    kept = tx;
    expect(tx.closed).toBe(false);
    return tx.scan(range("a"));
  });

  expect(kept.closed).toBe(true);
  const a = bytes("a");
  const uses: (() => unknown)[] = [
    () => kept.get(a),
    () => kept.read(a, () => 1),
    () => kept.getMany([a]),
    () => kept.scan(range("a")),
    () => kept.scanRefs(range("a")),
    () => kept.scanMany([range("a")]),
    () => kept.put(a, a),
    () => kept.delete(a),
    () => kept.deleteRange(range("a")),
    () => kept.merge(a, "addInt", new Uint8Array(8)),
    () => kept.require({ is: "absent", key: a }),
    () => kept.ownWrite(a),
    () => kept.beforeCommit(() => []),
    () => kept.onCommit(() => {}),
    () => kept.track(() => 1),
    () => scan.next(),
  ];
  for (const use of uses) expect(use).toThrow(TransactionClosed);
  await expect(kept.trackPromise(() => 1)).rejects.toThrow(TransactionClosed);
  scan.close();
});

test("work that is unfinished at the end of the body fails the transaction", async () => {
  const engine = engineHere();
  const error = await failureOf(() =>
    transact(new TestHost(), engine, async (tx) => {
      tx.put(bytes("a"), bytes("1"));
      void tx.track(() => pause(5).then(() => tx.put(bytes("b"), bytes("2"))));
      await pause();
    }),
  );

  expect(error).toBeInstanceOf(UnawaitedWork);
  expect((error as UnawaitedWork).details).toEqual({ unfinished: 1, failed: 0 });
  await pause(10);
  expect(await rowsIn(engine)).toEqual([]);
});

test.each(["at once", "later"])(
  "work that failed %s and that nobody awaited fails the transaction",
  async (when) => {
    const engine = engineHere();
    const error = await failureOf(() =>
      transact(new TestHost(), engine, async (tx) => {
        tx.put(bytes("a"), bytes("1"));
        void tx.trackPromise(async () => {
          if (when === "later") await pause(1);
          throw new Error("lost");
        });
        void tx.trackPromise((): number => {
          throw new Error("lost too");
        });
        await pause(5);
      }),
    );

    expect((error as UnawaitedWork).details).toEqual({ unfinished: 0, failed: 2 });
    expect(String((error as UnawaitedWork).cause)).toMatch(/lost/);
    expect(await rowsIn(engine)).toEqual([]);
  },
);

test("a body that overstays its time is cut off, and what it still does is refused", async () => {
  const engine = engineHere();
  const host = new TestHost();
  let late: unknown;
  const error = await failureOf(() =>
    transact(
      host,
      engine,
      async (tx) => {
        tx.put(bytes("a"), bytes("1"));
        await pause(30);
        late = await failureOf(() => tx.put(bytes("b"), bytes("2")));
        throw new Error("after the end");
      },
      { timeoutMillis: 5 },
    ),
  );
  expect(error).toBeInstanceOf(TransactionTimeout);
  expect((error as TransactionTimeout).details).toEqual({ timeoutMillis: 5, attempts: 1 });

  await pause(50);
  expect(late).toBeInstanceOf(TransactionClosed);
  expect((late as TransactionClosed).details["ending"]).toBe("timed out");
  expect(host.reported.map(String)).toEqual(["Error: after the end"]);
  expect(await rowsIn(engine)).toEqual([]);
  expect(host.timers).toBe(0);
});
