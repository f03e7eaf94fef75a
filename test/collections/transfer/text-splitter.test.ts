import * as fc from "fast-check";
import { expect, test } from "vitest";
import { TextSplitter } from "../../../src/collections/transfer/text-splitter.ts";
import { bytesOfSource } from "../../../src/collections/transfer/text-source.ts";
import type { TextSource } from "../../../src/collections/transfer/text-source.ts";

interface Found {
  readonly line: number;
  readonly text?: string;
  readonly problem?: string;
}

async function split(source: TextSource, lineBytesMax = 1_000): Promise<Found[]> {
  const splitter = new TextSplitter(lineBytesMax);
  const pieces = [];
  for await (const chunk of bytesOfSource("c", source, undefined))
    pieces.push(...splitter.push(chunk));
  pieces.push(...splitter.finish());
  return pieces.map(({ line, ...rest }) =>
    "bytes" in rest
      ? { line, text: new TextDecoder().decode(rest.bytes).trim() }
      : { line, problem: rest.problem! },
  );
}

/** The text cut at random places, as strings or as bytes; also between the units of a pair and the bytes of a character. */
function cut(text: string): fc.Arbitrary<readonly (string | Uint8Array)[]> {
  const places = fc.array(fc.nat(Buffer.byteLength(text) + 1), { maxLength: 12 });
  return fc.tuple(places, fc.boolean()).map(([at, isText]) => {
    const whole = isText ? text : new TextEncoder().encode(text);
    const sorted = [0, ...at.toSorted((a, b) => a - b), whole.length];
    return sorted.slice(1).map((end, i) => whole.slice(sorted[i], end));
  });
}

const anyJson = fc
  .json({ maxDepth: 2, stringUnit: "binary" })
  .filter((text) => Buffer.byteLength(text) < 900);

test("lines come out whole wherever the text is cut, with their numbers", async () => {
  const lines = fc.array(
    fc.oneof(
      anyJson.filter((text) => !text.startsWith("[")),
      fc.constantFrom("", "  "),
    ),
    { maxLength: 8 },
  );
  const given = fc
    .tuple(lines, fc.constantFrom("\n", "\r\n"), fc.constantFrom("", "\ufeff"), fc.boolean())
    .map(([all, end, mark, ends]) => ({ all, text: `${mark}${all.join(end)}${ends ? end : ""}` }))
    .chain(({ all, text }) => fc.tuple(fc.constant(all), cut(text)));
  await fc.assert(
    fc.asyncProperty(given, async ([all, chunks]) => {
      const expected = all
        .map((text, i) => ({ line: i + 1, text: text.trim() }))
        .filter(({ text }) => text !== "");
      expect(await split(chunks)).toEqual(expected);
    }),
  );
});

test("elements of an array come out whole wherever the text is cut, with their lines", async () => {
  const between = fc.constantFrom("", " ", "\n", "\r\n\t", "\n\n");
  const given = fc
    .array(fc.tuple(between, anyJson, between), { maxLength: 6 })
    .map((all) => ({
      all,
      text: `[${all.map(([before, text, after]) => before + text + after).join(",")}]\n `,
    }))
    .chain(({ all, text }) => fc.tuple(fc.constant(all), fc.constant(text), cut(text)));
  await fc.assert(
    fc.asyncProperty(given, async ([all, text, chunks]) => {
      let at = 1;
      const expected = all.map(([before, element, after]) => {
        const start = at + before.length;
        at = start + element.length + after.length + 1;
        return { line: text.slice(0, start).split("\n").length, text: element };
      });
      expect(await split(chunks)).toEqual(expected);
    }),
  );
});

for (const [text, problem] of [
  ['[{"a":1},\n{"b":2}', { line: 2, problem: "the array is not closed: the text is cut short" }],
  ['[{"a":1},\n{"b":', { line: 2, problem: "the array is not closed: the text is cut short" }],
  ["[1,\n,2]", { line: 2, problem: "there is nothing between two commas" }],
  ["[1,]", { line: 1, problem: "there is nothing between two commas" }],
  ["[]\n{}", { line: 2, problem: "there is text behind the end of the array" }],
] as const) {
  test(`${JSON.stringify(text)} is told`, async () => {
    expect(await split(text)).toContainEqual(problem);
  });
}

test("a text without documents has no pieces", async () => {
  for (const text of ["", "\n\n", "\ufeff", "[]", " [ \n ] "])
    expect(await split(text)).toEqual([]);
});

test("a piece that is too long is told, and those around it are not lost", async () => {
  const problem = "it has more than 10 bytes (lineBytesMax)";
  const long = JSON.stringify("x".repeat(50));
  expect(await split([`1\n${long.slice(0, 8)}`, `${long.slice(8)}\n2`], 10)).toEqual([
    { line: 1, text: "1" },
    { line: 2, problem },
    { line: 3, text: "2" },
  ]);
  expect(await split(`[1,${long},2]`, 10)).toEqual([
    { line: 1, text: "1" },
    { line: 1, problem },
    { line: 1, text: "2" },
  ]);
});
