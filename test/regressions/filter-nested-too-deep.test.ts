/** A filter that is nested too deep, or in itself, is refused by its place; one at the limit goes through everything. */
import { expect, test } from "vitest";
import { z } from "zod";
import {
  InvalidQuery,
  collection,
  compileFilter,
  filterText,
  implies,
  matches,
  parseFilter,
  simplify,
} from "../../src/collections/index.ts";
import { MemoryEngine } from "../../src/engine/memory/index.ts";
import { TestDatabase } from "../collections/test-database.ts";

const notes = collection("notes", z.object({ n: z.number(), any: z.unknown() }));
const { inner } = await new TestDatabase(new MemoryEngine()).store(notes);
const { shape } = inner.definition.schema;
const parse = (input: unknown) => parseFilter("notes", shape, input);

type Wrap = (inner: object) => object;
const wraps: Readonly<Record<string, Wrap>> = {
  NOT: (inner) => ({ NOT: inner }),
  AND: (inner) => ({ AND: [inner, { n: 1 }] }),
  OR: (inner) => ({ OR: [{ n: 1 }, inner] }),
};

function nested(levels: number, wrap: Wrap): object {
  let filter: object = { n: { gt: 5 } };
  for (let level = 1; level < levels; level++) filter = wrap(filter);
  return filter;
}

function refusalOf(input: unknown): unknown {
  try {
    parse(input);
  } catch (error) {
    return error;
  }
  return undefined;
}

for (const [name, wrap] of Object.entries(wraps))
  test(`${name} in 100 levels is read, in 101 and in 5,000 it is refused by its place`, () => {
    // 99 times NOT is once; the others say what n is in their first level already.
    expect(matches(parse(nested(100, wrap)), { n: 1 })).toBe(name !== "AND");
    for (const levels of [101, 5_000]) {
      const refusal = refusalOf(nested(levels, wrap));
      expect(refusal).toBeInstanceOf(InvalidQuery);
      const { path, problem } = (refusal as InvalidQuery).details as Readonly<
        Record<string, string>
      >;
      expect(path!.split(".")).toHaveLength(100);
      expect(path!.startsWith(name)).toBe(true);
      expect(problem).toContain("more than 100 deep");
    }
  });

test("nested fields and elements count too", () => {
  const field: Wrap = (inner) => ({ x: inner });
  const deep = (levels: number): object => ({ any: nested(levels, field) });
  expect(() => parse(deep(98))).not.toThrow();
  expect(() => parse(deep(5_000))).toThrow(InvalidQuery);
  const some: Wrap = (inner) => ({ list: { some: inner } });
  expect(() => parse({ any: nested(5_000, some) })).toThrow(InvalidQuery);
});

test("a filter that contains itself is refused", () => {
  const filter: Record<string, unknown> = {};
  filter["NOT"] = filter;
  expect(() => parse(filter)).toThrow(InvalidQuery);
});

test("whatever was read can be simplified, matched, compiled, shown and compared", () => {
  const wrap: Wrap = (inner) => ({ NOT: { OR: [{ n: 1 }, inner] } });
  const node = parse(nested(50, wrap));
  expect(simplify(node)).toEqual(node);
  expect(compileFilter(node)({ n: 3 })).toBe(matches(node, { n: 3 }));
  expect(filterText(node).length).toBeGreaterThan(50);
  expect(implies(node, parse({ n: { gt: 5 } }))).toBe(false);
});
