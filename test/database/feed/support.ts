/** A small collection, random commits to it, and a copy that follows the feed. */
import { collection, NotFound, open } from "kotobadb";
import type { Db, DocOf, DocumentChange } from "kotobadb";
import { openLsmEngine } from "kotobadb/engine";
import type { SimulatedHost } from "kotobadb/testing";
import fc from "fast-check";
import { expect } from "vitest";
import { z } from "zod";
import { ROUNDS, TINY } from "../../engine/lsm/support.ts";
import { engineHere, isElsewhere, runsHere } from "../../support/elsewhere.ts";

/** How many random runs a property gets. */
export const RUNS: number = runsHere(50 * ROUNDS);

const Notes = collection(
  "notes",
  z.object({
    group: z.number(),
    text: z.string(),
    // A shape of its own for each of the two: the codec meets new structures in the middle of a run.
    extra: z
      .union([z.object({ a: z.number() }), z.object({ b: z.string(), c: z.boolean() })])
      .optional(),
  }),
  { indexes: { byGroup: ["group", "text"], byText: { on: ["text"], unique: true } } },
);
/** Shares the database, and is none of the feed's business. */
const Others = collection("others", z.object({ n: z.number() }));
export const collections = { notes: Notes, others: Others };
export type NotesDb = Db<typeof collections>;
export type Note = DocOf<typeof Notes>;
export type NoteChange = DocumentChange<typeof Notes>;

const id = fc.integer({ min: 0, max: 7 }).map((n) => `note ${n}`);
const fields = fc.record({
  group: fc.integer({ min: 0, max: 3 }),
  extra: fc.constantFrom(undefined, { a: 1 }, { b: "x", c: true }),
});
const write = fc.oneof(
  fc.record({ do: fc.constant("put" as const), id, fields }),
  fc.record({ do: fc.constant("put" as const), id, fields }),
  fc.record({ do: fc.constant("delete" as const), id }),
  fc.record({ do: fc.constant("touch" as const), id, group: fc.integer({ min: 0, max: 3 }) }),
);
type Write = typeof write extends fc.Arbitrary<infer W> ? W : never;
/** What happens one after the other: commits of several writes, commits elsewhere, and openings anew. */
export const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("commit" as const),
      writes: fc.array(write, { minLength: 1, maxLength: 5 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("together" as const),
      writes: fc.array(write, { minLength: 2, maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("fail" as const),
      writes: fc.array(write, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("by query" as const),
      deletes: fc.boolean(),
      group: fc.integer({ min: 0, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("elsewhere" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reopen" as const) }) },
);
export type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

let texts = 0;

async function apply(notes: NotesDb["notes"], one: Write): Promise<void> {
  const noteId = one.id as Note["id"];
  if (one.do === "delete") await notes.delete(noteId);
  else if (one.do === "put") {
    const create = { ...one.fields, text: `${texts++}` };
    await notes.upsert({ id: noteId }, { create, update: one.fields });
  } else {
    await notes.update(noteId, { group: one.group }).catch((error: unknown) => {
      if (!(error instanceof NotFound)) throw error;
    });
  }
}

/** Does a step; the next database if it was opened anew. */
export async function take(
  db: NotesDb,
  one: Step,
  reopen: () => Promise<NotesDb>,
): Promise<NotesDb> {
  if (one.do === "reopen") return reopen();
  if (one.do === "by query") {
    const found = db.notes.where({ group: one.group });
    await (one.deletes ? found.delete() : found.update({ group: (one.group + 1) % 4 }));
  } else if (one.do === "elsewhere") await db.others.insert({ n: 1 });
  else if (one.do === "together") await Promise.all(one.writes.map((w) => apply(db.notes, w)));
  else {
    const stop = new Error("not this one");
    const work = db.transaction(async (tx) => {
      for (const w of one.writes) await apply(tx.notes, w);
      if (one.do === "fail") throw stop;
    });
    if (one.do === "fail") await expect(work).rejects.toBe(stop);
    else await work;
  }
  return db;
}

export function openNotes(host: SimulatedHost): Promise<NotesDb> {
  return open("/home/feed", { collections, host, changeLog: true, fullScan: "allow" });
}

/** In memory; or elsewhere, where live queries need a log, too. */
export function openInMemory(wishes: { readonly changeLog?: true } = {}): Promise<NotesDb> {
  return isElsewhere()
    ? open({ engine: engineHere({ changeLog: true }) }, { collections, fullScan: "allow" })
    : open(":memory:", { collections, ...wishes, fullScan: "allow" });
}

/** As openNotes(), on an engine so small that logs are exchanged and flushed all the time. */
export async function openTiny(host: SimulatedHost): Promise<NotesDb> {
  const engine = await openLsmEngine({ ...TINY, path: "/home/feed", host, changeLog: {} });
  return open({ engine }, { collections, host, fullScan: "allow" });
}

/** A copy of the collection that knows nothing but the feed, and doubts all of it. */
export class Copy {
  readonly documents = new Map<string, Note>();
  since: string | undefined;
  readonly #ended = new Set<string>();
  #open: string | undefined;

  follow(change: NoteChange): void {
    expect(this.#ended).not.toContain(change.version);
    expect(this.#open ?? change.version).toBe(change.version);
    expect(this.documents.has(change.id)).toBe(change.type !== "insert");
    if (change.type === "delete") this.documents.delete(change.id);
    else {
      expect(change.after.id).toBe(change.id);
      this.documents.set(change.id, change.after);
    }
    this.#open = change.endsCommit ? undefined : change.version;
    if (!change.endsCommit) return;
    this.#ended.add(change.version);
    this.since = change.version;
  }

  sorted(): readonly Note[] {
    return [...this.documents.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }
}

/** Reads the feed up to the commit that stores `marker`, which is written for this and leaves nothing behind. */
export async function catchUp(db: NotesDb, copy: Copy): Promise<void> {
  const marker = await db.notes.insert({ group: 9, text: `marker ${texts++}` });
  for await (const change of db.notes.changes(
    copy.since === undefined ? {} : { since: copy.since },
  )) {
    copy.follow(change);
    if (change.id === marker.id) break;
  }
}
