/** Cases about handles and their ends, wakeups, the change log and old versions (laws 10 and 11). */
import type { Awaitable, Bytes } from "../../base/index.ts";
import { rangeContains } from "../../engine/contract/index.ts";
import type {
  ChangeSet,
  CommitListener,
  ReadView,
  Scan,
  StorageEngine,
  Version,
} from "../../engine/contract/index.ts";
import {
  bytesOf,
  contractCase,
  expectEqual,
  expectTrue,
  outcomeOf,
  planOf,
  textOf,
} from "./contract-case.ts";
import type { ContractCase, Place } from "./contract-case.ts";
import { pause } from "../kit/index.ts";

/** Every read of the view, and the next page of a scan that was open, fails with Closed. */
async function expectClosed(place: Place, view: ReadView, scan: Scan): Promise<void> {
  const reads: Record<string, () => unknown> = {
    get: () => view.get(place.key("a")),
    read: () => view.read(place.key("a"), () => 1),
    getMany: () => view.getMany(place.keys("a")),
    scan: () => view.scan(place.range()).next(),
    "next page": () => scan.next(),
  };
  for (const [how, read] of Object.entries(reads)) {
    expectEqual(await outcomeOf(read), "Closed", `${how} after the end`);
  }
}

async function seedManyRows(place: Place): Promise<void> {
  await place.write(Array.from({ length: 300 }, (_, i) => place.put(`r${i}`, "1")));
}

const closedAfterCommit = contractCase(
  "after a commit, also one that failed, the transaction's reads and a second commit fail with Closed",
  [11],
  async (place) => {
    await seedManyRows(place);
    for (const outcome of ["ok", "Conflict"]) {
      const transaction = await place.begin();
      await transaction.get(place.key("a"));
      const scan = transaction.inner.scan(place.range());
      await scan.next();
      if (outcome === "Conflict") await place.seed({ a: "1" });
      transaction.put(place.key("a"), bytesOf("2"));
      expectEqual(await outcomeOf(() => transaction.commit()), outcome, "the commit");
      await expectClosed(place, transaction.inner, scan);
      const again = planOf({ ops: [place.put("c", "1")] });
      expectEqual(await outcomeOf(() => transaction.inner.commit(again)), "Closed", "a second one");
      transaction.abort();
    }
    expectEqual(await place.value("c"), undefined, "what the second commit would have written");
  },
);

const closedAfterAbort = contractCase(
  "abort leaves nothing, never throws, may be called again, and closes the transaction",
  [11],
  async (place) => {
    await seedManyRows(place);
    const transaction = await place.begin();
    const scan = transaction.inner.scan(place.range());
    await scan.next();
    transaction.put(place.key("b"), bytesOf("1"));
    for (let i = 0; i < 3; i++) transaction.abort();
    await expectClosed(place, transaction.inner, scan);
    expectEqual(await outcomeOf(() => transaction.commit()), "Closed", "commit");
    expectEqual(await place.value("b"), undefined, "what it would have written");
    const unused = await place.begin();
    unused.abort();
    unused.abort();
    const committed = await place.begin();
    committed.put(place.key("b"), bytesOf("2"));
    await committed.commit();
    committed.abort();
    expectEqual(await place.value("b"), "2", "value after the abort of a finished transaction");
  },
);

const closedSnapshot = contractCase(
  "after close() a snapshot reads nothing, and closing it again does no harm",
  [11],
  async (place) => {
    await seedManyRows(place);
    const [closed, open] = [await place.engine.snapshot(), await place.engine.snapshot()];
    const scan = closed.scan(place.range());
    await scan.next();
    closed.close();
    closed.close();
    await expectClosed(place, closed, scan);
    await place.seed({ r0: "2" });
    expectEqual(textOf(await open.get(place.key("r0"))), "1", "the other snapshot of that state");
    open.close();
  },
);

const closedEngine = contractCase(
  "after close() the engine and all its handles fail with Closed, and closing it again does no harm",
  [11],
  async (place) => {
    await seedManyRows(place);
    const transaction = await place.begin();
    const scan = transaction.inner.scan(place.range());
    await scan.next();
    const snapshot = await place.engine.snapshot();
    const snapshotScan = snapshot.scan(place.range());
    await snapshotScan.next();
    await place.engine.close();
    await place.engine.close();
    await expectClosed(place, transaction.inner, scan);
    await expectClosed(place, snapshot, snapshotScan);
    transaction.put(place.key("a"), bytesOf("1"));
    expectEqual(await outcomeOf(() => transaction.commit()), "Closed", "commit");
    transaction.abort();
    snapshot.close();
    expectEqual(await outcomeOf(() => place.begin()), "Closed", "begin");
    expectEqual(await outcomeOf(() => place.engine.snapshot()), "Closed", "snapshot");
    expectEqual(await outcomeOf(() => place.seed({ a: "1" })), "Closed", "write");
  },
  { closesEngine: true },
);

const errorsSayWhatToDo = contractCase(
  "a Conflict says that running again helps and that nothing was committed",
  [10],
  async (place) => {
    const transaction = await place.begin();
    await transaction.get(place.key("a"));
    await place.seed({ a: "1" });
    transaction.put(place.key("a"), bytesOf("2"));
    const error = await transaction.commit().then(
      () => undefined,
      (reason: unknown) => reason as { readonly retryable: boolean; readonly committed: string },
    );
    expectEqual([error?.retryable, error?.committed], [true, "no"], "retryable, committed");
    expectEqual(await place.value("a"), "1", "value");
  },
);

const hasNoWakeups = {
  skipReason: (engine: StorageEngine) =>
    engine.onCommit === undefined || engine.capabilities.changes === "none"
      ? "tells of no commits"
      : undefined,
};

