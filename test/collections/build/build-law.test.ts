/**
 * Writers and the batches of a build in every order that chance finds, on small data: whatever commits before, between and
 * after what, the invariants of build/unready-writes.ts hold in the end, and the indexes are true when they are ready.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { compareBytes, hex } from "../../../src/base/index.ts";
import type { Bytes } from "../../../src/base/index.ts";
import { nextPass, passBatch } from "../../../src/collections/build/document-pass.ts";
import { IndexMakers } from "../../../src/collections/build/index-states.ts";
import { Positions } from "../../../src/collections/build/positions.ts";
import { register } from "../../../src/collections/catalog/registration.ts";
import { UniqueViolation, collection } from "../../../src/collections/index.ts";
import { documentChange, writeChanges } from "../../../src/collections/document-change.ts";
import { DocumentCodec } from "../../../src/collections/document/document-codec.ts";
import { KeyNumbers } from "../../../src/collections/evolution/key-claims.ts";
import { DocumentUpgrade } from "../../../src/collections/evolution/document-upgrade.ts";
import { StoredCollection } from "../../../src/collections/stored-collection.ts";
import { verifyCollection } from "../../../src/collections/verify-collection.ts";
import { prefixRange } from "../../../src/engine/contract/index.ts";
import type { KeyRange, ReadView, StorageEngine } from "../../../src/engine/contract/index.ts";
import { MemoryEngine } from "../../../src/engine/memory/index.ts";
import { transact, withView } from "../../../src/transaction/index.ts";
import type { Transaction } from "../../../src/transaction/index.ts";
import { testTransactionHost } from "../test-database.ts";

const shape = z.object({
  n: z.number(),
  k: z.number().nullable(),
  tags: z.array(z.string()),
});
const Plain = collection("rows", shape);
const indexes = {
  byN: ["n"],
  byTag: ["tags[]", "-n"],
  few: { on: ["k"], where: { n: { lt: 2 } } },
  key: { on: ["k"], unique: true, include: ["n"] },
  fewKeys: { on: ["k", "n"], unique: true, where: { n: { gte: 2 } } },
  perN: { count: true, by: ["n"] },
  total: { sum: "k", by: ["n"], where: { n: { ne: 3 } } },
} as const;
const Indexed = collection("rows", shape, { indexes });
/** Its pass also writes every document anew, with one tag more. */
const Evolved = Plain.evolve(shape, (old) => ({ ...old, tags: [...old.tags, "w"] }), { indexes });

async function opened(engine: StorageEngine, definition: typeof Plain): Promise<StoredCollection> {
  const found = await transact(testTransactionHost, engine, (tx) =>
    register(tx, definition.definition),
  );
  const makers = new IndexMakers(definition.definition, found.row);
  const codec = new DocumentCodec("rows", definition.definition.schema.shape, found.structures);
  // As if no document had a unique key: what is built must be true of documents with one key too.
  const claims = new KeyNumbers();
  const stored = { makers, row: found.row, births: undefined, claims };
  const upgrade = new DocumentUpgrade(definition.definition, found.fills);
  return new StoredCollection("rows", stored, { codec, upgrade }, engine.limits);
}

type Fields = z.output<typeof shape>;
/** The empty patch deletes. */
type Write = readonly (readonly [id: string, fields: Partial<Fields> | undefined])[];

/** Writes documents in one call: makes what is not there, changes what is, deletes where nothing is given. */
async function write(
  stored: StoredCollection,
  tx: Transaction,
  writes: Write,
  gap: (where: string) => Promise<unknown>,
): Promise<void> {
  await gap("before");
  const latest = new Map(writes);
  const changes = [];
  for (const [id, patch] of latest) {
    const key = stored.keyOf(id);
    const value = await tx.get(key);
    const before = value && stored.decodeValue(id, value, 0, value.length);
    if (patch === undefined) {
      if (before === undefined) continue;
      changes.push(
        documentChange(stored, stored.statesNow, key, { before, after: undefined, row: "deleted" }),
      );
      continue;
    }
    const { id: _, ...fields } = before ?? { id };
    const record = { n: 0, k: null, tags: [], ...fields, ...patch };
    const { document, row } = stored.encode(tx, id, record);
    changes.push(documentChange(stored, stored.statesNow, key, { before, after: document, row }));
  }
  if (changes.length > 0) await writeChanges(stored, tx, changes);
  await gap("after");
}

