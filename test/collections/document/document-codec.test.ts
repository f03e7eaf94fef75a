import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { hex } from "../../../src/base/index.ts";
import { CorruptionError } from "../../../src/engine/contract/index.ts";
import {
  DocumentCodec,
  decodeStructure,
  encodeStructure,
} from "../../../src/collections/document/document-codec.ts";
import { ValidationError, collection, isWellFormed } from "../../../src/collections/index.ts";
import type { ObjectShape } from "../../../src/collections/index.ts";

type Record_ = Record<string, unknown>;

function shapeOf(fields: z.ZodRawShape): ObjectShape {
  return collection("shapes", z.object(fields)).definition.schema.shape;
}
/** A shape that says nothing: every shape of a document is shared. */
const opaque: ObjectShape = {
  kind: "object",
  fields: new Map(),
  open: true,
  rest: { kind: "unknown" },
  defaults: new Set(),
};

function codecOf(structures: readonly (readonly string[])[] = [], shape = opaque): DocumentCodec {
  return new DocumentCodec("things", shape, structures);
}
function structuresOf(codec: DocumentCodec): (readonly string[])[] {
  return codec.unsaved().map(({ value }) => decodeStructure("things", value));
}
function decoded(codec: DocumentCodec, bytes: Uint8Array): Record_ {
  return codec.decode(bytes, 0, bytes.length);
}

/** vitest's own comparison is misled by a field called `constructor`. */
function expectSame(found: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(found, expected)) expect(found).toStrictEqual(expected);
  expect(isDeepStrictEqual(found, expected)).toBe(true);
}

