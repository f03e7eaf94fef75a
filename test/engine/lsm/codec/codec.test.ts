import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  U48_MAX,
  VARINT_BYTES_MAX,
  crc32,
  crc32Portable,
  decodeFileHeader,
  encodeFileHeader,
  isSealedRecord,
  readF64,
  readU16,
  readU32,
  readU48,
  readVarint,
  sealRecord,
  varintLength,
  writeF64,
  writeU16,
  writeU32,
  writeU48,
  writeVarint,
} from "../../../../src/engine/lsm/codec/index.ts";
import { hex } from "../../../../src/base/index.ts";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("crc32", () => {
  it("has the check value of CRC-32 as in zip", () => {
    expect(crc32(ascii("123456789"), 0, 9, 0)).toBe(0xcbf43926);
    expect(crc32(new Uint8Array(0), 0, 0, 0)).toBe(0);
  });

  it("is the same in plain JavaScript and in zlib, from any seed and for any part", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 700 }),
        fc.nat(64),
        fc.integer({ min: 0, max: 0xffffffff }),
        (bytes, from, seed) => {
          const start = Math.min(from, bytes.length);
          // Of nothing, zlib gives 0 whatever the seed; continuing over nothing must change nothing.
          const part = bytes.subarray(start);
          const expected = part.length === 0 ? seed : zlibCrc32(part, seed);
          expect(crc32Portable(bytes, start, bytes.length, seed)).toBe(expected);
          expect(crc32(bytes, start, bytes.length, seed)).toBe(expected);
        },
      ),
    );
  });

  it("continues: the checksum of a whole is that of its end, seeded with that of its beginning", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.nat(500), (bytes, cut) => {
        const middle = Math.min(cut, bytes.length);
        const first = crc32(bytes, 0, middle, 0);
        expect(crc32(bytes, middle, bytes.length, first)).toBe(crc32(bytes, 0, bytes.length, 0));
      }),
    );
  });
});

describe("varint", () => {
  const after = { at: 0 };

  it("reads what it wrote, in as many bytes as it said", () => {
    const numbers = fc.oneof(
      fc.maxSafeNat(),
      fc.nat(300),
      fc.constantFrom(127, 128, 16383, 16384, 2 ** 31, 2 ** 49 - 1, 2 ** 49, 2 ** 53 - 1),
    );
    fc.assert(
      fc.property(numbers, (value) => {
        const bytes = new Uint8Array(VARINT_BYTES_MAX + 2);
        const end = writeVarint(bytes, 1, value);
        expect(end - 1).toBe(varintLength(value));
        expect(readVarint(bytes, 1, end, after)).toBe(value);
        expect(after.at).toBe(end);
        expect(readVarint(bytes, 1, end - 1, after)).toBe(-1);
      }),
    );
  });

  it("writes the worked example: 300 is AC 02", () => {
    const bytes = new Uint8Array(8);
    expect(hex(bytes.subarray(0, writeVarint(bytes, 0, 300)))).toBe("ac02");
  });

  it.each([
    ["nothing", []],
    ["bytes that run out", [0x80, 0x80]],
    ["zero in two bytes", [0x80, 0x00]],
    ["300 in three bytes", [0xac, 0x82, 0x00]],
    ["2^53", [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]],
    ["nine bytes", [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
  ])("refuses %s", (_, bytes) => {
    expect(readVarint(new Uint8Array(bytes), 0, bytes.length, after)).toBe(-1);
  });
});

describe("fixed-width integers", () => {
  it("are little-endian", () => {
    const bytes = new Uint8Array(6);
    writeU48(bytes, 0, 0x0102_0304_0506);
    expect(hex(bytes)).toBe("060504030201");
  });

  it("read what they wrote over their whole range", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: U48_MAX }),
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.double(),
        (wide, narrow, float) => {
          const bytes = new Uint8Array(20);
          writeU48(bytes, 0, wide);
          writeU32(bytes, 6, narrow);
          writeU16(bytes, 10, narrow & 0xffff);
          writeF64(bytes, 12, float);
          expect(readU48(bytes, 0)).toBe(wide);
          expect(readU32(bytes, 6)).toBe(narrow);
          expect(readU16(bytes, 10)).toBe(narrow & 0xffff);
          expect(readF64(bytes, 12)).toBe(float);
        },
      ),
    );
  });

  it("writes a float as IEEE 754, low byte first", () => {
    const bytes = new Uint8Array(8);
    writeF64(bytes, 0, 1);
    expect(hex(bytes)).toBe("000000000000f03f");
  });
});

describe("a file header", () => {
  const storeId = Uint8Array.from({ length: 16 }, (_, i) => i);
  const header = encodeFileHeader("KOTOBAWL", 12, storeId);

  it("is decoded into what was encoded", () => {
    const decoded = decodeFileHeader(header, "KOTOBAWL");
    expect(decoded).toMatchObject({ formatVersion: 2, fileNumber: 12, storeId });
  });

  it("is none when any bit of it is flipped, when it is cut, or with another magic", () => {
    for (let bit = 0; bit < header.length * 8; bit++) {
      const flipped = Uint8Array.from(header);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeFileHeader(flipped, "KOTOBAWL"), `bit ${bit}`).toBeUndefined();
    }
    expect(decodeFileHeader(header.subarray(0, 39), "KOTOBAWL")).toBeUndefined();
    expect(decodeFileHeader(header, "KOTOBAMF")).toBeUndefined();
  });
});

describe("a sealed record", () => {
  const record = new Uint8Array(8 + 20).fill(7);
  sealRecord(record, 0, record.length, 0x12345678, 4711);

  it("is one for its own file and offset only", () => {
    expect(isSealedRecord(record, 0, record.length, 0x12345678, 4711)).toBe(true);
    expect(isSealedRecord(record, 0, record.length, 0x12345679, 4711)).toBe(false);
    expect(isSealedRecord(record, 0, record.length, 0x12345678, 4712)).toBe(false);
  });

  it("is none when cut to another length, even where the rest of the bytes agree", () => {
    expect(isSealedRecord(record, 0, record.length - 1, 0x12345678, 4711)).toBe(false);
  });
});
