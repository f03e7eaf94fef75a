/** The feed against the collection: replayed, it gives the same documents, each commit once, also over openings. */
import { open } from "kotobadb";
import { SimulatedHost } from "kotobadb/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Copy, catchUp, collections, openNotes, step, take } from "./support.ts";
import type { NotesDb, Step } from "./support.ts";

const RUNS = Number(process.env["ROUNDS"] ?? 60);

async function begin(db: NotesDb): Promise<Copy> {
  const copy = new Copy();
  // A feed without `since` begins where it is first waited for.
  const feed = db.notes.changes()[Symbol.asyncIterator]();
  const first = feed.next();
  await db.notes.insert({ group: 9, text: "the first" });
  copy.follow((await first).value!);
  await feed.return!();
  return copy;
}

async function holds(
  open: () => Promise<NotesDb>,
  steps: readonly Step[],
  looks: number,
): Promise<void> {
  let db = await open();
  const copy = await begin(db);
  for (const [i, one] of steps.entries()) {
    db = await take(db, one, async () => {
      await db.close();
      return open();
    });
    if (i % looks === 0) await catchUp(db, copy);
  }
  await catchUp(db, copy);
  expect(copy.sorted()).toEqual(await db.notes.all());
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
  await db.close();
}

test(
  "in a folder the feed replayed is the collection, each commit once, also over openings",
  { timeout: 120_000 },
  () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 25 }),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(),
        (steps, looks, seed) => {
          const host = new SimulatedHost({ seed });
          return holds(() => openNotes(host), steps, looks);
        },
      ),
      { numRuns: RUNS },
    ),
);

test("in memory the feed replayed is the collection, each commit once", { timeout: 120_000 }, () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 25 }),
      fc.integer({ min: 1, max: 9 }),
      (all, looks) => {
        const steps = all.filter((one) => one.do !== "reopen");
        return holds(() => open(":memory:", { collections, changeLog: true }), steps, looks);
      },
    ),
    { numRuns: RUNS },
  ),
);
