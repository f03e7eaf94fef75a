/** The reader of documents against its plain twin: msgpackr, with the settings of the codec. */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { Packr } from "msgpackr/pack";
import { afterEach, describe, expect, test, vi } from "vitest";
import { RecordReader } from "../../../src/collections/document/record-reader.ts";
import { isWellFormed } from "../../../src/collections/index.ts";

type Structures = (readonly string[])[];

/** As the codec sets it up. */
function newPackr(structures: Structures): Packr {
  return new Packr({
    useBigIntExtension: true,
    copyBuffers: true,
    useToJSON: false,
    structuredClone: false,
    useRecords: true,
    maxSharedStructures: 256,
    maxOwnStructures: 0,
    mapsAsObjects: true,
    shouldShareStructure: (names: string[]) => !names.includes("rare"),
    getStructures: () => structures.map((names) => [...names]),
    saveStructures: (all: unknown) => {
      structures.splice(0, structures.length, ...(all as string[][]).map((names) => [...names]));
      return true;
    },
  });
}

const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }).filter(isWellFormed),
  fc.string({ minLength: 250, maxLength: 1_200 }),
  fc.constant(`\ufeff\ufeff${"long".repeat(20)}`),
  fc.constant("�"),
);
const leaf = fc.oneof(
  text,
  fc.integer({ min: -40_000, max: 70_000 }),
  fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 }),
  fc.double({ noNaN: true }),
  fc.boolean(),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom(null, undefined, 0, 127, 128, -32, -33, 255, 256, -128, -129),
);
const rare = fc.oneof(leaf, fc.bigInt(), fc.integer({ min: 2 ** 33, max: 2 ** 50 }));
const field = fc.constantFrom("name", "age", "tags", "constructor", "a.b", "", "0", "rare");
function tree(leaves: fc.Arbitrary<unknown>): fc.Arbitrary<Record<string, unknown>> {
  const { node } = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 3 },
      leaves,
      fc.array(tie("node"), { maxLength: 20 }),
      fc.dictionary(field, tie("node"), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  return fc.dictionary(field, node, { maxKeys: 6, noNullPrototype: true });
}

/** Somewhere inside of other bytes. */
function within(bytes: Uint8Array, before: number): Uint8Array {
  const page = new Uint8Array(before + bytes.length + 9).fill(0xa3);
  page.set(bytes, before);
  return page;
}
function readBy(reader: RecordReader, bytes: Uint8Array, before: number): unknown {
  return reader.read(within(bytes, before), before, before + bytes.length);
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("the reader of records", () => {
  test("reads all that is usual, as msgpackr does", () => {
    const structures: Structures = [];
    const packr = newPackr(structures);
    const reader = new RecordReader(structures);
    fc.assert(
      fc.property(tree(leaf), fc.nat({ max: 20 }), (document, before) => {
        const bytes = Uint8Array.from(packr.pack(document));
        const found = readBy(reader, bytes, before);
        const expected: unknown = packr.unpack(bytes);
        // What each decoder says in its own way is msgpackr's to say, and so are dates out of the usual.
        if (found === undefined) expect(isUnusual(document)).toBe(true);
        else expect(isDeepStrictEqual(found, expected)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
    expect(structures.length).toBeGreaterThan(40);
  });

  test("of bytes that were changed or cut, reads the same as msgpackr or nothing", () => {
    const structures: Structures = [];
    const packr = newPackr(structures);
    const change = fc.record({ at: fc.nat({ max: 400 }), to: fc.nat({ max: 255 }) });
    let given = 0;
    fc.assert(
      fc.property(
        tree(rare),
        fc.array(change, { maxLength: 3 }),
        fc.nat({ max: 400 }),
        (document, changes, cut) => {
          const whole = Uint8Array.from(packr.pack(document));
          const bytes = cut % 3 === 0 ? whole.slice(0, Math.max(1, cut)) : whole;
          for (const { at, to } of changes) bytes[at % bytes.length] = to;
          const found = readBy(new RecordReader(structures), bytes, cut % 7);
          if (found === undefined) return;
          given++;
          expect(isDeepStrictEqual(found, packr.unpack(bytes))).toBe(true);
        },
      ),
      { numRuns: 3_000 },
    );
    expect(given).toBeGreaterThan(100);
  });

  test("ends where bytes nest without end", () => {
    const reader = new RecordReader([]);
    expect(readBy(reader, new Uint8Array(100_000).fill(0x91), 0)).toBe(undefined);
    expect(readBy(reader, Uint8Array.of(0xdc, 0xff, 0xff, 0), 0)).toBe(undefined);
    expect(readBy(reader, Uint8Array.of(0xde, 0xff, 0xff, 0), 0)).toBe(undefined);
  });

  test("does not need to make code", () => {
    const structures: Structures = [];
    const packr = newPackr(structures);
    const document = { name: "Ada", tags: ["a", { age: 3 }], age: 36.5 };
    const bytes = Uint8Array.from(packr.pack(document));
    vi.stubGlobal("Function", () => {
      throw new EvalError("Code generation from strings disallowed for this context");
    });
    expect(readBy(new RecordReader(structures), bytes, 2)).toEqual(document);
  });

  test("gives texts and bytes of their own", () => {
    const structures: Structures = [];
    const packr = newPackr(structures);
    const bytes = Uint8Array.from(packr.pack({ name: "Ada", age: Uint8Array.of(1, 2) }));
    const found = new RecordReader(structures).read(bytes, 0, bytes.length);
    bytes.fill(0);
    expect(found).toEqual({ name: "Ada", age: Uint8Array.of(1, 2) });
  });
});

/** Has the document what only msgpackr reads? */
function isUnusual(value: unknown): boolean {
  if (typeof value === "string") return value.includes("�");
  if (value instanceof Date) {
    // Before 1970 and far ahead they take twelve bytes.
    return value.getTime() < 0 || value.getTime() >= 2 ** 32 * 1_000;
  }
  if (typeof value === "object" && value !== null) return Object.values(value).some(isUnusual);
  return false;
}
