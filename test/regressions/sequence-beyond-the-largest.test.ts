/** A block under a right checksum could give entries a sequence that no number can hold exactly. */
import { expect, test } from "vitest";
import { blockProblem } from "../../src/engine/lsm/sstable/block/block-reader.ts";

/** One put of "k" = "v", with trailers of `width` bytes. */
function block(smallest: readonly number[], width: number, trailer: readonly number[]): Uint8Array {
  return Uint8Array.from(
    [[1, 0, 0, 0], [0, 0], [width, 0], smallest, [0, 0], [0, 0, 0, 0x6b], [1, 0]]
      .concat([[0, 0, 0, 0], [1, 0, 0, 0], trailer, [0x76]].map((part) => [...part]))
      .flat(),
  );
}

function problem(bytes: Uint8Array): string | undefined {
  return blockProblem(bytes, new DataView(bytes.buffer), 0, bytes.length, undefined);
}

test("a block whose sequences are beyond the largest one is not well formed", () => {
  const five = [5, 0, 0, 0, 0, 0];
  const put = [1, 0, 0, 0];
  expect(problem(block(five, 0, []))).toBeUndefined();
  expect(problem(block(five, 4, put))).toBeUndefined();
  expect(problem(block(five, 8, [...put, 0xff, 0x7f, 0, 0]))).toBeUndefined();
  expect(problem(block(five, 8, [...put, 0, 0x80, 0, 0]))).toMatch(/sequence/);
  expect(problem(block(five, 8, [...put, 0xff, 0xff, 0xff, 0xff]))).toMatch(/sequence/);
  for (const width of [0, 4]) {
    const trailer = put.slice(0, width);
    expect(problem(block([0xff, 0xff, 0xff, 0xff, 0xff, 0xff], width, trailer))).toMatch(
      /sequence/,
    );
  }
});
