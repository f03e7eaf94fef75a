/**
 * What the transaction room adds to an engine: `npx tsx bench/micro/transaction.ts`.
 * Each figure is the best of several runs, in nanoseconds for one operation: what disturbs a run only makes it slower.
 */
import { nextKey } from "../../src/base/index.ts";
import type { Bytes } from "../../src/base/index.ts";
import type { KeyRange, StorageEngine } from "../../src/engine/contract/index.ts";
import { RecentCommits } from "../../src/engine/lsm/commit/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import { nodeTimers } from "../../src/engine/lsm/host/index.ts";
import { transact } from "../../src/transaction/index.ts";
import type { Transaction, TransactionHost } from "../../src/transaction/index.ts";

const host: TransactionHost = {
  nowMillis: () => performance.now(),
  random: () => Math.random(),
  ...nodeTimers,
  report(error) {
    throw error;
  },
};

const ROUNDS = 15;
const ROWS = 10_000;
const keyOf = (n: number): Bytes => {
  const key = new Uint8Array(20);
  new DataView(key.buffer).setUint32(16, n);
  return key;
};
const keys = Array.from({ length: ROWS }, (_, n) => keyOf(n));
const value = new Uint8Array(200).fill(7);
const everything = { start: new Uint8Array(0), end: undefined };

async function filled(): Promise<StorageEngine> {
  const engine = new MemoryEngine();
  const ops = keys.map((key) => ({ op: "put", key, value }) as const);
  await engine.write({ ops, requires: [] });
  return engine;
}

async function measure(name: string, count: number, run: () => unknown): Promise<void> {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await run();
    best = Math.min(best, ((performance.now() - start) * 1e6) / count);
  }
  console.log(`${name.padEnd(68)} ${best.toFixed(0).padStart(6)}`);
}

const engine = await filled();
const TIMES = 20_000;
const each = (work: (key: Bytes) => unknown) => (): void => {
  for (let i = 0; i < TIMES; i++) work(keys[(i * 7919) % ROWS]!);
};
const change = (tx: Transaction, key: Bytes): void => {
  const old = tx.read(key, (bytes, start) => bytes[start]!) as number;
  tx.put(key, value);
  if (old !== 7) throw new Error("not what was written");
};

console.log("one transaction each: read one row, write one row");
await measure(
  "  bare engine (begin, read, commit)",
  TIMES,
  each((key) => {
    const tx = engine.begin() as Awaited<ReturnType<StorageEngine["begin"]>>;
    void tx.read(key, (bytes, start) => bytes[start]!);
    return tx.commit({
      readKeys: [key],
      readRanges: [],
      ops: [{ op: "put", key, value }],
      requires: [],
    });
  }),
);
await measure(
  "  transact, body of the library",
  TIMES,
  each((key) =>
    transact(
      host,
      engine,
      (tx) => {
        change(tx, key);
      },
      { runsUserCode: false },
    ),
  ),
);
await measure(
  "  transact, body of the user, watched for nesting",
  TIMES,
  each((key) =>
    transact(host, engine, (tx) => {
      change(tx, key);
    }),
  ),
);
await measure("  the same, async body", TIMES, async () => {
  for (let i = 0; i < TIMES; i++) {
    await transact(host, engine, async (tx) => {
      change(tx, keys[(i * 7919) % ROWS]!);
    });
  }
});
await measure(
  "  transact that does nothing, body of the library",
  TIMES,
  each(() => transact(host, engine, () => 1, { runsUserCode: false })),
);

console.log("\nin one transaction, by operation");
const within = (work: (tx: Transaction) => void) => (): unknown => transact(host, engine, work);
const inOrder = keys;
const shuffled = keys.map((_, i) => keys[(i * 7919) % ROWS]!);
for (const [name, order] of [
  ["in order", inOrder],
  ["in random order", shuffled],
] as const) {
  await measure(
    `  get of the engine, ${name}`,
    ROWS,
    within((tx) => {
      for (const key of order) void tx.read(key, (bytes, start) => bytes[start]);
    }),
  );
  for (const ownership of ["copy", "owned"] as const) {
    await measure(
      `  put of 200 bytes, ${name}, ${ownership}, commit included`,
      ROWS,
      within((tx) => {
        for (const key of order) tx.put(key, value, ownership);
      }),
    );
  }
}
const abandoned = new Error("abandoned");
const abandon = (work: (tx: Transaction) => void) => (): void => {
  try {
    void transact(host, engine, (tx) => {
      work(tx);
      throw abandoned;
    });
  } catch (error) {
    if (error !== abandoned) throw error;
  }
};
for (const ownership of ["copy", "owned"] as const) {
  await measure(
    `  put of 200 bytes, in random order, ${ownership}, abandoned`,
    ROWS,
    abandon((tx) => {
      for (const key of shuffled) tx.put(key, value, ownership);
    }),
  );
}

console.log("\nscans of 10,000 rows, by row");
function scanAll(view: Pick<Transaction, "scan">): void {
  const scan = view.scan(everything);
  for (let done = false, rows = 0; !done;) {
    const page = scan.next();
    if (page instanceof Promise) throw new Error("not in memory");
    rows += page.rows;
    ({ done } = page);
    if (done && rows < ROWS) throw new Error("rows are missing");
  }
}
await measure("  bare engine", ROWS, () => {
  scanAll(engine.begin() as unknown as Transaction);
});
await measure("  transaction, nothing written", ROWS, within(scanAll));
await measure(
  "  transaction, 100 own writes between",
  ROWS,
  abandon((tx) => {
    for (let i = 0; i < 100; i++) tx.put(keys[i * 100]!, value, "owned");
    scanAll(tx);
  }),
);
await measure(
  "  transaction, all rows own writes (2 × rows merged; writing included)",
  ROWS,
  abandon((tx) => {
    for (const key of keys) tx.put(key, value, "owned");
    scanAll(tx);
  }),
);

console.log(
  "\nvalidation against the recent commits of the local engine, by key or range that was read",
);
// Each commit changed one key; the transaction began before all of them, and read nothing that they changed.
for (const commits of [10, 1_000, 10_000]) {
  const recent = new RecentCommits(0, { bytesMax: Infinity, ageMillisMax: Infinity });
  const ops = (n: number) => [{ op: "put", key: keyOf(2 * n), value } as const];
  for (let n = 0; n < commits; n++) recent.record(n + 1, 0, ops(n));
  const absent = Array.from({ length: 1_000 }, (_, i) => keyOf(2 * ((i * 7919) % commits) + 1));
  const ranges = absent.map((start) => ({ start, end: nextKey(start) }));
  const judge = (readKeys: readonly Bytes[], readRanges: readonly KeyRange[]): void => {
    if (recent.judge(0, readKeys, readRanges) !== "agrees") throw new Error("nothing was changed");
  };
  await measure(`  1,000 keys, ${commits} commits`, 1_000, () => {
    judge(absent, []);
  });
  for (const count of [1, 100]) {
    const some = ranges.slice(0, count);
    await measure(
      `  ${count} ranges, ${commits} commits, by range and commit`,
      count * commits,
      () => {
        judge([], some);
      },
    );
  }
}
await measure("  remembering and forgetting a commit of one key", TIMES, () => {
  const recent = new RecentCommits(0, { bytesMax: 1_000_000, ageMillisMax: Infinity });
  for (let n = 0; n < TIMES; n++)
    recent.record(n + 1, 0, [{ op: "put", key: keys[n % ROWS]!, value }]);
});
