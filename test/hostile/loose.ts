/**
 * A database as a program without types sees it, and what always holds of it whatever it is handed: a value comes back
 * exactly, or is refused with an error of the closed list and nothing is written; and no other object changes.
 */
import { inspect, isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { collection, KotobaError, open } from "../../src/index.ts";
import { SimulatedHost } from "../../src/testing/index.ts";

export type Fields = Record<string, unknown>;

/** A collection whose arguments may be anything. */
export interface LooseQuery {
  where(filter: unknown): LooseQuery;
  orderBy(path: unknown, direction?: unknown): LooseQuery;
  select(...fields: unknown[]): LooseQuery;
  limit(count: unknown): LooseQuery;
  gt(value: unknown): LooseQuery;
  startsWith(value: unknown): LooseQuery;
  all(): Promise<Fields[]>;
  first(): Promise<Fields | undefined>;
  count(): Promise<number>;
  page(
    options: unknown,
  ): Promise<{ items: Fields[]; next: string | null; previous: string | null }>;
}
export interface LooseCollection extends LooseQuery {
  get(id: unknown): Promise<Fields | undefined>;
  getOrThrow(id: unknown): Promise<Fields>;
  getMany(ids: unknown): Promise<(Fields | undefined)[]>;
  find(unique: unknown): Promise<Fields | undefined>;
  insert(document: unknown): Promise<Fields>;
  insertMany(documents: unknown): Promise<Fields[]>;
  update(id: unknown, change: unknown): Promise<Fields>;
  replace(id: unknown, document: unknown): Promise<Fields>;
  upsert(where: unknown, values: unknown): Promise<Fields>;
  delete(id: unknown): Promise<boolean>;
  index(name: unknown, ...prefix: unknown[]): LooseQuery;
}
export interface LooseDb {
  collection(name: unknown, schema: unknown, options?: unknown): LooseCollection;
  close(): Promise<void>;
}

export const define = collection as unknown as (
  name: unknown,
  schema: unknown,
  options?: unknown,
) => unknown;

interface Engine {
  /** Opens it; again, with all that was acknowledged, where it has a disk. */
  open(): Promise<LooseDb>;
}

const ENGINES: Readonly<Record<string, () => Engine>> = {
  memory: () => ({
    open: async () => (await open(":memory:", { fullScan: "allow" })) as unknown as LooseDb,
  }),
  "a folder": () => {
    const host = new SimulatedHost();
    return {
      open: async () => (await open("/db", { host, fullScan: "allow" })) as unknown as LooseDb,
    };
  },
};

/** The test on each engine, with a look at Object.prototype behind it. */
export function onEachEngine(name: string, body: (engine: Engine) => Promise<void>): void {
  for (const [kind, make] of Object.entries(ENGINES)) {
    test(`${name}, in ${kind}`, async () => {
      const before = membersOfGlobals();
      await body(make());
      expect(membersOfGlobals()).toEqual(before);
    });
  }
}

function membersOfGlobals(): string[][] {
  const prototypes = [Object, Array, Function, String, Map].map((type): object => type.prototype);
  return prototypes.map((prototype) => Reflect.ownKeys(prototype).map(String));
}

/** What a call was refused with; undefined if it was not. Every other error fails the test. */
export async function refusal(call: () => Promise<unknown>): Promise<KotobaError | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    if (error instanceof KotobaError) return error;
    throw new Error(`not an error of ours: ${String(error)}`, { cause: error });
  }
}

/** A value in few words, for the message of a check. */
export function shown(value: unknown): string {
  return inspect(value, { depth: 1 }).slice(0, 60);
}

/** vitest's own comparison is misled by fields called `constructor` or `asymmetricMatch`. */
export function expectSame(found: unknown, expected: unknown, what: string): void {
  if (!isDeepStrictEqual(found, expected)) expect(found, what).toStrictEqual(expected);
  expect(isDeepStrictEqual(found, expected), what).toBe(true);
}

/**
 * Inserts the document: it comes back the same from the insert, from get() and from a scan, or nothing is there. Gives
 * the refusal.
 */
export async function roundTrip(
  things: LooseCollection,
  document: Fields,
  what: string,
  expected: Fields = document,
): Promise<KotobaError | undefined> {
  const countBefore = await things.count();
  let stored: Fields | undefined;
  const refused = await refusal(async () => {
    stored = await things.insert(document);
  });
  if (stored === undefined) {
    expect(await things.count(), what).toBe(countBefore);
    return refused;
  }
  const { id, ...fields } = stored;
  expectSame(fields, expected, what);
  expectSame(await things.get(id), stored, what);
  const scanned = await things.where({ id }).all();
  expectSame(scanned, [stored], what);
  expect(await things.count(), what).toBe(countBefore + 1);
  return undefined;
}