const leaf = fc.oneof(
  fc.string({ unit: "binary" }).filter(isWellFormed),
  fc.integer(),
  fc.double({ noNaN: true }).map((value) => value + 0),
  fc.boolean(),
  fc.bigInt(),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 20 }),
  fc.constant(null),
  fc.constant(undefined),
);
const name = fc.oneof(
  fc.constantFrom("a", "b", "c", "name", "constructor", "toString", "hasOwnProperty", "length"),
  fc.constantFrom("then", "buffer", "valueOf", "a.b", "", "ключ", '"', "0", "1", "read", "id_"),
  fc.string({ maxLength: 4 }).filter((text) => isWellFormed(text) && text !== "__proto__"),
);
const value = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie("node"), { maxLength: 4 }),
    fc.dictionary(name, tie("node"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).node;
const record = fc.dictionary(name, value, { maxKeys: 6, noNullPrototype: true });

describe("documents as bytes", () => {
  test("are as the worked example says", () => {
    const codec = codecOf();
    expect(hex(codec.encode({ name: "Ada", age: 36 }))).toBe("40a341646124");
    expect(hex(codec.unsaved()[0]!.value)).toBe("92a46e616d65a3616765");
    expect(codec.unsaved()[0]!.number).toBe(0);
    expect(decodeStructure("things", encodeStructure(["name", "age"]))).toEqual(["name", "age"]);
  });

  test("come back the same, from inside of a page, and from a codec that was opened later", () => {
    const codec = codecOf();
    fc.assert(
      fc.property(record, fc.nat(40), fc.boolean(), (document, offset, asBuffer) => {
        const bytes = codec.encode(document);
        const page = asBuffer
          ? Buffer.alloc(offset + bytes.length + 7, 0x5a)
          : new Uint8Array(offset + bytes.length + 7).fill(0x5a);
        page.set(bytes, offset);
        expectSame(codec.decode(page, offset, offset + bytes.length), document);
        const later = codecOf(structuresOf(codec));
        expectSame(later.decode(page, offset, offset + bytes.length), document);
      }),
      { numRuns: 300 },
    );
  });

  test("are whole in themselves where no structures may be added, and may use those that are stored", () => {
    const stored = [["a", "b"], ["name"]];
    const adding = codecOf(stored);
    const codec = new DocumentCodec("things", opaque, stored, 1, { adds: false });
    fc.assert(
      fc.property(record, (document) => {
        const bytes = codec.encode(document);
        expect([codec.dirty, codec.structureCount]).toEqual([false, 2]);
        expectSame(decoded(codec, bytes), document);
        // Nothing but what is stored is known to the next program.
        expectSame(decoded(codecOf(stored), bytes), document);
        // What others have added, on an engine of their own, is read as ever.
        const others = adding.encode(document);
        const later = new DocumentCodec("things", opaque, [...stored, ...structuresOf(adding)], 1, {
          adds: false,
        });
        expectSame(decoded(later, others), document);
      }),
      { numRuns: 300 },
    );
  });

  test("hold dates, bigints, infinities, empty objects and explicit undefined", () => {
    const codec = codecOf();
    const document = {
      dates: [
        new Date(0),
        new Date(-5),
        new Date(1.7e12 + 1),
        new Date(8.64e15),
        new Date(-8.64e15),
      ],
      bigints: [0n, -1n, 2n ** 63n, -(2n ** 63n), 2n ** 64n, -(3n ** 200n)],
      numbers: [2 ** 53, -(2 ** 53), 0.1, 1e-320, Infinity, -Infinity, 2 ** 32, -(2 ** 31) - 1],
      empty: {},
      missing: undefined,
      nothing: null,
      long: "é".repeat(70_000),
    };
    expect(decoded(codec, codec.encode(document))).toStrictEqual(document);
    expect(decoded(codec, codec.encode({}))).toStrictEqual({});
  });

  test("give bytes as a Uint8Array of its own memory, whatever they came from", () => {
    const codec = codecOf();
    const packed = Uint8Array.from(codec.encode({ a: Uint8Array.of(1, 2), b: Buffer.from([3]) }));
    for (const source of [packed.slice(), Buffer.from(packed)]) {
      const { a, b } = decoded(codec, source) as { a: Uint8Array; b: Uint8Array };
      source.fill(0);
      source.set(packed);
      expect(a.constructor).toBe(Uint8Array);
      expect(b.constructor).toBe(Uint8Array);
      expect([a.buffer.byteLength, b.buffer.byteLength]).toEqual([2, 1]);
      a.fill(9);
      expect(decoded(codec, source)["a"]).toEqual(Uint8Array.of(1, 2));
    }
  });

  test("once encoded never change, whatever is encoded later", () => {
    const codec = codecOf();
    const kept = Array.from({ length: 500 }, (_, i) => ({ i, text: "x".repeat(i) }));
    const encoded = kept.map((document) => codec.encode(document));
    expect(encoded.map((bytes) => decoded(codec, bytes))).toEqual(kept);
  });

  test("of more shapes than structures come back the same, before and after reopening", () => {
    const codec = codecOf();
    const documents: Record_[] = Array.from({ length: 2_000 }, (_, i) => {
      const document: Record_ = {};
      for (let bit = 0; bit < 11; bit++)
        if ((i >> bit) & 1) document[`f${bit}`] = { [`n${i % 300}`]: i };
      return document;
    });
    const encoded = documents.map((document) => codec.encode(document));
    expect(codec.structureCount).toBe(256);
    expect(encoded.map((bytes) => decoded(codec, bytes))).toEqual(documents);
    const reopened = codecOf(structuresOf(codec));
    expect(encoded.map((bytes) => decoded(reopened, bytes))).toEqual(documents);
    const again = documents.map((document) => reopened.encode(document));
    expect(reopened.dirty).toBe(false);
    expect(again.map((bytes) => decoded(codec, bytes))).toEqual(documents);
  });

  test("may be written and read by turns", () => {
    const codec = codecOf();
    const all: { document: Record_; bytes: Uint8Array }[] = [];
    fc.assert(
      fc.property(record, fc.nat(), (document, pick) => {
        all.push({ document, bytes: codec.encode(document) });
        const { document: earlier, bytes } = all[pick % all.length]!;
        expectSame(decoded(codec, bytes), earlier);
      }),
      { numRuns: 300 },
    );
  });
});

describe("structures", () => {
  test("stay unsaved until a commit that carried them is told", () => {
    const codec = codecOf();
    codec.encode({ a: 1 });
    codec.encode({ b: { c: 1 } });
    expect(structuresOf(codec)).toEqual([["a"], ["b"], ["c"]]);
    codec.saved(1);
    expect(codec.unsaved().map(({ number }) => number)).toEqual([1, 2]);
    codec.saved(3);
    codec.saved(2);
    expect(codec.dirty).toBe(false);
  });

  test("a document that cannot be encoded leaves the codec in order", () => {
    const codec = codecOf();
    codec.encode({ a: 1 });
    for (let i = 0; i < 3; i++) {
      expect(() => codec.encode({ fresh: 1, bad: Symbol("x") })).toThrow();
      const bytes = codec.encode({ other: { inner: i } });
      expect(decoded(codec, bytes)).toEqual({ other: { inner: i } });
      expect(decoded(codecOf(structuresOf(codec)), bytes)).toEqual({ other: { inner: i } });
    }
  });

  test("what cannot be encoded is a ValidationError with its path and cause", () => {
    const bad = () => codecOf().encode({ a: 1, b: [{ c: 1 }, { c: { d: Symbol("x") } }] });
    expect(bad).toThrow(ValidationError);
    expect(bad).toThrow(
      expect.objectContaining({
        collection: "things",
        issues: [expect.objectContaining({ path: ["b", 1, "c", "d"] })],
        cause: expect.any(Error) as Error,
      }) as Error,
    );
  });

  test("of names that no schema declares are not kept", () => {
    const shape = shapeOf({
      name: z.string(),
      counts: z.record(z.string(), z.number()).optional(),
    });
    const codec = codecOf([], shape);
    const documents = Array.from({ length: 400 }, (_, i) => ({
      name: "x",
      counts: { [`k${i}`]: i },
    }));
    const encoded = documents.map((document) => codec.encode(document));
    expect(structuresOf(codec)).toEqual([["name", "counts"]]);
    expect(encoded.map((bytes) => decoded(codec, bytes))).toEqual(documents);
    expect(encoded.map((bytes) => decoded(codecOf([["name", "counts"]], shape), bytes))).toEqual(
      documents,
    );
  });
});

describe("damaged bytes", () => {
  test("are an error that names the collection", () => {
    const codec = codecOf();
    const bytes = Uint8Array.from(codec.encode({ name: "Ada" }));
    const unknown = bytes.slice();
    unknown[0] = 0x45;
    const scalar = Uint8Array.of(0x05);
    for (const bad of [bytes.subarray(0, 3), unknown, scalar, Uint8Array.of(0xc1)]) {
      expect(() => decoded(codec, bad)).toThrow(CorruptionError);
      expect(() => decoded(codec, bad)).toThrow(/document of things/);
    }
    expect(decoded(codec, bytes)).toEqual({ name: "Ada" });
    expect(() => decodeStructure("things", Uint8Array.of(0x01))).toThrow(CorruptionError);
  });
});
