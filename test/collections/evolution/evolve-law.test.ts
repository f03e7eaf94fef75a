/**
 * The law of evolution: what is read is the plain fold of the steps over what was stored, whichever part of the documents
 * was stored by which version and written anew since, and indexes and counts agree with it.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { collection } from "../../../src/collections/index.ts";
import type { Def } from "../../../src/collections/index.ts";
import { StorageError } from "../../../src/engine/contract/index.ts";
import { FaultyEngine, TestDatabase } from "../test-database.ts";
import { runsHere } from "../../support/elsewhere.ts";

interface First {
  readonly text: string;
  readonly n?: number | undefined;
  readonly tags: readonly string[];
}
interface Second {
  readonly words: readonly string[];
  readonly total: number;
}
interface Third {
  readonly longest: string;
  readonly total: bigint;
  readonly kind: "few" | "many";
}

const toSecond = ({ n, tags, text }: First): Second => ({
  words: [...text.split(" "), ...tags],
  // Not -0, which is stored as 0.
  total: Math.round(n ?? -1) + 0,
});
const toThird = ({ total, words }: Second): Third => ({
  longest: words.reduce((a, b) => (b.length > a.length ? b : a), ""),
  total: BigInt(total),
  kind: words.length > 2 ? "many" : "few",
});

const indexes = {
  1: { byText: ["text"], byTag: ["tags[]"] },
  2: { byWord: ["words[]"], byTotal: { on: ["total"], include: ["words"] }, sum: { sum: "total" } },
  3: { byKind: ["kind", "-total"], perKind: { count: true, by: ["kind"] }, sum: { sum: "total" } },
} as const;
const V1 = collection(
  "things",
  z.object({ text: z.string(), n: z.number().optional(), tags: z.array(z.string()) }),
  { indexes: indexes[1] },
);
const V2 = V1.evolve(
  z.object({ words: z.array(z.string()).readonly(), total: z.number() }),
  (old) => toSecond(old),
  { indexes: indexes[2] },
);
const V3 = V2.evolve(
  z.object({ longest: z.string(), total: z.bigint(), kind: z.enum(["few", "many"]) }),
  toThird,
  { indexes: indexes[3] },
);
const versions: readonly Def[] = [V1, V2, V3];
const folds = [(one: First) => one, toSecond, (one: First) => toThird(toSecond(one))] as const;

const first = fc.record(
  {
    text: fc.string({ unit: "grapheme", maxLength: 12 }),
    n: fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }),
    tags: fc.array(fc.constantFrom("a", "bb", "c c"), { maxLength: 3 }),
  },
  { requiredKeys: ["text", "tags"] },
);

interface Life {
  readonly early: readonly First[];
  readonly late: readonly First[];
  /** The versions of the program, one after the other. */
  readonly path: readonly number[];
  /** How many commits of each new version succeed before one fails. */
  readonly faultAt: number;
}
const lives: fc.Arbitrary<Life> = fc.record({
  early: fc.array(first, { maxLength: 8 }),
  late: fc.array(first, { maxLength: 4 }),
  path: fc.constantFrom([1, 2, 3], [1, 3], [2, 3], [1, 2]),
  faultAt: fc.nat({ max: 3 }),
});

test("documents read through the chain are the plain fold of its steps, whatever was written anew", async () => {
  await fc.assert(fc.asyncProperty(lives, holds), { numRuns: runsHere(200) });
});

async function holds({ early, faultAt, late, path }: Life): Promise<void> {
  const engine = new FaultyEngine();
  let database = new TestDatabase(engine);
  const plain = new Map<string, First>();
  const asInput = (one: First, version: number): object => folds[version - 1]!(one);
  const add = async (batch: readonly First[], version: number, from: number): Promise<void> => {
    const store = await database.store(versions[version - 1]!);
    for (const [i, one] of batch.entries()) {
      const id = `d${from + i}`;
      plain.set(id, one);
      await store.insert({ id, ...asInput(one, version) });
    }
  };
  await add(early, path[0]!, 0);
  for (const [i, version] of path.slice(1).entries()) {
    database = database.reopened();
    // A pass that is cut short somewhere must not be seen afterwards.
    engine.faults.push(
      ...Array.from({ length: faultAt }, () => undefined),
      new StorageError("Io", { file: "test" }),
    );
    await database.store(versions[version - 1]!).catch((error: unknown) => {
      expect(error).toBeInstanceOf(StorageError);
    });
    engine.faults.length = 0;
    database = database.reopened();
    await add(late, version, 100 * (i + 1));
    const store = await database.store(versions[version - 1]!);
    const expected = [...plain].map(([id, one]) => ({ id, ...asInput(one, version) }));
    const found = await store.all();
    expect(new Map(found.map((one) => [one.id, one]))).toEqual(
      new Map(expected.map((one) => [one.id, one])),
    );
    expect(found).toHaveLength(expected.length);
    expect(await store.verify()).toEqual([]);
  }
}
