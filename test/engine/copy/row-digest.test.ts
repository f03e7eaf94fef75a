/** The checksum is what its page says: held against the algorithm as it is published, written plainly with large integers. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { PageBuilder } from "../../../src/engine/contract/index.ts";
import { RowDigest } from "../../../src/engine/copy/row-digest.ts";

type Rows = readonly (readonly [key: Uint8Array, value: Uint8Array])[];
const WORD = 0xffff_ffffn;

function padded(bytes: Uint8Array): readonly number[] {
  return [...bytes, ...Array.from({ length: -bytes.length & 15 }, () => 0)];
}
function littleEndian(value: number): readonly number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24];
}
function textOf(rows: Rows): readonly number[] {
  return rows.flatMap(([key, value]) => [
    ...littleEndian(key.length),
    ...littleEndian(value.length),
    ...Array.from({ length: 8 }, () => 0),
    ...padded(key),
    ...padded(value),
  ]);
}

/** MurmurHash3_x86_128 with seed 0. */
function plainDigest(text: readonly number[]): string {
  const rotated = (x: bigint, by: bigint): bigint => ((x << by) | (x >> (32n - by))) & WORD;
  const c = [0x239b961bn, 0xab0e9789n, 0x38b34ae5n, 0xa1e38b93n];
  const turn = [15n, 16n, 17n, 18n];
  const turnAfter = [19n, 17n, 15n, 13n];
  const plus = [0x561ccd1bn, 0x0bcaa747n, 0x96cd1c35n, 0x32ac3b17n];
  const h = [0n, 0n, 0n, 0n];
  const scrambled = (at: number, lane: number): bigint => {
    let k = 0n;
    for (let i = 3; i >= 0; i--) k = (k << 8n) | BigInt(text[at + i] ?? 0);
    return (rotated((k * c[lane]!) & WORD, turn[lane]!) * c[(lane + 1) % 4]!) & WORD;
  };
  const whole = text.length - (text.length % 16);
  for (let block = 0; block < whole; block += 16) {
    for (let lane = 0; lane < 4; lane++) {
      const k = scrambled(block + 4 * lane, lane);
      const mixed = (rotated(h[lane]! ^ k, turnAfter[lane]!) + h[(lane + 1) % 4]!) & WORD;
      h[lane] = (mixed * 5n + plus[lane]!) & WORD;
    }
  }
  // The rest of a text that does not end with a block; those of rows do.
  for (let lane = 0; lane < 4; lane++) h[lane] = h[lane]! ^ scrambled(whole + 4 * lane, lane);
  const spread = (): void => {
    h[0] = (h[0]! + h[1]! + h[2]! + h[3]!) & WORD;
    for (const lane of [1, 2, 3]) h[lane] = (h[lane]! + h[0]) & WORD;
  };
  for (let lane = 0; lane < 4; lane++) h[lane] = h[lane]! ^ (BigInt(text.length) & WORD);
  spread();
  for (let lane = 0; lane < 4; lane++) {
    let x = h[lane]!;
    x = ((x ^ (x >> 16n)) * 0x85ebca6bn) & WORD;
    x = ((x ^ (x >> 13n)) * 0xc2b2ae35n) & WORD;
    h[lane] = x ^ (x >> 16n);
  }
  spread();
  return h.map((lane) => lane.toString(16).padStart(8, "0")).join("");
}

/** In pages of so many rows. */
function digestOf(rows: Rows, pageRows: number): string {
  const digest = new RowDigest();
  for (let at = 0; at < rows.length; at += pageRows) {
    const page = new PageBuilder({ keysOnly: false, rows: 1, bytes: 0 });
    const some = rows.slice(at, at + pageRows);
    for (const [key, value] of some) page.add(key, 0, key.length, value, 0, value.length);
    const built = page.build(false);
    for (let row = 0; row < built.rows; row++) digest.add(built, row);
  }
  return digest.text();
}

const anyRows = fc.array(
  fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 70 })),
  { maxLength: 12 },
);

test("the digest is the published one of the text of the rows, however they lie in pages", () => {
  fc.assert(
    fc.property(anyRows, fc.integer({ min: 1, max: 5 }), (rows, pageRows) => {
      expect(digestOf(rows, pageRows)).toBe(plainDigest(textOf(rows)));
    }),
    { numRuns: 400 },
  );
});

test("worked example: no rows, and one row of two bytes", () => {
  expect(digestOf([], 1)).toBe("0".repeat(32));
  expect(digestOf([[Uint8Array.of(1), Uint8Array.of(2)]], 1)).toMatchInlineSnapshot(
    `"c299b59316d2b23e521799342f065091"`,
  );
});

test("order, borders between key and value, and zeros at an end all count", () => {
  const a = Uint8Array.of(1);
  const b = Uint8Array.of(1, 0);
  const none = new Uint8Array(0);
  const lists: Rows[] = [
    [[a, b]],
    [[b, a]],
    [[a, a]],
    [[b, none]],
    [[none, b]],
    [
      [a, none],
      [none, none],
    ],
    [
      [none, none],
      [a, none],
    ],
    [[a, none]],
  ];
  expect(new Set(lists.map((rows) => digestOf(rows, 9))).size).toBe(lists.length);
});

test("the plain one gives what is published of it", () => {
  const fox = new TextEncoder().encode("The quick brown fox jumps over the lazy dog");
  expect(plainDigest([...fox])).toBe("2f1583c3ecee2c675d7bf66ce5e91d2c");
});
