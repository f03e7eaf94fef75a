/** The declaration of `expire`: what is taken, what is refused and how, and what belongs to the identity of what. */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { catalogPlan } from "../../../src/collections/catalog/catalog-plan.ts";
import { collection, InvalidDefinition } from "../../../src/collections/index.ts";

const schema = z.object({
  at: z.date(),
  seen: z.date().nullish(),
  inner: z.object({ at: z.date().optional() }),
  name: z.string(),
  either: z.union([z.date(), z.string()]),
  nothing: z.null(),
  dates: z.array(z.date()),
  anything: z.unknown(),
});

/** As a program without types would write it. */
const define = collection as unknown as (
  name: string,
  of: unknown,
  options?: { indexes: unknown },
) => ReturnType<typeof collection>;

function expireMillisOf(index: object): number | undefined {
  return define("things", schema, { indexes: { i: index } }).definition.indexes[0]!.expireMillis;
}
function problemOf(index: object): string {
  try {
    expireMillisOf(index);
  } catch (error) {
    if (error instanceof InvalidDefinition) return String(error.details["problem"]);
    throw error;
  }
  return "none";
}

describe("expire", () => {
  test("is a time in seconds, minutes, hours or days, or true for the date itself", () => {
    const millis = (expire: unknown): unknown => expireMillisOf({ on: ["at"], expire });
    expect(millis(true)).toBe(0);
    expect(millis("90s")).toBe(90_000);
    expect(millis("15m")).toBe(900_000);
    expect(millis("1.5h")).toBe(5_400_000);
    expect(millis("30d")).toBe(2_592_000_000);
    expect(millis("0.001s")).toBe(1);
    expect(millis("36500d")).toBe(3_153_600_000_000);
    expect(expireMillisOf({ on: ["at"] })).toBeUndefined();
  });

  test("is refused where it is something else", () => {
    for (const expire of [
      "30",
      "d",
      "30w",
      "-1d",
      "0d",
      "0.0001s",
      "36501d",
      "1e3s",
      "1 d",
      " 1d",
      "1d ",
      "0x1d",
      "",
      30,
      false,
      null,
      { days: 30 },
      new Date(0),
      "9".repeat(400) + "d",
    ])
      expect(problemOf({ on: ["at"], expire }), JSON.stringify(expire)).toBe(
        'index "i": `expire` is true, or a time such as "30d": a number above 0, then s, m, h or d; at most 36500d',
      );
  });

  test("takes an index over one date, nested, nullable, descending, partial, unique or covering", () => {
    for (const index of [
      { on: ["seen"] },
      { on: ["-seen"] },
      { on: ["inner.at"] },
      { on: ["anything"] },
      { on: ["at"], unique: true, include: ["name"], where: { name: "x" } },
    ])
      expect(problemOf({ ...index, expire: "1d" })).toBe("none");
  });

  test("is refused for any other index", () => {
    for (const [on, problem] of [
      [["at", "name"], "an index with `expire` is over one field"],
      [["name"], '"name" is string, and documents expire by a date'],
      [["id"], '"id" is string, and documents expire by a date'],
      [["either"], '"either" is string or date, and documents expire by a date'],
      [["nothing"], '"nothing" has no value, and documents expire by a date'],
      [
        ["dates[]"],
        '"dates[]" goes through the elements of an array ([]): a document has one time',
      ],
    ] as const)
      expect(problemOf({ on, expire: "1d" })).toBe(`index "i": ${problem}`);
    expect(problemOf({ count: true, expire: "1d" })).toContain('there is no option "expire"');
  });
});

test("when documents expire is told apart in definitions, but builds no index anew", () => {
  const of = (expire: unknown) =>
    define("things", schema, { indexes: { i: { on: ["at"], expire } } }).definition;
  const all = [undefined, true, "30d", "60d"].map(of);
  expect(new Set(all.map(({ fingerprint }) => fingerprint)).size).toBe(4);
  expect(new Set(all.map(({ indexes }) => indexes[0]!.fingerprint)).size).toBe(1);
  expect(of("1d").fingerprint).toBe(of("24h").fingerprint);
  const first = catalogPlan(all[0]!, undefined, 1);
  for (const definition of all) {
    const next = catalogPlan(definition, "row" in first ? first.row : undefined, 2);
    expect(next).toMatchObject({ changed: false, erase: [] });
  }
});
