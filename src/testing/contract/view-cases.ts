/** Cases about which state a view sees (law 3). */
import type { ReadView } from "../../engine/contract/index.ts";
import { retried } from "../kit/index.ts";
import {
  bytesOf,
  contractCase,
  expectEqual,
  expectTrue,
  outcomeOf,
  textOf,
} from "./contract-case.ts";
import type { ContractCase } from "./contract-case.ts";

const oneState = contractCase(
  "all reads of one view see one state, however they read and whatever is committed meanwhile",
  [3],
  async (place) => {
    for (const readOnly of [true, false]) {
      await place.write([{ op: "delRange", range: place.range() }]);
      await place.seed({ a: "0", b: "0", gone: "0" });
      const transaction = await place.begin({ readOnly });
      const view = transaction.inner;
      expectEqual(textOf(await view.get(place.key("a"))), "0", "first read");
      await place.write([place.put("a", "1"), place.put("b", "1"), place.put("new", "1")]);
      await place.write([{ op: "delRange", range: place.range("gone") }]);
      expectEqual(textOf(await view.get(place.key("b"))), "0", "get");
      expectEqual(textOf(await view.get(place.key("gone"))), "0", "get of a deleted key");
      expectEqual(await view.get(place.key("new")), undefined, "get of a new key");
      const decoded = await view.read(place.key("b"), (buffer, start) => buffer[start]);
      expectEqual(decoded, 0x30, "read");
      const many = await view.getMany(place.keys("a", "b", "gone", "new"));
      expectEqual(many.map(textOf), ["0", "0", "0", undefined], "getMany");
      const rows = ["a=0", "b=0", "gone=0"];
      expectEqual(await place.entriesOf(view, place.range()), rows, "scan");
      const reversed = await place.entriesOf(view, place.range(), { reverse: true });
      expectEqual(reversed, rows.toReversed(), "scan in reverse");
      transaction.abort();
    }
  },
);

const oneStateOrNone = contractCase(
  "a view that may lose sees one state too, or loses",
  [3],
  async (place) => {
    for (const changed of ["a", "b", "c"]) {
      await place.write([{ op: "delRange", range: place.range() }]);
      await place.seed({ a: "0", b: "0", c: "0" });
      const view = await place.begin({ readOnly: true, mayLose: true });
      expectEqual(textOf(await view.get(place.key("a"))), "0", "first read");
      await place.seed({ [changed]: "1" });
      let second: string | undefined;
      const outcome = await outcomeOf(async () => {
        second = textOf(await view.get(place.key("b")));
      });
      if (outcome === "ok" && changed === "b") {
        // Newer than the first read, so the first read must hold there too: a is as it was.
        expectTrue(second === "0" || second === "1", "second read");
      } else if (outcome === "ok") expectEqual(second, "0", `second read, ${changed} changed`);
      else expectEqual(outcome, "Conflict", "outcome of the second read");
      const hasLost = outcome !== "ok";
      await place.seed({ a: "2", b: "2" });
      const last = await outcomeOf(async () => {
        expectEqual(textOf(await view.get(place.key("a"))), "0", "third read, of a");
        expectEqual(textOf(await view.get(place.key("b"))), second, "third read, of b");
      });
      expectTrue(last === "Conflict" || (last === "ok" && !hasLost), "outcome of the third read");
      // Whoever did not listen is told by the commit.
      const end = await outcomeOf(() => view.commit());
      if (last === "Conflict") expectEqual(end, "Conflict", "outcome of the commit");
      view.abort();
    }
  },
);

const oneStateFromScan = contractCase(
  "a scan that began before a commit gives none of it on its later pages, and fixes the view for gets",
  [3],
  async (place) => {
    const names = Array.from({ length: 300 }, (_, i) => `r${String(i).padStart(3, "0")}`);
    await place.seed(Object.fromEntries(names.map((name) => [name, "0"])));
    const transaction = await place.begin();
    const scan = transaction.inner.scan(place.range());
    const first = await scan.next();
    await place.write([
      { op: "delRange", range: place.between("r1", "r2") },
      ...names.slice(200).map((name) => place.put(name, "1")),
      ...names.slice(200).map((name) => place.put(`${name}x`, "1")),
    ]);
    let rows = first.rows;
    for (let page = first; !page.done; rows += page.rows) {
      page = await scan.next();
      for (let i = 0; i < page.rows; i++) {
        expectEqual(page.buffer[page.valueStart[i]!], 0x30, "value on a later page");
      }
    }
    expectEqual(rows, names.length, "rows of the scan");
    const value = await transaction.inner.get(place.key("r150"));
    expectEqual(textOf(value), "0", "a get after the scan");
    transaction.abort();
  },
);

