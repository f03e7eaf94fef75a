/** Snapshots that a server finds it cannot keep: what has shown nothing yet is read anew. */
import { collection, open } from "kotobadb";
import { expect, test } from "vitest";
import { z } from "zod";
import { overlaid } from "../../src/base/index.ts";
import { StorageError } from "../../src/engine/contract/index.ts";
import type { StorageEngine } from "../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import { untilKept } from "../../src/transaction/index.ts";

const tooOld = () => new StorageError("TooOld", { what: "snapshot" });

/** Of its snapshots the next `losses` fail when something is read. */
class LosingEngine {
  losses = 0;
  readonly engine: StorageEngine;

  constructor(readsAreFinal: boolean) {
    const inner = new MemoryEngine({ changeLog: {} });
    this.engine = overlaid<StorageEngine>(inner, {
      capabilities: { ...inner.capabilities, readsAreFinal },
      snapshot: () => {
        const snapshot = inner.snapshot();
        if (this.losses === 0) return snapshot;
        this.losses--;
        const fail = (): never => {
          throw tooOld();
        };
        return overlaid(snapshot, { get: fail, read: fail, getMany: fail, scan: fail });
      },
    });
  }
}

const Notes = collection("notes", z.object({ text: z.string() }));

test("streams and live queries begin anew, and show each document once", async () => {
  const losing = new LosingEngine(false);
  await using db = await open({ engine: losing.engine }, { collections: { notes: Notes } });
  await db.notes.insertMany([{ text: "a" }, { text: "b" }]);
  losing.losses = 3;
  const streamed: string[] = [];
  for await (const { text } of db.notes.orderBy("id").stream()) streamed.push(text);
  expect([streamed, losing.losses]).toEqual([["a", "b"], 0]);

  losing.losses = 2;
  const live = db.notes.where({}).live()[Symbol.asyncIterator]();
  const { value } = await live.next();
  await live.return?.();
  expect([value?.rows.length, losing.losses]).toEqual([2, 0]);
});

test("an engine whose reads are final is believed at once, and no other is asked for ever", async () => {
  let runs = 0;
  const lose = (): never => {
    runs++;
    throw tooOld();
  };
  expect(() => untilKept(new LosingEngine(true).engine, lose)).toThrow("too old");
  expect(runs).toBe(1);
  runs = 0;
  const { engine } = new LosingEngine(false);
  await expect(untilKept(engine, lose)).rejects.toMatchObject({ code: "TooOld" });
  expect(runs).toBe(16);
  const other = new StorageError("Io", {});
  await expect(
    untilKept(engine, () => {
      throw other;
    }),
  ).rejects.toBe(other);
});
