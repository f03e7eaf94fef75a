import { expect, test } from "vitest";
import { mergeCell } from "../../../src/engine/contract/index.ts";

const cell = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const float = (value: number): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes;
};

test("the worked example of the format: 2 and -1 make 1", () => {
  const merged = mergeCell(cell("0000000000000002"), "addInt", cell("ffffffffffffffff"));
  expect(merged).toEqual(cell("0000000000000001"));
});

test("integers wrap around at 64 bits", () => {
  const merged = mergeCell(cell("7fffffffffffffff"), "addInt", cell("0000000000000001"));
  expect(merged).toEqual(cell("8000000000000000"));
});

test("an absent cell becomes the operand, in bytes of its own", () => {
  const operand = float(2.5);
  const merged = mergeCell(undefined, "min", operand);
  expect(merged).toEqual(operand);
  expect(merged.buffer).not.toBe(operand.buffer);
});

test("floats add, and keep the smaller or the larger", () => {
  expect(mergeCell(float(1.5), "addFloat", float(2))).toEqual(float(3.5));
  expect(mergeCell(float(1.5), "min", float(2))).toEqual(float(1.5));
  expect(mergeCell(float(1.5), "max", float(2))).toEqual(float(2));
});

test("what is no cell of 8 bytes is refused", () => {
  expect(() => mergeCell(new Uint8Array(7), "addInt", new Uint8Array(8))).toThrow(/8 bytes/);
  expect(() => mergeCell(undefined, "addInt", new Uint8Array(9))).toThrow(/8 bytes/);
});
