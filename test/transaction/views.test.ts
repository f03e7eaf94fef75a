import { expect, test } from "vitest";
import type { Bytes } from "../../src/base/index.ts";
import { CONFLICT, Conflict, StorageError } from "../../src/engine/contract/index.ts";
import type {
  BeginOptions,
  EngineTransaction,
  KeyRange,
  MultiScan,
  Page,
  RefScan,
  StorageEngine,
} from "../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import { fullView, transact, withView } from "../../src/transaction/index.ts";
import type { FullView } from "../../src/transaction/index.ts";
import {
  bytes,
  EngineDouble,
  failureOf,
  fill,
  pause,
  range,
  rowsOf,
  rowsOfPage,
  TestHost,
  text,
} from "./support.ts";

const reference = (key: string): string => String.fromCharCode(key.length) + key;
const rows = {
  "d/1": "one",
  "d/2": "two",
  "i/a": reference("d/2"),
  "i/b": reference("d/9"),
  "i/c": reference("d/1"),
};
const shown = (page: Page): (string | undefined)[] =>
  rowsOfPage(page).map(([, value], i) => (page.valueStart[i] === -1 ? undefined : text(value)));

// ---------------------------------------------------------------- gathering

test("gets of one microtask turn are one round trip to a remote engine, and later ones another", async () => {
  const engine = new EngineDouble({ remote: true });
  await fill(engine, rows);

  for (const reading of ["transaction", "view"]) {
    engine.calls.length = 0;
    const body = async (view: FullView): Promise<void> => {
      const key = bytes("d/1");
      const first = view.get(key);
      key[2] = bytes("2")[0]!;
      const values = await Promise.all([first, view.get(key), view.read(bytes("d/9"), () => 1)]);
      expect(values.map((v) => (typeof v === "number" ? v : text(v)))).toEqual([
        "one",
        "two",
        undefined,
      ]);
      expect(text(await view.get(bytes("d/7")))).toBe(undefined);
    };
    await (reading === "view" ? withView(engine, body) : transact(new TestHost(), engine, body));
    expect(engine.calls.slice(0, 2)).toEqual(["getMany 3", "get"]);
  }
});

test("a transaction asks a remote engine for a key once, and what it was given may be written into", async () => {
  const engine = new EngineDouble({ remote: true });
  await fill(engine, rows);

  await transact(new TestHost(), engine, async (tx) => {
    for (let i = 0; i < 3; i++) {
      const value = await tx.get(bytes("d/1"));
      expect(text(value)).toBe("one");
      value!.fill(0);
      expect(await tx.get(bytes("d/9"))).toBe(undefined);
    }
    tx.put(bytes("d/1"), bytes("mine"));
    expect(text(await tx.get(bytes("d/1")))).toBe("mine");
  });

  expect(engine.calls.filter((call) => call.startsWith("get"))).toEqual(["get", "get"]);
  expect(engine.plans[0]!.readKeys.map(text)).toEqual(["d/1", "d/9"]);
});

test("an error of the gathered round trip reaches each of its gets", async () => {
  const engine = new EngineDouble({ remote: true });
  const failures = await withView(engine, async (view) => {
    const asked = [view.get(bytes("a")), view.get(bytes("b"))];
    await engine.close();
    return Promise.all(asked.map((get) => failureOf(() => get)));
  });
  expect(failures.map(String).every((failure) => failure.includes("Closed"))).toBe(true);
});

// ---------------------------------------------------------------- references and several ranges

for (const remote of [false, true]) {
  test(`references are followed page by page, in scan order, missing ones shown as such (remote: ${remote})`, async () => {
    const engine = new EngineDouble({ remote });
    await fill(engine, rows);

    await withView(engine, async (view) => {
      const page = await view.scanRefs(range("i/", "i0"), { keysOnly: true }).next();
      expect(shown(page.found)).toEqual(["two", undefined, "one"]);
      expect(rowsOfPage(page.entries, true).map(([key]) => text(key))).toEqual([
        "i/a",
        "i/b",
        "i/c",
      ]);
      const last = await view.scanRefs(range("i/", "i0"), { reverse: true, limit: 1 }).next();
      expect(shown(last.found)).toEqual(["one"]);
    });
  });

  test(`references see own writes on both sides, as of the opening of the scan (remote: ${remote})`, async () => {
    const engine = new EngineDouble({ remote });
    await fill(engine, rows);

    await transact(new TestHost(), engine, async (tx) => {
      tx.put(bytes("d/9"), bytes("nine"));
      tx.delete(bytes("i/c"));
      tx.put(bytes("i/d"), bytes(reference("d/1")));
      tx.delete(bytes("d/2"));
      const scan = tx.scanRefs(range("i/", "i0"));
      tx.put(bytes("d/1"), bytes("later"));
      const seen: (string | undefined)[] = [];
      for (let done = false; !done;) {
        const page = await scan.next();
        seen.push(...shown(page.found));
        done = page.entries.done;
      }
      expect(seen).toEqual([undefined, "nine", "one"]);
    });
  });
}

