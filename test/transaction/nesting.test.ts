import { AsyncLocalStorage } from "node:async_hooks";
import { expect, test, vi } from "vitest";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import {
  NestedTransaction,
  transact,
  TransactionTimeout,
  withView,
} from "../../src/transaction/index.ts";
import { bytes, fill, pause, TestHost, text } from "./support.ts";

const host = new TestHost();

test("a transaction in the body of another one is refused, at once or after an await", async () => {
  const engine = new MemoryEngine();
  const nested = (): unknown => transact(host, engine, () => 1);

  expect(() => transact(host, engine, nested)).toThrow(NestedTransaction);
  await expect(async () =>
    transact(host, engine, async () => {
      await pause(1);
      await nested();
    }),
  ).rejects.toThrow(NestedTransaction);
  await expect(async () =>
    transact(host, engine, () => Promise.all([pause(1).then(nested), pause(2)])),
  ).rejects.toThrow(NestedTransaction);
});

test("the refusal says what to do", () => {
  const engine = new MemoryEngine();
  expect(() => transact(host, engine, () => transact(host, engine, () => 1))).toThrow(
    /Pass the outer transaction/,
  );
});

test("transactions side by side are not nested, and neither is one after another", async () => {
  const engine = new MemoryEngine();
  const slow = (n: number): Promise<number> =>
    Promise.resolve(
      transact(host, engine, async (tx) => {
        await pause(1);
        await tx.get(bytes("a"));
        await pause(1);
        return n;
      }),
    );

  expect(await Promise.all([slow(1), slow(2), slow(3)])).toEqual([1, 2, 3]);
  expect(await slow(4)).toBe(4);
});

test("another database may be used inside a body, and the first one not inside that", async () => {
  const engine = new MemoryEngine();
  const other = new MemoryEngine();
  await fill(other, { a: "there" });

  const copied = await transact(host, engine, async (tx) => {
    const found = await transact(host, other, (far) => far.get(bytes("a")));
    tx.put(bytes("a"), found!);
    return text(found);
  });
  const back = async (): Promise<unknown> =>
    transact(host, engine, () =>
      transact(host, other, async () => {
        await pause();
        return transact(host, engine, () => 1);
      }),
    );

  expect(copied).toBe("there");
  await expect(back).rejects.toThrow(NestedTransaction);
});

test("plain reads inside a body, and transactions in its hooks, are not nested", async () => {
  const engine = new MemoryEngine();
  const done: unknown[] = [];

  await transact(host, engine, async (tx) => {
    await withView(engine, (view) => view.get(bytes("a")));
    tx.put(bytes("a"), bytes("1"));
    tx.onCommit(() => done.push(transact(host, engine, (next) => next.attempt)));
  });

  expect(done).toEqual([1]);
  expect(host.reported).toEqual([]);
});

test("work that a body left behind may begin transactions once that body has ended", async () => {
  const engine = new MemoryEngine();
  let later: Promise<unknown> = Promise.resolve();

  await transact(host, engine, async () => {
    later = pause(5).then(() => transact(host, engine, () => "later"));
    await pause(1);
  });

  // Another body keeps the watch on meanwhile.
  await transact(host, engine, () => later);
  expect(await later).toBe("later");
});

test("the watch is over with the last body, also where a body throws or is cut off", async () => {
  const engine = new MemoryEngine();
  const never = new Promise<never>(() => {});

  const disabled = vi.spyOn(AsyncLocalStorage.prototype, "disable");
  try {
    const together = [3, 6, 9].map(async (millis) => transact(host, engine, () => pause(millis)));
    await expect(async () =>
      transact(host, engine, () => never, { timeoutMillis: 2 }),
    ).rejects.toThrow(TransactionTimeout);
    expect(disabled).toHaveBeenCalledTimes(0);
    await Promise.all(together);
    expect(disabled).toHaveBeenCalledTimes(1);

    expect(() =>
      transact(host, engine, () => {
        throw new Error("mine");
      }),
    ).toThrow("mine");
    expect(disabled).toHaveBeenCalledTimes(2);
  } finally {
    disabled.mockRestore();
  }
});

test("a body that promises to run no user code is not watched, and still refused inside another", () => {
  const engine = new MemoryEngine();
  const inner = (): unknown => transact(host, engine, () => 1, { runsUserCode: false });

  expect(inner()).toBe(1);
  expect(() => transact(host, engine, inner)).toThrow(NestedTransaction);
});

test("the storage of others keeps its value over a transaction", async () => {
  const engine = new MemoryEngine();
  const theirs = new AsyncLocalStorage<string>();

  const seen = await theirs.run("theirs", async () => {
    await transact(host, engine, async () => pause(1));
    await pause(1);
    return theirs.getStore();
  });

  expect(seen).toBe("theirs");
});
