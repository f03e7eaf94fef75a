/**
 * Random programs for the engine, as data, so that they shrink. Keys and values are strings of one byte a character,
 * whose order is that of the bytes.
 *
 * Keys are made like those of collections: a letter for the collection, then a number. Number cells live under "n", where
 * nothing but cells is written.
 */
import * as fc from "fast-check";
import type { MergeHow, ScanOptions } from "../../../src/engine/contract/index.ts";
import { randomOptions } from "./random-options.ts";
import type { RandomOptions } from "./random-options.ts";

export interface Span {
  readonly start: string;
  readonly end: string | undefined;
}
export type Op =
  | { readonly op: "put"; readonly key: string; readonly value: string }
  | { readonly op: "del"; readonly key: string }
  | { readonly op: "delRange"; readonly span: Span }
  | { readonly op: "merge"; readonly key: string; readonly how: MergeHow; readonly by: number };
export type Row = readonly [key: string, value: string];

/** Work that a power cut may come into. */
export type Work =
  | { readonly do: "write"; readonly ops: readonly Op[]; readonly isDurable: boolean }
  | { readonly do: "writes"; readonly all: readonly (readonly Op[])[] }
  | { readonly do: "load"; readonly rows: readonly Row[]; readonly isSorted: boolean }
  | { readonly do: "flush" | "compact" | "cleanupWal" | "checkpoint" | "close" }
  | { readonly do: "compactRange"; readonly span: Span };
export type Step =
  | Work
  | {
      readonly do: "transaction";
      readonly keys: readonly string[];
      readonly spans: readonly Span[];
      readonly other: readonly Op[];
      readonly ops: readonly Op[];
      readonly isExclusive: boolean;
    }
  | { readonly do: "read"; readonly span: Span; readonly options: ScanOptions }
  | { readonly do: "getMany"; readonly keys: readonly string[] }
  | { readonly do: "scan"; readonly span: Span; readonly options: ScanOptions }
  | { readonly do: "next" | "snapshot" | "closeOldest" | "changes" | "readOnly" | "reopen" }
  | { readonly do: "pause"; readonly turns: number }
  | { readonly do: "sleep"; readonly millis: number }
  | {
      readonly do: "powerCut";
      readonly during: Work;
      /** So many changes of the disk from its begin; more than it makes: after it. */
      readonly after: number;
      readonly unsynced: "lost" | "kept" | "seeded";
    };

const plainKey = fc
  .tuple(
    fc.constantFrom("a", "b", "c"),
    fc.integer({ min: 0, max: 59 }),
    fc.integer({ min: 0, max: 30 }),
  )
  .map(([letter, number, dice]) => {
    const key = `${letter}/${String(number).padStart(2, "0")}`;
    // Some are longer than a small block, some bytes are above 127.
    if (dice === 0) return `${key}${"\u00ff".repeat(3)}${"long".repeat(40)}`;
    return dice === 1 ? "" : key;
  });
const intCell = fc.integer({ min: 0, max: 2 }).map((i) => `n/i${i}`);
const floatCell = fc.integer({ min: 0, max: 2 }).map((i) => `n/f${i}`);
const anyKey = fc.oneof(
  { weight: 5, arbitrary: plainKey },
  { weight: 1, arbitrary: fc.oneof(intCell, floatCell) },
);
const value = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 60 }).map((length) => "v".repeat(length)) },
  // What does not get smaller, and what is larger than any small block.
  {
    weight: 2,
    arbitrary: fc.uint8Array({ minLength: 20, maxLength: 90 }).map((bytes) => binary(bytes)),
  },
  { weight: 1, arbitrary: fc.integer({ min: 500, max: 3_000 }).map((length) => text(length)) },
);
const span: fc.Arbitrary<Span> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(anyKey, anyKey)
      .map(([a, b]) => (a < b ? { start: a, end: b } : { start: b, end: `${a}0` })),
  },
  // All of a collection, as if it were dropped.
  {
    weight: 3,
    arbitrary: fc.constantFrom("a", "b", "c", "n").map((l) => ({ start: `${l}/`, end: `${l}0` })),
  },
  { weight: 1, arbitrary: anyKey.map((start) => ({ start, end: undefined })) },
  { weight: 1, arbitrary: fc.constant({ start: "", end: undefined }) },
);

