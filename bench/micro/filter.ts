/**
 * What a filter costs for one document, in ns: the plain evaluator, and its compiled twin, which is worth keeping only
 * as long as it is at least twice as fast. Run: npx tsx bench/micro/filter.ts
 */
import { compileFilter } from "../../src/collections/filter/filter-compile.ts";
import { matches } from "../../src/collections/filter/filter-match.ts";
import { parseFilter } from "../../src/collections/filter/filter-parser.ts";
import { filterText } from "../../src/collections/filter/filter-text.ts";
import { OPAQUE_SHAPE } from "../../src/collections/schema/field-shape.ts";

const documents = Array.from({ length: 1_000 }, (_, i) => ({
  id: `user-${i}`,
  name: `name ${i % 100}`,
  age: i % 90,
  role: ["admin", "user", "guest"][i % 3],
  joined: new Date(i * 1_000),
  address: { city: ["Oslo", "Rome"][i % 2], zip: String(i) },
  tags: ["a", "b", `t${i % 10}`],
  items: [{ sku: `s${i % 5}`, n: i % 7 }],
}));

const filters: unknown[] = [
  { age: { gte: 18 } },
  { role: "admin" },
  { age: { gte: 18, lt: 65 }, role: "user" },
  { role: { in: ["admin", "guest", "owner"] } },
  { name: { startsWith: "name 1" } },
  { name: { gt: "name 5" } },
  { address: { city: "Oslo" } },
  { joined: { lt: new Date(500_000) } },
  { tags: { has: "t3" } },
  { items: { some: { sku: "s1", n: { gt: 3 } } } },
  { OR: [{ age: { lt: 18 } }, { role: "admin" }], NOT: { address: { city: "Rome" } } },
];

let sink = 0;
function measured(test: (document: unknown) => boolean): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 6; round++) {
    const start = process.hrtime.bigint();
    for (let again = 0; again < 200; again++) {
      for (let i = 0; i < documents.length; i++) sink += test(documents[i]) ? 1 : 0;
    }
    const ns = Number(process.hrtime.bigint() - start) / (200 * documents.length);
    best = Math.min(best, ns);
  }
  return best;
}

console.log("   plain  compiled  times   parse");
for (const input of filters) {
  const node = parseFilter("users", OPAQUE_SHAPE, input);
  const compiled = measured(compileFilter(node));
  const plain = measured((document) => matches(node, document));
  const start = process.hrtime.bigint();
  for (let i = 0; i < 20_000; i++) sink += parseFilter("users", OPAQUE_SHAPE, input).kind.length;
  const parse = Number(process.hrtime.bigint() - start) / 20_000;
  const figures = [
    plain.toFixed(1).padStart(8),
    compiled.toFixed(1).padStart(9),
    (plain / compiled).toFixed(1).padStart(6),
    parse.toFixed(0).padStart(7),
  ];
  console.log(figures.join(" "), "  ", filterText(node));
}
console.log(sink === 0 ? "nothing was measured" : "");