/** An engine may hear of its own commits over a network; one in memory needs a few turns. */
const WAKE_MILLIS_MAX = 2_000;

async function untilTrue(condition: () => boolean, what: string): Promise<void> {
  const start = performance.now();
  while (!condition() && performance.now() - start < WAKE_MILLIS_MAX) await pause();
  expectTrue(condition(), what);
}

const wakeups = contractCase(
  "listeners are woken after each commit and told at least what it touched, until they are taken off",
  [5],
  async (place) => {
    let calls: Parameters<CommitListener>[0][] = [];
    const told = (key: Bytes): boolean =>
      calls.some(
        (touched) =>
          touched === undefined ||
          touched.keys.some((one) => textOf(one) === textOf(key)) ||
          touched.ranges.some((range) => rangeContains(range, key)),
      );
    const takeOff = place.engine.onCommit!((touched) => {
      calls.push(touched);
    });
    const commits: Record<string, () => Awaitable<unknown>> = {
      put: () => place.seed({ put: "1", other: "1" }),
      del: () => place.write([place.del("put")]),
      range: () => place.write([{ op: "delRange", range: place.range("o") }]),
      merge: () =>
        place.write([
          { op: "merge", key: place.key("merge"), how: "addInt", operand: new Uint8Array(8) },
        ]),
      transaction: async () => {
        const transaction = await place.begin();
        await transaction.get(place.key("transaction"));
        transaction.put(place.key("transaction"), bytesOf("1"));
        await transaction.commit();
      },
    };
    const touches: Record<string, string> = { del: "put", range: "other" };
    for (const [name, commit] of Object.entries(commits)) {
      calls = [];
      await commit();
      const key = place.key(touches[name] ?? name);
      await untilTrue(() => told(key), `a listener hears of the commit "${name}"`);
    }
    takeOff();
    takeOff();
    calls = [];
    await place.seed({ silent: "1" });
    for (let i = 0; i < 5; i++) await pause();
    expectEqual(calls.length, 0, "calls after the listener was taken off");
  },
  hasNoWakeups,
);

const hasNoLog = {
  skipReason: (engine: StorageEngine) =>
    engine.capabilities.changes === "log" && engine.changes !== undefined
      ? undefined
      : "keeps no log of changes",
};

/** The next `count` commits after a version that touched this place, as "put a=1 del b". */
async function commitsAfter(
  place: Place,
  after: Version | undefined,
  count: number,
): Promise<{ readonly text: string; readonly version: Version }[]> {
  const found: { readonly text: string; readonly version: Version }[] = [];
  for await (const changes of place.engine.changes!(after)) {
    for (const change of changes) {
      const text = textOfChange(place, change);
      if (text !== "") found.push({ text, version: change.version });
    }
    if (found.length >= count) break;
  }
  return found;
}

function textOfChange(place: Place, change: ChangeSet): string {
  const named = (key: Bytes): string => textOf(key).slice(place.namespace.length);
  const words = change.ops.map((op) => {
    const key = op.op === "delRange" ? op.range.start : op.key;
    if (!textOf(key).startsWith(place.namespace)) return "";
    if (op.op === "put") return `put ${named(key)}=${op.value.length}`;
    return `${op.op} ${named(key)}`;
  });
  return words
    .filter((word) => word !== "")
    .toSorted()
    .join(" ");
}

const changeLog = contractCase(
  "the change log gives every commit once, whole and in order, from any version on",
  [5],
  async (place) => {
    const start = (await place.write([place.put("start", "")])).version;
    expectTrue(start !== undefined, "an engine with a log gives versions");
    await place.write([place.put("a", "1"), place.put("b", "22")]);
    await place.write([place.del("a"), { op: "delRange", range: place.range("b") }]);
    await place.write([place.put("c", "333")]);
    const all = await commitsAfter(place, start, 3);
    const texts = ["put a=1 put b=2", "del a delRange b", "put c=3"];
    expectEqual(
      all.map(({ text }) => text),
      texts,
      "commits",
    );
    const rest = await commitsAfter(place, all[0]!.version, 2);
    expectEqual(
      rest.map(({ text }) => text),
      texts.slice(1),
      "commits after the first",
    );
  },
  hasNoLog,
);

const pastVersions = contractCase(
  "begin({ at }) reads the state of that version",
  [3],
  async (place) => {
    const { version } = await place.write([place.put("a", "old")]);
    await place.seed({ a: "new" });
    const past = await place.begin({ readOnly: true, at: version! });
    expectEqual(textOf(await past.get(place.key("a"))), "old", "value at the version");
    past.abort();
  },
  {
    skipReason: (engine) =>
      engine.capabilities.pastVersions ? undefined : "reads no versions of the past",
  },
);

const saysWhatItIs = contractCase(
  "the engine has a name and limits that make sense, and verify finds nothing wrong",
  [],
  async (place) => {
    const { name, limits } = place.engine;
    expectTrue(name.length > 0, "the engine has a name");
    for (const [limit, value] of Object.entries(limits) as [string, number][]) {
      expectTrue(value > 0, `${limit} is positive`);
    }
    await seedManyRows(place);
    await place.write([{ op: "delRange", range: place.range("r1") }]);
    expectEqual(await place.engine.verify?.(), place.engine.verify && [], "problems");
  },
);

export const handleCases: readonly ContractCase[] = [
  closedAfterCommit,
  closedAfterAbort,
  closedSnapshot,
  closedEngine,
  errorsSayWhatToDo,
  wakeups,
  changeLog,
  pastVersions,
  saysWhatItIs,
];
