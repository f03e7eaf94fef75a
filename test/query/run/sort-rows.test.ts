import fc from "fast-check";
import { expect, test } from "vitest";
import { parsePath } from "../../../src/collections/index.ts";
import { RowSorter } from "../../../src/query/run/sort-rows.ts";
import { compareDocuments } from "../plain-query.ts";

const row = fc.record({
  id: fc.oneof(fc.ulid(), fc.constantFrom("a", "b", "7", "zz")),
  a: fc.oneof(fc.nat(3), fc.constantFrom(null, "x", 1n, true)),
  b: fc.nat(3),
});
const rows = fc.uniqueArray(row, { selector: ({ id }) => id, maxLength: 60 });

test("the sorter keeps the first rows of the order, as a plain sort does", () => {
  fc.assert(
    fc.property(
      rows,
      fc.option(fc.nat(20), { nil: undefined }),
      fc.boolean(),
      fc.boolean(),
      (list, limit, aDown, bDown) => {
        const fields = [
          { path: parsePath("a")!, descending: aDown },
          { path: parsePath("b")!, descending: bDown },
        ];
        const sorter = new RowSorter({ fields, idDescending: bDown }, limit);
        for (const document of list) sorter.add(document);
        const order = fields.map(({ path, descending }) => ({ path: path.text, descending }));
        const expected = list.toSorted((x, y) => compareDocuments(order, x, y)).slice(0, limit);
        expect(sorter.finish()).toEqual(expected);
      },
    ),
  );
});

test("what has no order sorts as null, first", () => {
  const fields = [{ path: parsePath("a")!, descending: false }];
  const sorter = new RowSorter({ fields, idDescending: false });
  sorter.add({ id: "1", a: 0 });
  sorter.add({ id: "3", a: { b: 1 } });
  sorter.add({ id: "2" });
  expect(sorter.finish().map(({ id }) => id)).toEqual(["2", "3", "1"]);
});