const point: fc.Arbitrary<Exclude<Op, { op: "delRange" }>> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ op: fc.constant("put" as const), key: plainKey, value }),
  },
  { weight: 3, arbitrary: anyKey.map((key) => ({ op: "del" as const, key })) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant("merge" as const),
      key: intCell,
      how: fc.constant<MergeHow>("addInt"),
      by: fc.integer({ min: -5, max: 5 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant("merge" as const),
      key: floatCell,
      how: fc.constantFrom<MergeHow>("addFloat", "min", "max"),
      by: fc.integer({ min: -5, max: 5 }),
    }),
  },
);
const ops: fc.Arbitrary<readonly Op[]> = fc
  .tuple(
    fc.array(point, { minLength: 1, maxLength: 25, size: "max" }),
    fc.option(span, { freq: 8, nil: undefined }),
    fc.integer({ min: 0, max: 7 }),
  )
  .map(([points, wide, dice]): readonly Op[] => {
    const set = [...new Map(points.map((one) => [one.key, one])).values()];
    return wide === undefined || dice > 0 ? set : [{ op: "delRange", span: wide }, ...set];
  });
const rows = fc
  .array(fc.tuple(plainKey, value), { minLength: 1, maxLength: 60, size: "max" })
  .map((list): readonly Row[] => list);
const scanOptions: fc.Arbitrary<ScanOptions> = fc.record(
  {
    reverse: fc.boolean(),
    limit: fc.integer({ min: 1, max: 20 }),
    keysOnly: fc.boolean(),
    expect: fc.constantFrom("all" as const, "iterate" as const),
  },
  { requiredKeys: [] },
);

const commits: fc.Arbitrary<Work> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("write" as const), ops, isDurable: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc
      .array(ops, { minLength: 2, maxLength: 4 })
      .map((all) => ({ do: "writes" as const, all })),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("load" as const), rows, isSorted: fc.boolean() }),
  },
);
const work: fc.Arbitrary<Work> = fc.oneof(
  { weight: 5, arbitrary: commits },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom("flush" as const, "compact" as const, "cleanupWal" as const)
      .map((what) => ({ do: what })),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom("checkpoint" as const, "close" as const)
      .map((what) => ({ do: what })),
  },
  { weight: 2, arbitrary: span.map((one) => ({ do: "compactRange" as const, span: one })) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 24, arbitrary: commits },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("transaction" as const),
      keys: fc.array(anyKey, { maxLength: 4 }),
      spans: fc.array(span, { maxLength: 1 }),
      other: fc.oneof(fc.constant([]), ops),
      ops,
      isExclusive: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("read" as const), span, options: scanOptions }),
  },
  {
    weight: 3,
    arbitrary: fc
      .array(anyKey, { minLength: 1, maxLength: 12 })
      .map((keys) => ({ do: "getMany" as const, keys })),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("scan" as const), span, options: scanOptions }),
  },
  {
    weight: 6,
    arbitrary: fc
      .constantFrom(
        "next" as const,
        "snapshot" as const,
        "closeOldest" as const,
        "changes" as const,
      )
      .map((what) => ({ do: what })),
  },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: 40 }).map((turns) => ({ do: "pause" as const, turns })),
  },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: 1, max: 3_000 })
      .map((millis) => ({ do: "sleep" as const, millis })),
  },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom("flush" as const, "compact" as const, "cleanupWal" as const)
      .map((what) => ({ do: what })),
  },
  { weight: 2, arbitrary: span.map((one) => ({ do: "compactRange" as const, span: one })) },
  {
    weight: 5,
    arbitrary: fc
      .constantFrom(
        "checkpoint" as const,
        "readOnly" as const,
        "reopen" as const,
        "reopen" as const,
      )
      .map((what) => ({ do: what })),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("powerCut" as const),
      during: work,
      after: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 40 })),
      unsynced: fc.constantFrom("lost" as const, "kept" as const, "seeded" as const),
    }),
  },
);

/** One run of a program: the options of each opening in turn, and how the disk is. */
export interface World {
  readonly seed: number;
  readonly readMillis: number;
  readonly openings: readonly RandomOptions[];
}
export const worlds: fc.Arbitrary<World> = fc.record({
  seed: fc.nat(1_000),
  readMillis: fc.constantFrom(0, 0, 1),
  openings: fc.array(randomOptions, { minLength: 1, maxLength: 4 }),
});
export const programs: fc.Arbitrary<readonly Step[]> = fc.array(step, {
  minLength: 10,
  maxLength: 70,
  size: "max",
});

function binary(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** A text of such a length that gets a good deal smaller. */
function text(length: number): string {
  let made = "";
  for (let i = 0; made.length < length; i++) made += `word ${(i * 7_919) % 97} of ${length}, `;
  return made.slice(0, length);
}