async function rowsIn(
  view: ReadView,
  range: KeyRange,
): Promise<{ readonly key: Bytes; readonly value: Bytes }[]> {
  const rows: { key: Bytes; value: Bytes }[] = [];
  const scan = view.scan(range, { expect: "all" });
  for (let done = false; !done;) {
    const page = await scan.next();
    for (let i = 0; i < page.rows; i++) {
      rows.push({
        key: page.buffer.slice(page.keyStart[i], page.keyEnd[i]),
        value: page.buffer.slice(page.valueStart[i], page.valueEnd[i]),
      });
    }
    done = page.done;
  }
  return rows;
}

/** Holds what is stored against the invariants, by plain recomputation. */
async function checkUnfinished(stored: StoredCollection, view: ReadView): Promise<void> {
  const { unready } = await stored.seenIn(view);
  const { documents, number } = stored.layout;
  const all = (await rowsIn(view, documents)).map(({ key, value }) => {
    const id = stored.idOfKey(key);
    return { key, id, document: stored.decodeValue(id, value, 0, value.length) };
  });
  const last = async (pass: number): Promise<(key: Bytes) => boolean> => {
    const position = await new Positions(number, pass, documents.start).last(view);
    if (position === undefined) return () => false;
    return (key) => compareBytes(key.subarray(documents.start.length), position.place) <= 0;
  };
  for (const { maker, pass } of unready?.indexes ?? []) {
    const isDone = await last(pass);
    const held = new Map(
      (await rowsIn(view, prefixRange(maker.index.prefix))).map(({ key, value }) => [
        hex(key, Infinity),
        { id: stored.referredId(value, 0, value.length), value },
      ]),
    );
    for (const { document, id, key } of all) {
      for (const entry of maker.entriesOf(key, document)) {
        const found = held.get(hex(entry.key, Infinity));
        if (isDone(key)) expect(found?.id, `${maker.index.name} of ${id}`).toBe(id);
        if (found?.id !== id) continue;
        expect(hex(found.value)).toBe(hex(entry.value));
        held.delete(hex(entry.key, Infinity));
      }
    }
    expect([...held.keys()], `${maker.index.name} holds what no document gives`).toEqual([]);
  }
  for (const { maker, pass } of unready?.tallies ?? []) {
    const isDone = await last(pass);
    const expected = new Map<string, number>();
    for (const { document, key } of all) {
      if (!isDone(key)) continue;
      for (const { amount, key: cell } of maker.changesOf(undefined, document)) {
        const name = hex(cell, Infinity);
        expected.set(name, (expected.get(name) ?? 0) + amount);
      }
    }
    const cells = await rowsIn(view, prefixRange(maker.tally.prefix));
    for (const { key, value } of cells) {
      const name = hex(key, Infinity);
      const found = Number(new DataView(value.buffer, value.byteOffset).getBigInt64(0));
      expect(found, `${maker.tally.name} ${name}`).toBe(expected.get(name) ?? 0);
      expected.delete(name);
    }
    expect([...expected.values()].filter((amount) => amount !== 0)).toEqual([]);
  }
}

