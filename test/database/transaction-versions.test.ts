/** What names a state and a commit: where a feed goes on from a snapshot, or from a transaction of one's own. */
import { collection, open } from "kotobadb";
import { MemoryEngine } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { promisedEngine } from "../query/promised-engine.ts";
import { engineHere, here, isElsewhere, variantsHere } from "../support/elsewhere.ts";

const collections = { notes: collection("notes", z.object({ text: z.string() })) };

for (const target of variantsHere([":memory:", "/data"], "elsewhere"))
  test(`a feed begins behind a snapshot, and behind a commit, each change once: ${target}`, async () => {
    await using db = await (isElsewhere()
      ? open({ engine: engineHere({ changeLog: true }) }, { collections })
      : open(target, { collections, changeLog: true, host: new SimulatedHost() }));
    await db.notes.insert({ text: "before" });
    let snapshot = db.snapshot();
    // Far away the state is fixed by the first read.
    expect(await snapshot.notes.count()).toBe(1);
    const versions: (string | undefined)[] = [];
    await db.transaction(async (tx) => {
      await tx.notes.insert({ text: "mine" });
      await tx.notes.insert({ text: "mine too" });
      tx.onCommit((version) => versions.push(version));
    });
    await db.notes.insert({ text: "after" });
    const followed = async (since: string | undefined, count: number): Promise<string[]> => {
      const texts: string[] = [];
      for await (const change of db.notes.changes({ since: since! })) {
        texts.push(change.type === "delete" ? "-" : change.after.text);
        if (texts.length === count) break;
      }
      return texts;
    };
    expect((await snapshot.notes.all()).map(({ text }) => text)).toEqual(["before"]);
    expect(await followed(snapshot.version, 3)).toEqual(["mine", "mine too", "after"]);
    expect(versions).toHaveLength(1);
    expect(await followed(versions[0], 1)).toEqual(["after"]);
    const { version } = snapshot;
    snapshot.close();
    expect(snapshot.version).toBe(version);
    snapshot = db.snapshot();
    using other = db.snapshot();
    expect(other.version).toBe(snapshot.version);
    expect(other.version).not.toBe(version);
    snapshot.close();
  });

test("a transaction that writes nothing has no commit to name", async () => {
  await using db = await open(here(":memory:"), { collections });
  const versions: unknown[] = [];
  await db.transaction(
    async (tx) => {
      await tx.notes.count();
      tx.onCommit((version) => versions.push(version));
    },
    { readOnly: true },
  );
  expect(versions).toEqual([undefined]);
});

test.skipIf(isElsewhere())(
  "a snapshot of an engine that is far away has its version once it is there",
  async () => {
    const engine = promisedEngine(new MemoryEngine());
    await using db = await open({ engine }, { collections });
    using snapshot = db.snapshot();
    expect(snapshot.version).toBeUndefined();
    expect(await snapshot.notes.count()).toBe(0);
    expect(snapshot.version).toBeTypeOf("string");
  },
);
