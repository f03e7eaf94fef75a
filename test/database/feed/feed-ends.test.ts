/** Where a feed begins, where it ends, and what it says when it cannot be. */
import { Closed, InvalidOption, InvalidQuery, open, StorageError } from "kotobadb";
import { MemoryEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { engineHere, isElsewhere } from "../../support/elsewhere.ts";
import { collections, openInMemory, openNotes } from "./support.ts";
import type { NoteChange, NotesDb } from "./support.ts";

const note = (text: string) => ({ group: 1, text });
const inMemory = (): Promise<NotesDb> => openInMemory({ changeLog: true });
/** A folder as well, unless the suite runs elsewhere. */
const everyKind = async (): Promise<readonly NotesDb[]> =>
  isElsewhere() ? [await inMemory()] : [await inMemory(), await openNotes(new SimulatedHost())];

async function firstOf(changes: AsyncIterable<NoteChange>): Promise<NoteChange> {
  for await (const change of changes) return change;
  throw new Error("the feed ended");
}

test("a commit of several documents comes in the order of ids, and its last change ends it", async () => {
  await using db = await inMemory();
  const feed = db.notes.changes()[Symbol.asyncIterator]();
  const first = feed.next();
  await db.notes.insertMany(["b", "a"].map((id) => ({ ...note(id), id: id as never })));
  const found = [(await first).value!, (await feed.next()).value!];
  expect(found).toEqual([
    {
      type: "insert",
      id: "a",
      after: { ...note("a"), id: "a" },
      version: found[0]!.version,
      endsCommit: false,
    },
    {
      type: "insert",
      id: "b",
      after: { ...note("b"), id: "b" },
      version: found[0]!.version,
      endsCommit: true,
    },
  ]);
});

test("what a commit made and deleted itself is no change, and deleted and made anew is an update", async () => {
  await using db = await inMemory();
  const { id } = await db.notes.insert(note("old"));
  const feed = db.notes.changes()[Symbol.asyncIterator]();
  const first = feed.next();
  await db.transaction(async (tx) => {
    const brief = await tx.notes.insert(note("brief"));
    await tx.notes.delete(brief.id);
  });
  await db.transaction(async (tx) => {
    await tx.notes.delete(id);
    await tx.notes.insert({ ...note("new"), id });
  });
  expect((await first).value).toMatchObject({ type: "update", id, after: { text: "new" } });
});

test.skipIf(isElsewhere())("without a change log the feed says what to do about it", async () => {
  await using db = await open(":memory:", { collections, fullScan: "allow" });
  const failure = await firstOf(db.notes.changes()).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(StorageError);
  expect((failure as StorageError).code).toBe("NotSupported");
  expect(String(failure)).toContain("Open the database with the option changeLog.");
});

test.skipIf(isElsewhere())(
  "a version of the future, and one that the log no longer holds, are TooOld",
  async () => {
    await using db = await open(":memory:", {
      collections,
      changeLog: { bytesMax: 1_024 },
      fullScan: "allow",
    });
    const first = firstOf(db.notes.changes());
    await db.notes.insert(note("first"));
    const { version: since } = await first;
    const large = firstOf(db.notes.changes());
    await db.notes.insert(note("x".repeat(3_000)));
    expect((await large).after!.text).toHaveLength(3_000);
    for (let i = 0; i < 100; i++) await db.notes.insert(note(`note ${i}`));
    await expect(firstOf(db.notes.changes({ since }))).rejects.toMatchObject({ code: "TooOld" });
    await using stored = await openNotes(new SimulatedHost());
    for (const notes of [db.notes, stored.notes])
      await expect(firstOf(notes.changes({ since: "999" }))).rejects.toMatchObject({
        code: "TooOld",
      });
  },
);

test("a copy begins with a live result and goes on behind its version, without a gap or a change twice", async () => {
  for (const db of await everyKind()) {
    await db.notes.insertMany([note("a"), note("b")]);
    const copy = new Map<string, unknown>();
    const writes = Promise.all(["c", "d", "e"].map((text) => db.notes.insert(note(text))));
    let since: string | undefined;
    for await (const { rows, version } of db.notes.live()) {
      for (const row of rows) copy.set(row.id, row);
      since = version;
      break;
    }
    await writes;
    const last = await db.notes.insert(note("last"));
    for await (const change of db.notes.changes({ since })) {
      expect([change.type, copy.has(change.id)]).toEqual(["insert", false]);
      copy.set(change.id, change.after);
      if (change.id === last.id) break;
    }
    expect(copy.size).toBe(6);
    await db.close();
  }
});

test.skipIf(isElsewhere())(
  "defaults that a new schema fills in are updates of the feed, and older documents are decoded",
  async () => {
    const host = new SimulatedHost();
    const first = z.object({ name: z.string() });
    const options = { host, changeLog: true } as const;
    let db = await open("/db", options);
    const old = db.collection("people", first);
    const begun = old.changes()[Symbol.asyncIterator]();
    const next = begun.next();
    await old.insert({ name: "Ada" });
    const { version } = (await next).value!;
    await old.insert({ name: "Bo" });
    await db.close();
    db = await open("/db", options);
    const people = db.collection("people", first.extend({ age: z.number().default(7) }));
    const found: unknown[] = [];
    for await (const { type, after } of people.changes({ since: version })) {
      found.push([type, after?.name, after?.age]);
      if (found.length === 3) break;
    }
    expect(found).toEqual([
      ["insert", "Bo", undefined],
      ["update", "Ada", 7],
      ["update", "Bo", 7],
    ]);
    await db.close();
  },
);

test.skipIf(isElsewhere())(
  "commits of a time without a change log are never told with a wrong word",
  async () => {
    const host = new SimulatedHost();
    let db = await openNotes(host);
    const first = firstOf(db.notes.changes());
    await db.notes.insert(note("first"));
    const { version: since } = await first;
    await db.close();
    db = await open("/home/feed", { collections, host, fullScan: "allow" });
    await db.notes.insert(note("unseen"));
    await db.close();
    db = await openNotes(host);
    await expect(firstOf(db.notes.changes({ since }))).rejects.toMatchObject({ code: "TooOld" });
    await db.close();
  },
);

test("documents deleted as a range end the feed with TooOld", async () => {
  const engine = engineHere({ changeLog: true });
  await using db = await open({ engine }, { collections, fullScan: "allow" });
  await db.notes.insert(note("a"));
  const next = firstOf(db.notes.changes());
  // Collection 1 has its documents under 01 00; what lies under 09 is nobody's.
  const range = (first: number) => ({
    start: Uint8Array.of(first, 0),
    end: Uint8Array.of(first, 1),
  });
  await engine.write({ ops: [{ op: "delRange", range: range(9) }], requires: [] });
  await engine.write({ ops: [{ op: "delRange", range: range(1) }], requires: [] });
  await expect(next).rejects.toMatchObject({ code: "TooOld" });
});

test("a signal ends the feed with its reason, leaving ends it in silence, closing the database with Closed", async () => {
  for (const db of await everyKind()) await endsThrice(db);
});

async function endsThrice(db: NotesDb): Promise<void> {
  await db.notes.insert(note("a"));
  const abort = new AbortController();
  const aborted = firstOf(db.notes.changes({ signal: abort.signal }));
  const left = db.notes.changes()[Symbol.asyncIterator]();
  const pending = left.next();
  const closed = firstOf(db.notes.changes());
  await new Promise((resolve) => setImmediate(resolve));
  abort.abort(new Error("enough"));
  await expect(aborted).rejects.toThrow("enough");
  await left.return!();
  expect(await pending).toEqual({ done: true, value: undefined });
  const failure = expect(closed).rejects.toBeInstanceOf(Closed);
  await db.close();
  await failure;
}

test("wrong arguments are refused, and so is a feed of a transaction or a snapshot", async () => {
  await using db = await inMemory();
  for (const options of [{ since: "" }, { since: 3 }, { signal: "x" }, { after: "1" }, null])
    await expect(firstOf(db.notes.changes(options as {}))).rejects.toBeInstanceOf(InvalidOption);
  await expect(db.transaction((tx) => firstOf(tx.notes.changes()))).rejects.toBeInstanceOf(
    InvalidQuery,
  );
  using snapshot = db.snapshot();
  await expect(firstOf(snapshot.notes.changes())).rejects.toBeInstanceOf(InvalidQuery);
});

test.skipIf(isElsewhere())(
  "the option changeLog is looked at before anything is opened",
  async () => {
    const engine = new MemoryEngine();
    const wrong: readonly (readonly [unknown, object])[] = [
      [":memory:", { changeLog: false }],
      [":memory:", { changeLog: { bytes: 1 } }],
      [":memory:", { changeLog: { bytesMax: 0 } }],
      [":memory:", { changeLog: { millisMax: 1_000 } }],
      ["/nowhere", { changeLog: { millisMax: Number.NaN } }],
      ["/nowhere", { changeLog: true, readOnly: true }],
      [{ engine }, { changeLog: true }],
    ];
    for (const [target, options] of wrong)
      await expect(open(target as string, options)).rejects.toBeInstanceOf(InvalidOption);
  },
);