const arbitraryId = fc.constantFrom(...Array.from("abcdefghijklmnop"));
const fieldsOf = {
  n: fc.integer({ min: 0, max: 3 }),
  k: fc.option(fc.integer({ min: 0, max: 9 })),
  tags: fc.uniqueArray(fc.constantFrom("x", "y", "z")),
};
const arbitraryFields = fc.record(fieldsOf);
const arbitraryPatch = fc.oneof(
  { weight: 3, arbitrary: fc.record(fieldsOf, { requiredKeys: [] }) },
  { weight: 1, arbitrary: fc.record({ n: fieldsOf.n }) },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
const arbitraryWrite = fc.array(fc.tuple(arbitraryId, arbitraryPatch), {
  minLength: 1,
  maxLength: 3,
});

/** One batch, or the rest of them; a violation is true, and is mended by taking a document away. */
async function batch(
  engine: StorageEngine,
  stored: StoredCollection,
  documentsMax: number,
  gap: (where: string) => Promise<unknown>,
): Promise<boolean> {
  const pass = nextPass(stored);
  if (pass === undefined) return true;
  try {
    const { ended } = await transact(testTransactionHost, engine, async (tx) => {
      await gap("batch begins");
      const result = await passBatch(stored, pass.number, tx, { documentsMax, bytesMax: 10_000 });
      await gap("batch ends");
      return result;
    });
    if (ended === undefined) return false;
    await gap("told late");
    stored.become(ended);
    return true;
  } catch (error) {
    if (!(error instanceof UniqueViolation)) throw error;
    await mend(engine, stored, error);
    return false;
  }
}

async function mend(
  engine: StorageEngine,
  stored: StoredCollection,
  { existingId, id }: UniqueViolation,
): Promise<void> {
  expect(id).toBeDefined();
  expect(id).not.toBe(existingId);
  await transact(testTransactionHost, engine, async (tx) => {
    await write(stored, tx, [[id!, undefined]], async () => undefined);
  });
}

function expectFine(results: readonly PromiseSettledResult<unknown>[]): void {
  for (const result of results) {
    if (result.status === "rejected" && !(result.reason instanceof UniqueViolation)) {
      throw result.reason;
    }
  }
}

const nothing = async (): Promise<void> => undefined;

test("whoever writes while indexes are built, what is built is true", async () => {
  let unfinished = 0;
  let violations = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(arbitraryId, arbitraryFields, { maxKeys: 12 }),
      fc.array(arbitraryWrite, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      fc.scheduler(),
      async (documents, writes, sizes, evolves, s) => {
        const engine = new MemoryEngine();
        const first = await opened(engine, Plain);
        const initial = Object.entries(documents);
        if (initial.length > 0) {
          await transact(testTransactionHost, engine, (tx) => write(first, tx, initial, nothing));
        }
        const definition = (evolves ? Evolved : Indexed) as unknown as typeof Plain;
        const stored = await opened(engine, definition);
        const gap = (where: string) => s.schedule(Promise.resolve(), where);
        const working = Promise.allSettled([
          ...writes.map((some) =>
            transact(testTransactionHost, engine, (tx) => write(stored, tx, some, gap)),
          ),
          (async () => {
            for (const size of sizes) await batch(engine, stored, size, gap);
          })(),
        ]);
        await s.waitFor(working);
        const results = await working;
        expectFine(results);
        violations += results.filter(({ status }) => status === "rejected").length;
        await withView(engine, (view) => checkUnfinished(stored, view));
        if (stored.unready !== undefined) unfinished++;
        // The next process goes on; nobody writes any more.
        const next = await opened(engine, definition);
        for (let left = 100; next.unready !== undefined; left--) {
          expect(left).toBeGreaterThan(0);
          await batch(engine, next, 3, nothing);
        }
        expect(await withView(engine, (view) => verifyCollection(next, view))).toEqual([]);
        const found = await withView(engine, (view) => rowsIn(view, next.layout.documents));
        for (const { value } of found) {
          expect(next.isPast(value, 0, value.length)).toBe(false);
          const { tags } = next.decodeValue("", value, 0, value.length);
          if (evolves && writes.length === 0) expect(tags).toContain("w");
        }
        const rest = await withView(engine, (view) =>
          rowsIn(view, prefixRange(Uint8Array.of(1, 4))),
        );
        expect(rest).toEqual([]);
      },
    ),
    { numRuns: 600 },
  );
  // Otherwise the half of it would not have been looked at.
  expect(unfinished).toBeGreaterThan(50);
  expect(violations).toBeGreaterThan(20);
}, 120_000);

test("of the batches of a build only the one that does a document is a conflict for its writer", async () => {
  const engine = new MemoryEngine();
  const first = await opened(engine, Plain);
  const initial: Write = Array.from("abcdefgh", (id, n) => [id, { n: n % 4, k: n }] as const);
  await transact(testTransactionHost, engine, (tx) => write(first, tx, initial, nothing));
  const stored = await opened(engine, Indexed as unknown as typeof Plain);
  await batch(engine, stored, 2, nothing);
  /** How often a change of this document is begun, where the next batch commits before it. */
  const attempts = async (id: string): Promise<number> => {
    let begun = 0;
    const body = async (tx: Transaction): Promise<void> => {
      begun++;
      await write(stored, tx, [[id, { n: 1 }]], async (where) => {
        if (where === "after" && begun === 1) await batch(engine, stored, 2, nothing);
      });
    };
    // As the builder's, the batch stands apart from the body that it is run in.
    await transact(testTransactionHost, engine, body, { runsUserCode: false });
    await withView(engine, (view) => checkUnfinished(stored, view));
    return begun;
  };
  // Done are a and b, then c and d, then e and f, and at last g, which is being written.
  expect(await attempts("a")).toBe(1);
  expect(await attempts("h")).toBe(1);
  expect(await attempts("g")).toBe(2);
});
