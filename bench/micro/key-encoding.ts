/**
 * What a part of a key costs, in ns, written and read. Run: npx tsx bench/micro/key-encoding.ts
 *
 * The writer makes UTF-8 by hand; TextEncoder and Buffer are measured beside it, for texts of several lengths.
 */
import { KeyReader } from "../../src/collections/key/key-reader.ts";
import { KeyWriter, encodeKey } from "../../src/collections/key/key-writer.ts";
import { compareValues } from "../../src/collections/key/value-order.ts";
import type { Scalar } from "../../src/collections/schema/document-type.ts";

const roundsOfOne = 5;
const runsOfRound = 300_000;
let sink = 0;

/** ns for each run: the best of some rounds, the rest of which other processes disturbed. */
function measured(work: (i: number) => number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < roundsOfOne; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < runsOfRound; i++) sink += work(i);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / runsOfRound);
  }
  return best;
}

function line(name: string, ...figures: readonly [string, number][]): void {
  const shown = figures.map(([what, ns]) => `${what} ${ns.toFixed(1).padStart(7)}`);
  console.log(name.padEnd(30), shown.join("   "));
}

const samples: readonly (readonly [string, readonly Scalar[]])[] = [
  ["null", [null]],
  ["boolean", [true, false]],
  ["small integer", [1, 2, 30, 400]],
  ["fraction", [0.1, -1.5, 3.14]],
  ["date", [new Date(0), new Date(1.7e12)]],
  ["bigint of 1 byte", [5n, -7n]],
  ["bigint of 8 bytes", [2n ** 60n, -(2n ** 61n)]],
  ["text of 4", ["Oslo", "Rome", "Bern"]],
  ["text of 16", ["Ada Lovelace 123", "Grace Hopper 456"]],
  ["text of 26", ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "01BX5ZZKBKACTAV9WEVGEMMVRZ"]],
  ["text of 16, accents", ["Ådå Løvelåçé 123", "Grâce Hôpper 456"]],
  ["text of 100", ["x".repeat(100), "y".repeat(100)]],
  ["text of 1,000", ["x".repeat(1_000), "y".repeat(1_000)]],
  ["bytes of 16", [new Uint8Array(16).fill(7), new Uint8Array(16).fill(9)]],
];

console.log(
  "one value as a part of a key: value() twice in one writer less once, and reading it back",
);
for (const [name, values] of samples) {
  const writer = new KeyWriter();
  const count = values.length;
  const once = measured((i) => writer.value(values[i % count]).finish().length);
  const twice = measured(
    (i) =>
      writer
        .value(values[i % count])
        .value(values[(i + 1) % count])
        .finish().length,
  );
  const keys = values.map((value) => encodeKey(new Uint8Array(0), [value]));
  const read = measured((i) => {
    const value = new KeyReader(keys[i % count]!).value();
    return value === null ? 1 : 2;
  });
  line(name, ["part", twice - once], ["part + finish", once], ["read", read]);
}

console.log(
  "\nUTF-8 into a buffer: by hand (with tag, escapes and end), TextEncoder.encodeInto, Buffer.write",
);
const encoder = new TextEncoder();
const buffer = Buffer.alloc(4_096);
for (const length of [4, 16, 64, 256, 1_000]) {
  const texts = ["a", "b", "c"].map((letter) => letter.repeat(length));
  const writer = new KeyWriter();
  const finished = measured((i) => writer.value(texts[i % 3]).finish().length);
  const bare = measured(() => writer.value(null).finish().length);
  const into = measured((i) => encoder.encodeInto(texts[i % 3]!, buffer).written);
  const written = measured((i) => buffer.write(texts[i % 3]!, 0));
  line(`text of ${length}`, ["hand", finished - bare], ["encodeInto", into], ["write", written]);
}

console.log("\nwhole keys and comparisons");
const prefix = Uint8Array.of(1, 2, 1);
const fields: Scalar[] = ["Oslo", 1_500, new Date(1.7e12)];
const directions = [false, true, false];
line("three fields", [
  "encodeKey",
  measured((i) => {
    fields[1] = i;
    return encodeKey(prefix, fields, directions).length;
  }),
]);
line(
  "compareValues",
  ["numbers", measured((i) => compareValues(i, 150_000))],
  ["texts", measured((i) => compareValues(samples[8]![1][i % 2], samples[8]![1][(i + 1) % 2]))],
);
console.log(sink === 0 ? "nothing was measured" : "");
