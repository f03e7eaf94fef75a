/** The feed against the collection: replayed, it gives the same documents, each commit once, also over openings. */
import { SimulatedHost } from "kotobadb/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isElsewhere, variantsHere } from "../../support/elsewhere.ts";
import { Copy, RUNS, catchUp, openInMemory, openNotes, openTiny, step, take } from "./support.ts";
import type { NotesDb, Step } from "./support.ts";

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

/** Opens the database anew, after a close or without one. */
type Opens = (isPowerCut: boolean) => Promise<NotesDb>;

async function holds(open: Opens, steps: readonly Step[], looks: number): Promise<void> {
  let db = await open(false);
  let openings = 0;
  const copy = await begin(db);
  for (const [i, one] of steps.entries()) {
    db = await take(db, one, async () => {
      const isPowerCut = openings++ % 2 === 1;
      if (!isPowerCut) await db.close();
      return open(isPowerCut);
    });
    if (i % looks === 0) await catchUp(db, copy);
  }
  await catchUp(db, copy);
  expect(copy.sorted()).toStrictEqual(await db.notes.all());
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
  await db.close();
}

const steps = fc.array(step, { maxLength: 25 });
const looks = fc.integer({ min: 1, max: 9 });

test.skipIf(isElsewhere())(
  "in a folder the feed replayed is the collection, each commit once, also over openings and power cuts",
  { timeout: 120_000 },
  () =>
    fc.assert(
      fc.asyncProperty(steps, looks, fc.nat(), (all, every, seed) => {
        let host = new SimulatedHost({ seed });
        const again: Opens = (isPowerCut) => {
          if (isPowerCut) host = host.afterPowerCut("seeded", seed);
          return seed % 2 === 0 ? openNotes(host) : openTiny(host);
        };
        return holds(again, all, every);
      }),
      { numRuns: RUNS },
    ),
);

test("the feed replayed is the collection, each commit once", { timeout: 120_000 }, () =>
  fc.assert(
    fc.asyncProperty(steps, looks, (all, every) => {
      const lasting = all.filter((one) => one.do !== "reopen");
      return holds(() => openInMemory({ changeLog: true }), lasting, every);
    }),
    { numRuns: RUNS },
  ),
);

const inMemory = () => openInMemory({ changeLog: true });

test.each(
  variantsHere<readonly [string, () => Promise<NotesDb>]>(
    [
      ["in memory", inMemory],
      ["in a folder", () => openNotes(new SimulatedHost())],
      ["on a tiny engine", () => openTiny(new SimulatedHost())],
    ],
    ["elsewhere", inMemory],
  ),
)("%s two who follow while many write miss nothing", async (_name, begin) => {
  const db = await begin();
  await db.ready();
  const copies = [new Copy(), new Copy()];
  const following = copies.map(async (copy) => {
    for await (const change of db.notes.changes()) {
      copy.follow(change);
      if (change.type === "insert" && change.after.text === "the last") return;
    }
  });
  await Promise.all(
    Array.from({ length: 200 }, async (_, n) => {
      const { id } = await db.notes.insert({ group: 0, text: `note ${n}` });
      if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (n % 2 === 0) await db.notes.update(id, { group: n });
      if (n % 5 === 0) await db.notes.delete(id);
    }),
  );
  await db.notes.insert({ group: 0, text: "the last" });
  await Promise.all(following);
  for (const copy of copies) expect(copy.sorted()).toStrictEqual(await db.notes.all());
  await db.close();
});
