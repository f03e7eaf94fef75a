/** What is done with a table, by its comment. */
import { expect, test } from "vitest";
import { tableName } from "../../../src/engine/postgres/table/index.ts";
import type { TableName } from "../../../src/engine/postgres/table/index.ts";
import { commentOf, planFor } from "../../../src/engine/postgres/table/table-format.ts";

const name = tableName("app.kotoba")!;

/** In one line. */
function shown(comment: string | undefined, ...program: [Parameters<typeof planFor>[2]?]): string {
  const plan = planFor(name.table, comment, ...program);
  if (plan.todo === "refuse")
    return `refuse: ${plan.error.code} ${JSON.stringify(plan.error.details)}`;
  if (plan.todo !== "migrate") return `${plan.todo} ${plan.format}`;
  const texts = plan.steps.flatMap((step) => step(name));
  return `migrate ${plan.from} to ${plan.format}: ${texts.join("; ")}`;
}

test("nothing is made, ours is taken, and others are refused by name", () => {
  expect(
    [undefined, commentOf(), commentOf(2), commentOf(0), "", "my table"].map((one) => shown(one)),
  ).toMatchInlineSnapshot(`
    [
      "make 1",
      "nothing 1",
      "refuse: FormatTooNew {"code":"FormatTooNew","table":"\\"app\\".\\"kotoba\\"","format":2,"formatOfProgram":1}",
      "refuse: FormatTooOld {"code":"FormatTooOld","table":"\\"app\\".\\"kotoba\\"","format":0,"formatOfProgram":1}",
      "refuse: NotSupported {"code":"NotSupported","table":"\\"app\\".\\"kotoba\\"","comment":""}",
      "refuse: NotSupported {"code":"NotSupported","table":"\\"app\\".\\"kotoba\\"","comment":"my table"}",
    ]
  `);
});

test("a program of a later format goes step by step, and refuses where a step is missing", () => {
  const migrations = new Map<number, (at: TableName) => readonly string[]>([
    [2, () => ["two"]],
    [3, ({ table }) => ["three", `on ${table}`]],
  ]);
  const later = { format: 4, migrations };
  expect(
    [commentOf(1), commentOf(2), commentOf(3), commentOf(4), commentOf(5)].map((one) =>
      shown(one, later),
    ),
  ).toMatchInlineSnapshot(`
    [
      "refuse: FormatTooOld {"code":"FormatTooOld","table":"\\"app\\".\\"kotoba\\"","format":1,"formatOfProgram":4}",
      "migrate 2 to 4: two; three; on "app"."kotoba"",
      "migrate 3 to 4: three; on "app"."kotoba"",
      "nothing 4",
      "refuse: FormatTooNew {"code":"FormatTooNew","table":"\\"app\\".\\"kotoba\\"","format":5,"formatOfProgram":4}",
    ]
  `);
});
