import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { and, not, or, simplify } from "../../../src/collections/filter/filter-build.ts";
import { compileFilter } from "../../../src/collections/filter/filter-compile.ts";
import { matches } from "../../../src/collections/filter/filter-match.ts";
import { parseFilter } from "../../../src/collections/filter/filter-parser.ts";
import { filterText } from "../../../src/collections/filter/filter-text.ts";
import type { FilterNode } from "../../../src/collections/filter/filter.ts";
import { OPAQUE_SHAPE } from "../../../src/collections/schema/field-shape.ts";
import { anyDocument, anyFilter, anyFilterInput, shape } from "./arbitrary-filter.ts";

// Many random cases: a busy machine takes longer than the usual limit.
vi.setConfig({ testTimeout: 30_000 });

const documents = {
  full: {
    id: "x",
    n: 5,
    s: "abc",
    z: "😀",
    big: 5n,
    ok: true,
    d: new Date(5),
    b: Uint8Array.of(1, 2),
    o: { a: 1, p: { q: "r" } },
    tags: ["a", "b", null],
    items: [{ sku: "a", n: 1 }, { sku: "b", n: 2 }, {}],
  },
  empty: { id: "y", n: null, tags: [], items: [] },
  bare: {},
};
type Name = keyof typeof documents;

describe("a document matches", () => {
  test.each<[unknown, readonly Name[]]>([
    [{}, ["full", "empty", "bare"]],
    [{ n: 5 }, ["full"]],
    [{ n: null }, ["empty", "bare"]],
    [{ n: { ne: 5 } }, ["empty", "bare"]],
    [{ n: { ne: 6 } }, ["full", "empty", "bare"]],
    [{ n: { ne: null } }, ["full"]],
    [{ n: { exists: true } }, ["full"]],
    [{ n: { exists: false } }, ["empty", "bare"]],
    [{ n: { in: [4, 5] } }, ["full"]],
    [{ n: { in: [4, null] } }, ["empty", "bare"]],
    [{ n: { notIn: [5] } }, ["empty", "bare"]],
    [{ n: { gt: 4, lt: 6 } }, ["full"]],
    [{ n: { gte: 5, lte: 5 } }, ["full"]],
    [{ n: { gt: 5 } }, []],
    [{ n: { lt: 1e9 } }, ["full"]],
    [{ n: { lt: "z" } }, []],
    [{ n: "5" }, []],
    [{ n: 5n }, []],
    [{ big: { gte: 5n } }, ["full"]],
    [{ big: 5 }, []],
    [{ ok: true }, ["full"]],
    [{ ok: false }, []],
    [{ d: new Date(5) }, ["full"]],
    [{ d: { gt: new Date(4) } }, ["full"]],
    [{ b: Uint8Array.of(1, 2) }, ["full"]],
    [{ b: { gt: Uint8Array.of(1) } }, ["full"]],
    [{ s: { startsWith: "ab" } }, ["full"]],
    [{ s: { startsWith: "" } }, ["full"]],
    [{ s: { startsWith: "b" } }, []],
    [{ n: { startsWith: "5" } }, []],
    [{ z: { gt: "\uffff" } }, ["full"]],
    [{ o: { a: 1 } }, ["full"]],
    [{ o: { a: null } }, ["empty", "bare"]],
    [{ o: { p: { q: "r" } } }, ["full"]],
    [{ o: { p: { x: null } } }, ["full", "empty", "bare"]],
    [{ o: null }, ["empty", "bare"]],
    [{ tags: { has: "a" } }, ["full"]],
    [{ tags: { has: null } }, ["full"]],
    [{ tags: { has: "c" } }, []],
    [{ tags: { hasAny: ["c", "b"] } }, ["full"]],
    [{ tags: { hasAny: [] } }, []],
    [{ tags: { hasAll: ["a", "b"] } }, ["full"]],
    [{ tags: { hasAll: ["a", "c"] } }, []],
    [{ tags: { hasAll: [] } }, ["full", "empty", "bare"]],
    [{ tags: { size: 3 } }, ["full"]],
    [{ tags: { size: 0 } }, ["empty"]],
    [{ items: { has: null } }, []],
    [{ items: { some: { sku: "a", n: 1 } } }, ["full"]],
    [{ items: { some: { sku: "a", n: 2 } } }, []],
    [{ items: { some: { sku: null } } }, ["full"]],
    [{ items: { some: { sku: { ne: "a" } } } }, ["full"]],
    [{ tags: { some: { x: null } } }, []],
    [{ AND: [] }, ["full", "empty", "bare"]],
    [{ OR: [] }, []],
    [{ OR: [{ n: 5 }, { id: "y" }] }, ["full", "empty"]],
    [{ NOT: { n: { gt: 1 } } }, ["empty", "bare"]],
    [{ id: "x" }, ["full"]],
    [{ toString: null }, ["full", "empty", "bare"]],
    [{ constructor: { exists: true } }, []],
  ])("%o", (input, expected) => {
    const node = parseFilter("c", OPAQUE_SHAPE, input);
    const names = Object.keys(documents) as Name[];
    expect(names.filter((name) => matches(node, documents[name]))).toEqual(expected);
    expect(names.filter((name) => compileFilter(node)(documents[name]))).toEqual(expected);
  });
});

describe("a filter and its twins", () => {
  test("the compiled filter agrees with the plain evaluator", () => {
    fc.assert(
      fc.property(
        anyFilter,
        fc.array(anyDocument, { minLength: 5, maxLength: 5 }),
        (node, list) => {
          const test = compileFilter(node);
          for (const document of list) {
            if (test(document) !== matches(node, document)) expect.fail(filterText(node));
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("a simplified tree matches what its parts say", () => {
    fc.assert(
      fc.property(fc.array(anyFilter, { maxLength: 4 }), anyDocument, (nodes, document) => {
        const each = nodes.map((node) => matches(node, document));
        expect(matches(and(nodes), document)).toBe(each.every(Boolean));
        expect(matches(or(nodes), document)).toBe(each.some(Boolean));
        for (const node of nodes) {
          expect(matches(not(node), document)).toBe(!matches(node, document));
          expect(simplify(node)).toEqual(node);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("a parsed filter has no needless nodes", () => {
    fc.assert(
      fc.property(anyFilterInput, (input) => {
        expect(needlessNodes(parseFilter("c", shape, input))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});

/** The nodes that simplifying should have taken away. */
function needlessNodes(node: FilterNode, parent?: FilterNode["kind"]): FilterNode[] {
  const isDecided = node.kind === "all" || node.kind === "none";
  const isGroup = node.kind === "and" || node.kind === "or";
  const found: FilterNode[] = [];
  // Some element, whatever it is: the one place where `all` says something.
  const isAnyElement = node.kind === "all" && parent === "some";
  if (isDecided && parent !== undefined && !isAnyElement) found.push(node);
  if (node.kind === parent && node.kind !== "some") found.push(node);
  if (isGroup && node.nodes.length < 2) found.push(node);
  if (node.kind === "in" && node.values.length < 2) found.push(node);
  const inside = isGroup ? node.nodes : "node" in node ? [node.node] : [];
  return [...found, ...inside.flatMap((part) => needlessNodes(part, node.kind))];
}
