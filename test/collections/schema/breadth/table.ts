/** What is tried of each kind of schema: documents that go in, what is stored of them, an index, and filters on it. */
import { expect, test } from "vitest";
import { open } from "../../../../src/index.ts";
import type { ObjectSchema } from "../../../../src/collections/collection-type.ts";
import { SimulatedHost } from "../../../../src/testing/index.ts";
import { expectSame } from "../../../hostile/loose.ts";
import type { Fields, LooseCollection } from "../../../hostile/loose.ts";

export interface Row {
  readonly schema: ObjectSchema;
  readonly inputs: readonly Fields[];
  /** What is stored of each input. Default: the inputs themselves. */
  readonly stored?: readonly Fields[];
  /** Undefined: nothing in it has an order. */
  readonly index?: string;
  /** Filters, and the places of the documents that each finds. The first is one that the index answers. */
  readonly filters: readonly (readonly [filter: object, places: readonly number[]])[];
}

interface OpenDb {
  collection(name: string, schema: ObjectSchema, options: object): LooseCollection;
  verify(): Promise<{ readonly ok: boolean; readonly problems: readonly string[] }>;
  close(): Promise<void>;
}
interface Explained {
  explain(): Promise<{ readonly text: string }>;
}

/** Each row is stored, read back, indexed and found, in memory and in a folder that is opened again. */
export function holdsFor(rows: Readonly<Record<string, Row>>): void {
  for (const [name, row] of Object.entries(rows)) {
    test(`${name}: stored, read back, indexed and found`, async () => {
      await storedAndFound(
        row,
        async () => (await open(":memory:", { fullScan: "allow" })) as unknown as OpenDb,
      );
      const host = new SimulatedHost();
      const inFolder = async (): Promise<OpenDb> =>
        (await open("/db", { host, fullScan: "allow" })) as unknown as OpenDb;
      await storedAndFound(row, inFolder);
      const db = await inFolder();
      await found(row, db, thingsOf(row, db));
      await db.close();
    });
  }
}

function thingsOf({ index, schema }: Row, db: OpenDb): LooseCollection {
  const indexes = index === undefined ? {} : { byF: [index] };
  return db.collection("things", schema, { indexes });
}

async function storedAndFound(row: Row, openDb: () => Promise<OpenDb>): Promise<void> {
  const db = await openDb();
  const things = thingsOf(row, db);
  for (const [place, input] of row.inputs.entries()) {
    const id = `d${place}`;
    const document = { id, ...(row.stored ?? row.inputs)[place] };
    expectSame(await things.insert({ ...input, id }), document, `insert ${place}`);
    // A change of nothing sends the whole document through its schema again.
    expectSame(await things.update(id, {}), document, `update ${place}`);
  }
  await found(row, db, things);
  await db.close();
}

async function found({ filters, index, inputs, stored }: Row, db: OpenDb, things: LooseCollection) {
  for (const [place, document] of (stored ?? inputs).entries())
    expectSame(await things.get(`d${place}`), { id: `d${place}`, ...document }, `get ${place}`);
  for (const [at, [filter, places]] of filters.entries()) {
    const query = things.where(filter);
    const ids = (await query.all()).map(({ id }) => id as string).toSorted();
    expect(ids, `filter ${at}`).toEqual(places.map((place) => `d${place}`));
    expect(await query.count(), `count ${at}`).toBe(places.length);
    if (at > 0 || index === undefined) continue;
    const { text } = await (query as unknown as Explained).explain();
    expect(text).toContain("index byF");
  }
  expect(await db.verify()).toEqual({ ok: true, problems: [] });
}
