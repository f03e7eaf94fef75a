/** The quick share of the fuzzing, and the test of the test: planted mistakes are found out. */
import { afterEach, expect, test } from "vitest";
import { CorruptionError } from "../../src/engine/contract/index.ts";
import { KeyReader } from "../../src/collections/key/key-reader.ts";
import type { Scalar } from "../../src/collections/index.ts";
import { readU16, readU32 } from "../../src/engine/lsm/codec/index.ts";
import { fuzz, decoders } from "./fuzz.ts";
import { fire } from "./fuzz/decoder.ts";
import type { Decoder, Input } from "./fuzz/decoder.ts";
import { tuplesRead } from "./fuzz/keys.ts";
import { proveQuickly } from "./kit/prove-quickly.ts";

const counts = proveQuickly(fuzz, { timeoutMillis: 300_000 });

test("every decoder had ten thousand inputs, but for those that read whole files and commands", () => {
  for (const { name, rarity = 1 } of decoders)
    expect(counts.get(`${name}: inputs`), name).toBeGreaterThanOrEqual(10_000 / rarity);
  expect(counts.get("inputs that were decoded")).toBeGreaterThan(30_000);
  expect(counts.get("inputs that were refused")).toBeGreaterThan(100_000);
});

// ------------------------------------------------------------------ the test is tested

/** What is found first in so many inputs. */
function finding(decoder: Decoder, inputs = 100_000): string {
  try {
    fire({ decoder, inputs, seed: 11 }, new Map());
  } catch (error) {
    return String(error);
  }
  return "nothing";
}

/** A decoder with something before it. */
function planted(name: string, mistake: (input: Input) => boolean | undefined): Decoder {
  const decoder = decoders.find((one) => one.name === name)!;
  return { ...decoder, judge: (input) => mistake(input) ?? decoder.judge(input) };
}

const damage = (offset: number): CorruptionError =>
  new CorruptionError({ file: "a file", offset, expected: "this", found: "that" });

test("planted: a length that is believed is found out", () => {
  const mistake = planted("range deletes", ({ bytes, length }) => {
    if (length >= 4) new DataView(bytes.buffer, 0, length).getUint8(readU32(bytes, 0) % 0x1000);
    return undefined;
  });
  expect(finding(mistake)).toMatch(/RangeError/);
});

test("planted: room that is made for a count before it is checked is found out", () => {
  const mistake = planted("range deletes", ({ bytes, length }) => {
    const count = length >= 4 ? readU32(bytes, 0) : 0;
    return new Uint8Array(Math.min(count, 2 ** 26)).length < 0;
  });
  expect(finding(mistake)).toMatch(/it allocated \d{6,} bytes/);
});

test("planted: one rare form that ends in a TypeError is found out", () => {
  const mistake = planted("footers", ({ bytes, length }) => {
    const isRare =
      length > 94 && readU32(bytes, length - 4) === 0x5453_5362 && bytes[length - 14] === 0;
    return isRare ? (undefined as unknown as { x: { y: boolean } }).x.y : undefined;
  });
  expect(finding(mistake)).toMatch(/TypeError/);
});

test("planted: time that grows with the square of a number is found out", () => {
  const mistake = planted("file headers", ({ bytes, length }) => {
    let steps = 0;
    const count = length > 14 ? readU16(bytes, 12) : 0;
    for (let i = 0; i < count; i++) for (let k = 0; k < count; k++) steps += i ^ k;
    return steps < 0 ? true : undefined;
  });
  expect(finding(mistake)).toMatch(/it took \d{2,} ms/);
});

test("planted: a key tuple with two spellings is found out", () => {
  const lenient = tuplesRead(({ bytes, length }) => {
    const reader = new KeyReader(bytes, 0, length);
    const values: Scalar[] = [];
    while (reader.at < length) {
      try {
        values.push(reader.value());
      } catch (error) {
        const isLong = error instanceof CorruptionError && error.expected.includes("leading zeros");
        if (!isLong) throw error;
        return [...values, 0n];
      }
    }
    return values;
  });
  expect(finding(lenient)).toMatch(/two keys of one tuple/);
});

test("planted: a direction that is forgotten is found out", () => {
  const swapped = tuplesRead(({ bytes, length }, pattern) => {
    const reader = new KeyReader(bytes, 0, length);
    const values: Scalar[] = [];
    // The direction of the first part is forgotten, but by the one who writes.
    while (reader.at < length)
      values.push(reader.value(((pattern >>> ((values.length + 1) % 3)) & 1) === 1));
    return values;
  });
  expect(finding(swapped)).toMatch(/two keys of one tuple/);
});

test("planted: bytes that are never refused are found out", () => {
  expect(finding(planted("LZ4 blocks", () => true))).toMatch(/refused none/);
  expect(finding(planted("LZ4 blocks", () => false))).toMatch(/took none/);
});

test("planted: damage without its place is found out", () => {
  const mistake = planted("varints", ({ length }) => {
    if (length > 8) throw damage(NaN);
    return undefined;
  });
  expect(finding(mistake)).toMatch(/A file of the database is damaged/);
});

const polluted = Object.prototype as { polluted?: unknown };
afterEach(() => {
  delete polluted.polluted;
});
test("planted: a name that changes all objects is found out", () => {
  const mistake = planted("varints", ({ length }) => {
    const target: Record<string, Record<string, unknown>> = {};
    if (length === 3) target["__proto__"]!["polluted"] = true;
    return undefined;
  });
  expect(finding(mistake)).toMatch(/Object.prototype has changed/);
});