const freshAtFirstRead = contractCase(
  "a view sees every commit that was acknowledged before its first read was issued",
  [3],
  async (place) => {
    for (const readOnly of [true, false]) {
      await place.seed({ a: "0" });
      const first: Record<string, (view: ReadView) => Promise<string | undefined>> = {
        get: async (view) => textOf(await view.get(place.key("a"))),
        read: async (view) =>
          view.read(place.key("a"), (buffer, start, end) => textOf(buffer.subarray(start, end))),
        getMany: async (view) => textOf((await view.getMany(place.keys("a")))[0]),
        scan: async (view) => (await place.entriesOf(view, place.range()))[0]?.slice(2),
      };
      for (const [how, read] of Object.entries(first)) {
        const transaction = await place.begin({ readOnly });
        await place.seed({ a: how });
        expectEqual(await read(transaction.inner), how, `first read by ${how}`);
        transaction.abort();
      }
    }
  },
);

const readYourCommits = contractCase(
  "who begins after a commit was acknowledged sees it, in transactions and in snapshots",
  [3],
  async (place) => {
    for (let i = 0; i < 20; i++) {
      if (i % 2 === 0) await place.seed({ a: `${i}` });
      else {
        const writer = await place.begin();
        await writer.get(place.key("a"));
        writer.put(place.key("a"), bytesOf(`${i}`));
        await writer.commit();
      }
      expectEqual(await place.value("a"), `${i}`, "a read-only transaction");
      const transaction = await place.begin();
      expectEqual(textOf(await transaction.get(place.key("a"))), `${i}`, "a transaction");
      transaction.abort();
      const snapshot = await place.engine.snapshot();
      expectEqual(textOf(await snapshot.get(place.key("a"))), `${i}`, "a snapshot");
      snapshot.close();
    }
  },
);

const snapshotLasts = contractCase(
  "a snapshot stays as it was over many commits, range deletes among them, and beside newer ones",
  [3],
  async (place) => {
    await place.seed({ a: "0", b: "0" });
    const old = await place.engine.snapshot();
    expectEqual(await place.entriesOf(old, place.range()), ["a=0", "b=0"], "at once");
    for (let i = 1; i <= 20; i++) await place.seed({ a: `${i}`, [`n${i}`]: "1" });
    const newer = await place.engine.snapshot();
    expectEqual(textOf(await newer.get(place.key("a"))), "20", "the newer one");
    await place.write([{ op: "delRange", range: place.range() }]);
    expectEqual(await place.entriesOf(old, place.range()), ["a=0", "b=0"], "the old one");
    expectEqual((await place.entriesOf(newer, place.range())).length, 22, "rows of the newer one");
    newer.close();
    expectEqual(textOf(await old.get(place.key("b"))), "0", "after the newer one was closed");
    old.close();
    expectEqual(await place.entries(), [], "newest");
  },
);

const readerEnds = contractCase(
  "a transaction that only reads one state commits in the end, whatever is written meanwhile",
  [3, 6],
  (place) =>
    retried(
      place.engine,
      async (reader) => {
        const before = textOf(await reader.get(place.key("a")));
        await place.write(place.puts({ a: `${before}+`, b: `${before}+` }));
        expectEqual(textOf(await reader.get(place.key("b"))), before, "second read");
      },
      { readOnly: true, attempts: 100 },
    ),
);

export const viewCases: readonly ContractCase[] = [
  oneState,
  oneStateOrNone,
  oneStateFromScan,
  freshAtFirstRead,
  readYourCommits,
  snapshotLasts,
  readerEnds,
];
