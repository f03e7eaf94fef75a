/** What goes in, what comes out and what may be asked, as types: of each kind of schema. */
import * as v from "valibot";
import { expectTypeOf, test } from "vitest";
import * as z from "zod";
import * as mini from "zod/mini";
import { collection, ref } from "../../../../src/index.ts";
import type { DocOf, Filter, Id, InsertOf } from "../../../../src/index.ts";

const isoDate = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});
const Things = collection(
  "things",
  z.object({
    text: z.string(),
    maybe: z.number().optional(),
    nothing: z.bigint().nullable(),
    nullish: z.date().nullish(),
    role: z.enum(["admin", "member"]).default("member"),
    either: z.union([z.number(), z.string()]),
    shape: z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("circle"), radius: z.number() }),
      z.object({ kind: z.literal("square"), side: z.number(), at: z.date().optional() }),
    ]),
    at: isoDate,
    counts: z.record(z.string(), z.number()),
    langs: z.partialRecord(z.enum(["de", "en"]), z.string()),
    grid: z.array(z.array(z.number())),
    items: z.array(z.object({ sku: z.string().brand("Sku"), n: z.number().default(1) })),
    raw: z.instanceof(Uint8Array),
    owner: ref("users"),
  }),
  {
    indexes: {
      byRadius: ["shape.radius"],
      byCount: ["counts.a"],
      bySku: ["items[].sku"],
      byAt: ["-at", "either"],
      byRaw: ["raw", "nothing"],
    },
  },
);
type Sku = string & z.core.$brand<"Sku">;

test("documents are what the schema gives", () => {
  type Thing = DocOf<typeof Things>;
  expectTypeOf<Thing>().toEqualTypeOf<{
    readonly id: Id<"things">;
    text: string;
    maybe?: number | undefined;
    nothing: bigint | null;
    nullish?: Date | null | undefined;
    role: "admin" | "member";
    either: string | number;
    shape:
      | { kind: "circle"; radius: number }
      | { kind: "square"; side: number; at?: Date | undefined };
    at: Date;
    counts: Record<string, number>;
    langs: Partial<Record<"de" | "en", string>>;
    grid: number[][];
    items: { sku: Sku; n: number }[];
    raw: Uint8Array<ArrayBuffer>;
    owner: Id<"users">;
  }>();
});

test("inserts are what it takes: defaults may be left out, a codec takes its own side", () => {
  type New = InsertOf<typeof Things>;
  expectTypeOf<New["role"]>().toEqualTypeOf<"admin" | "member" | undefined>();
  expectTypeOf<New["at"]>().toEqualTypeOf<string>();
  expectTypeOf<New["items"]>().toEqualTypeOf<{ sku: string; n?: number | undefined }[]>();
  expectTypeOf<New["owner"]>().toEqualTypeOf<Id<"users">>();
  expectTypeOf<New["id"]>().toEqualTypeOf<Id<"things"> | undefined>();
});

test("filters take what a field may be, and refuse the rest", () => {
  type Asked = Filter<DocOf<typeof Things>>;
  const right: readonly Asked[] = [
    { maybe: null, nothing: { gte: 1n }, nullish: { exists: false } },
    { either: { in: [1, "a"] }, role: { ne: "admin" } },
    { shape: { kind: "circle", radius: { gt: 1 } } },
    { shape: { at: null } },
    { at: { lt: new Date(0) }, raw: { gte: new Uint8Array(0) } },
    { counts: { anything: { gt: 1 } }, langs: { de: { startsWith: "a" } } },
    { grid: { size: 2 }, items: { some: { sku: "s" as Sku, n: { lt: 3 } } } },
    { owner: "u" as Id<"users"> },
  ];
  // @ts-expect-error the stored side of a codec is a date
  const codec: Asked = { at: "2026-01-01T00:00:00Z" };
  // @ts-expect-error no such kind
  const kind: Asked = { shape: { kind: "ring" } };
  // @ts-expect-error a plain text is no brand
  const brand: Asked = { items: { some: { sku: "s" } } };
  // @ts-expect-error counts are numbers
  const count: Asked = { counts: { a: "1" } };
  // @ts-expect-error no such language
  const lang: Asked = { langs: { fr: "un" } };
  // @ts-expect-error lists in a list have no element to be compared
  const grid: Asked = { grid: { has: 1 } };
  // @ts-expect-error neither a number nor a text
  const either: Asked = { either: true };
  // @ts-expect-error the id of another collection
  const owner: Asked = { owner: "u" as Id<"things"> };
  expectTypeOf([right, codec, kind, brand, count, lang, grid, either, owner]).toBeArray();
});

test("zod/mini and valibot say their types as zod does", () => {
  const Mini = collection(
    "mini",
    mini.object({
      f: mini.string(),
      n: mini.optional(mini.number()),
      d: mini._default(mini.date(), () => new Date(0)),
    }),
    { indexes: { byF: ["f", "-d"] } },
  );
  expectTypeOf<DocOf<typeof Mini>>().toEqualTypeOf<{
    readonly id: Id<"mini">;
    f: string;
    n?: number | undefined;
    d: Date;
  }>();
  const Other = collection(
    "other",
    v.object({
      f: v.string(),
      role: v.optional(v.picklist(["a", "b"]), "a"),
      list: v.array(v.object({ sku: v.string() })),
    }),
    { indexes: { byRole: ["role"], bySku: ["list[].sku"] } },
  );
  expectTypeOf<DocOf<typeof Other>["role"]>().toEqualTypeOf<"a" | "b">();
  expectTypeOf<InsertOf<typeof Other>["role"]>().toEqualTypeOf<"a" | "b" | undefined>();
  // @ts-expect-error no such field
  collection("other", v.object({ f: v.string() }), { indexes: { i: ["g"] } });
  // @ts-expect-error valibot's texts are no objects
  collection("other", v.string());
});