test("rows that come partly from memory and partly from afar keep their order", async () => {
  const engine = new MemoryEngine();
  await fill(engine, rows);
  const snapshot = engine.snapshot();
  let reads = 0;
  const view = fullView(
    {
      get: (key) => snapshot.get(key),
      read: (key, decode) =>
        ++reads === 2
          ? pause(1).then(() => snapshot.read(key, decode))
          : snapshot.read(key, decode),
      getMany: async (keys) => snapshot.getMany(keys),
      scan: (of, options) => snapshot.scan(of, options),
    },
    false,
  );
  const page = await view.scanRefs(range("i/", "i0")).next();
  expect(shown(page.found)).toEqual(["two", undefined, "one"]);
  expect(reads).toBe(2);
});

test("several ranges are read in their order, under a limit for each and one for all", async () => {
  const engine = new MemoryEngine();
  await fill(engine, { a1: "", a2: "", a3: "", b1: "", b2: "", c1: "" });
  const ranges = [range("b", "c"), range("x", "y"), range("a", "b"), range("c", "d")];
  const read = async (options: {
    limit?: number;
    limitEach?: number;
    reverse?: boolean;
  }): Promise<string[]> =>
    withView(engine, async (view) => {
      const seen: string[] = [];
      const scan = view.scanMany(ranges, options);
      for (let next = await scan.next(); next !== undefined; next = await scan.next()) {
        for (const [key] of rowsOfPage(next.page)) seen.push(`${next.range}${text(key)!}`);
      }
      return seen;
    });

  expect(await read({})).toEqual(["0b1", "0b2", "2a1", "2a2", "2a3", "3c1"]);
  expect(await read({ limitEach: 1, reverse: true })).toEqual(["0b2", "2a3", "3c1"]);
  expect(await read({ limit: 4, limitEach: 2 })).toEqual(["0b1", "0b2", "2a1", "2a2"]);
});

// ---------------------------------------------------------------- engines that have them

/** A memory engine with scanRefs and scanMany of its own, and the plans it was given. */
class WholeEngine extends EngineDouble {
  asked: string[] = [];
  override async begin(options?: BeginOptions): Promise<EngineTransaction> {
    const inner = await super.begin(options);
    const plain = fullView(
      {
        get: (key) => inner.get(key),
        read: (key, decode) => inner.read(key, decode),
        getMany: (keys) => inner.getMany(keys),
        scan: (of, each) => inner.scan(of, each),
      },
      false,
    );
    return Object.assign(inner, {
      scanRefs: (...args: Parameters<FullView["scanRefs"]>): RefScan => {
        this.asked.push("scanRefs");
        return plain.scanRefs(...args);
      },
      scanMany: (...args: Parameters<FullView["scanMany"]>): MultiScan => {
        this.asked.push("scanMany");
        return plain.scanMany(...args);
      },
    });
  }
}

test("an engine's own ways of reading are used and recorded, as long as nothing was written", async () => {
  const engine = new WholeEngine();
  await fill(engine, rows);

  await transact(new TestHost(), engine, async (tx) => {
    const refs = tx.scanRefs(range("i/", "i/c"));
    expect(shown((await refs.next()).found)).toEqual(["two", undefined]);
    const limited = tx.scanRefs(range("i/", "i0"), { reverse: true, limit: 1 });
    expect(shown((await limited.next()).found)).toEqual(["one"]);
    const many = tx.scanMany([range("d/", "d0"), range("q", "r"), range("a", "b")], {
      limitEach: 1,
    });
    while ((await many.next()) !== undefined);
    const cut = tx.scanMany([range("y", "yy"), range("z", "zz")]);
    cut.close();
    expect(engine.asked).toEqual(["scanRefs", "scanRefs", "scanMany", "scanMany"]);

    tx.put(bytes("d/9"), bytes("nine"));
    const after = tx.scanRefs(range("i/b", "i/c"));
    expect(shown((await after.next()).found)).toEqual(["nine"]);
    expect(engine.asked).toHaveLength(4);
  });

  const [plan] = engine.plans;
  expect(plan!.readKeys.map((key) => text(key)!).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
    "d/1",
    "d/2",
    "d/9",
  ]);
  expect(plan!.readRanges.map(({ start, end }) => [text(start), text(end)])).toEqual([
    ["a", "b"],
    ["d/", "d/1\0"],
    ["i/", "i0"],
    ["q", "r"],
  ]);
});

test("of several ranges of an engine's own scan, those that the limit of all cut off were not read", async () => {
  const engine = new WholeEngine();
  await fill(engine, { a1: "", a2: "", b1: "", c1: "" });

  await transact(new TestHost(), engine, async (tx) => {
    const scan = tx.scanMany([range("a", "b"), range("b", "c"), range("c", "d")], { limit: 2 });
    while ((await scan.next()) !== undefined);
    tx.put(bytes("own"), bytes("1"));
  });

  const [{ start, end }, ...others] = engine.plans[0]!.readRanges as [KeyRange, ...KeyRange[]];
  expect([text(start), text(end)]).toEqual(["a", "a2\0"]);
  expect(others).toEqual([]);
});

// ---------------------------------------------------------------- plain reads

test("a view sees one state for the length of its body and is let go after it, also by an error", async () => {
  const engine = new MemoryEngine();
  await fill(engine, { a: "1" });

  await withView(engine, async (view) => {
    const before = await rowsOf(view);
    await fill(engine, { a: "2" });
    expect(await rowsOf(view)).toEqual(before);
  });
  const boom = (): never => {
    throw new Error("mine");
  };
  expect(String(await failureOf(() => withView(engine, boom)))).toBe("Error: mine");
  expect(String(await failureOf(() => withView(engine, async () => boom())))).toBe("Error: mine");

  expect(engine.stats()["openViews"]).toBe(0);
});

test("a view of what is in memory answers at once", () => {
  const engine: StorageEngine = new MemoryEngine();
  expect(withView(engine, (view) => view.read(bytes("a"), (b: Bytes) => b) ?? "none")).toBe("none");
});

test("where reads are not final, a view is committed, and read again if it did not hold", async () => {
  let losses = 2;
  const engine = new EngineDouble({
    readsAreFinal: false,
    onPlan() {
      if (losses-- > 0) throw CONFLICT;
    },
  });
  await fill(engine, { a: "1" });
  let runs = 0;
  const read = async (view: FullView): Promise<string | undefined> => {
    runs++;
    const value = text(await view.get(bytes("a")));
    if (losses > 0) throw new Error("from what never was");
    return value;
  };

  expect(await withView(engine, read)).toBe("1");
  expect(runs).toBe(3);
  expect(engine.plans.map(({ readKeys }) => readKeys.map(text))).toEqual([["a"], ["a"], ["a"]]);
  losses = Infinity;
  const error = (await failureOf(() =>
    withView(engine, (view) => view.get(bytes("a"))),
  )) as Conflict;
  expect(error).toBeInstanceOf(Conflict);
  expect(error.attempts).toBe(16);
});

test("a view that keeps losing says so to the engine, which may have a way of reading that waits", async () => {
  let losses = 4;
  const engine = new EngineDouble({
    readsAreFinal: false,
    onPlan() {
      if (losses-- > 0) throw CONFLICT;
    },
  });
  const begun: (boolean | undefined)[] = [];
  const begin = engine.begin.bind(engine);
  engine.begin = (options: BeginOptions) => {
    begun.push(options.isRetry);
    return begin(options);
  };

  await withView(engine, (view) => view.get(bytes("a")));

  expect(begun).toEqual([false, false, false, true, true]);
});

test.each([
  [1, "read again", undefined],
  [2, "told", "Unavailable"],
])("a view whose engine is out of reach %i times is %s", async (times, _, code) => {
  let away = times;
  const engine = new EngineDouble({ readsAreFinal: false });
  const read = (view: FullView): unknown => {
    if (away-- > 0) throw new StorageError("Unavailable");
    return view.get(bytes("a"));
  };

  const outcome = await Promise.resolve(withView(engine, read)).catch((error: unknown) => error);

  expect((outcome as StorageError | undefined)?.code).toBe(code);
});
